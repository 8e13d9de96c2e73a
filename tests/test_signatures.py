"""Arguments by position mean what they mean in PyTorch: every public signature is compared."""

from __future__ import annotations

import ast
import contextlib
import inspect
import re
import types
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist._runtime.naming import OTHER_NAMES


class Signature(NamedTuple):
    """The names of a function's arguments."""

    positional: tuple[str, ...]
    several: str = ""
    """The name of arguments of which there may be any number."""
    keywords: tuple[str, ...] = ()
    open: bool = False
    """Whether any other name is taken, too."""
    defaults: dict[str, Any] = {}  # noqa: RUF012


def signature(function: Any) -> Signature | None:
    """Return the signature of a Python function, or None of one that has none."""
    try:
        found = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        return None
    by_kind = defaultdict(list)
    for p in found:
        by_kind[p.kind].append(p.name)
    kind = inspect.Parameter
    return Signature(
        tuple(by_kind[kind.POSITIONAL_ONLY] + by_kind[kind.POSITIONAL_OR_KEYWORD]),
        "".join(by_kind[kind.VAR_POSITIONAL]),
        tuple(by_kind[kind.KEYWORD_ONLY]),
        bool(by_kind[kind.VAR_KEYWORD]),
        {p.name: p.default for p in found if p.default is not p.empty},
    )


def of_definition(node: ast.FunctionDef) -> Signature:
    """Return the signature of a definition that was read, not run."""
    a = node.args
    return Signature(
        tuple(x.arg for x in a.posonlyargs + a.args),
        a.vararg.arg if a.vararg else "",
        tuple(x.arg for x in a.kwonlyargs),
        a.kwarg is not None,
    )


def stubs(torch: Any) -> dict[str, list[Signature]]:
    """Return the signatures of PyTorch's compiled functions and methods, from its type stubs."""
    found: dict[str, list[Signature]] = defaultdict(list)
    folder = Path(torch.__file__).parent
    for path, prefix in (
        ("_C/_VariableFunctions.pyi", "torch"),
        ("_C/__init__.pyi", "torch.Tensor"),
        ("nn/functional.pyi", "torch.nn.functional"),
    ):
        body = ast.parse((folder / path).read_text()).body
        if prefix == "torch.Tensor":
            body = next(n for n in body if getattr(n, "name", "") == "TensorBase").body  # type: ignore[attr-defined]
        for node in body:
            if isinstance(node, ast.FunctionDef):
                found[f"{prefix}.{node.name}"].append(of_definition(node))
    return found


def documented(function: Any) -> list[Signature]:
    """Return the signature that a compiled function's documentation begins with."""
    text = (getattr(function, "__doc__", None) or "").strip().split("\n")[0]
    match = re.match(r"[\w.]*?(\w+)(\(.*\))(?: ->.*)?$", text)
    with contextlib.suppress(SyntaxError):
        if match:
            node = ast.parse(f"def {match[1]}{match[2]}: ...").body[0]
            return [of_definition(node)] if isinstance(node, ast.FunctionDef) else []
    return []


def pairs(mine: Any, theirs: Any, path: str = "torch", seen: Any = None) -> Iterator[Any]:
    """Yield what both libraries have under one name: its path, ours and PyTorch's."""
    seen = set() if seen is None else seen
    seen.add(id(mine))
    for name in sorted(n for n in dir(theirs) if not n.startswith("_")):
        if not hasattr(mine, name):
            continue
        a, b, here = getattr(mine, name), getattr(theirs, name), f"{path}.{name}"
        if isinstance(a, types.ModuleType):
            own = a.__name__.startswith("tinygrad_mnist") and not a.__name__.endswith(".ops")
            if own and isinstance(b, types.ModuleType) and id(a) not in seen:
                yield from pairs(a, b, here, seen)
        elif isinstance(a, type) and isinstance(b, type):
            if id(a) in seen or issubclass(a, BaseException | tuple):
                continue
            seen.add(id(a))
            yield here, a, b
            for method in (m for m in dir(a) if not m.startswith("_") and hasattr(b, m)):
                if not hasattr(a, method):
                    continue  # a name that says what to use in its place
                x, y = getattr(a, method), getattr(b, method)
                if callable(x) and callable(y) and id(x) not in seen:
                    seen.add(id(x))
                    yield f"{here}.{method}", x, y
        elif callable(a) and callable(b):
            yield here, a, b


SAME = {"self": "input", "tensor": "input"}
"""Other names of a function's first argument."""

INTERNAL = {
    # What a user never makes, or never calls with arguments.
    "torch.dtype", "torch.layout", "torch.memory_format", "torch.device", "torch.finfo",
    "torch.iinfo", "torch.Generator", "torch.autograd.graph.Node", "torch.Tensor",
    "torch.autograd.function.FunctionCtx", "torch.nn.Parameter", "torch.nn.Buffer",
    "torch.Generator.manual_seed", "torch.Generator.set_state", "torch.nn.UninitializedBuffer",
    "torch.nn.UninitializedParameter",
    # Decorates without parentheses, which happens before the arguments are read.
    "torch.autograd.enable_grad", "torch.enable_grad",
}  # fmt: skip

IMPRECISE = {
    # By position in PyTorch's stubs; called so, PyTorch refuses them, as here.
    "torch.tensor", "torch.Tensor.new_tensor", "torch.Tensor.cpu", "torch.Tensor.is_contiguous", "torch.Tensor.is_pinned",
    "torch.Tensor.resize_as_", "torch.resize_as_", "torch.linalg.vander", "torch.subtract", "torch.Tensor.subtract", "torch.Tensor.subtract_",
    "torch.Tensor.requires_grad_", "torch.nn.RNN", "torch.nn.GRU",
    # On GPUs alone.
    "torch.mm", "torch.bmm", "torch.addmm", "torch.baddbmm",
}  # fmt: skip

BY_POSITION = {
    # Where a place means several things, or a name differs: calls that PyTorch takes.
    "max": ["t.max(x, 1)[0]", "t.max(x, 1, True)[0]", "t.max(x, y)", "x.max(y)", "x.max(0, True)[1]"],
    "min": ["t.min(x, 1)[0]", "t.min(x, 1, True)[0]", "t.min(x, y)", "x.min(y)", "x.min(0, True)[1]"],
    "std": ["t.std(x, False)", "t.std(x, 1, False)", "t.std(x, 1, True, True)", "x.std(False)"],
    "var": ["t.var(x, False)", "t.var(x, 1, False)", "t.var(x, 1, True, True)", "x.var(0, False)"],
    "std_mean": ["t.std_mean(x, False)[0]", "t.std_mean(x, 1, False, True)[0]"],
    "var_mean": ["t.var_mean(x, False)[0]", "t.var_mean(x, 1, False, True)[0]"],
    "scatter": ["t.scatter(x, 0, i, y)", "t.scatter(x, 0, i, 5.0)", "x.scatter(1, i, 2)"],
    "scatter_": ["x.clone().scatter_(0, i, y)", "x.clone().scatter_(0, i, 5.0, reduce='add')"],
    "random_": ["x.clone().random_(5)", "x.clone().random_(3, 9)", "x.clone().random_()"],
    "randint": ["t.randint(9, (5,))", "t.randint(3, 9, (5,))", "t.randint(3, 9, (5,), dtype=t.int32)"],
    "randint_like": ["t.randint_like(x, 9)", "t.randint_like(x, 3, 9)"],
    "arange": ["t.arange(3)", "t.arange(1, 3)", "t.arange(1, 6, 2)"],
    "normal": ["t.normal(0.0, 1.0, (3,))", "t.normal(x, y.abs())", "t.normal(x, 2.0)", "t.normal(1.0, y.abs())"],
    "repeat_interleave": ["t.repeat_interleave(v)", "t.repeat_interleave(x, 2)", "t.repeat_interleave(x, 2, 1)", "x.repeat_interleave(v, 1)"],
    "split": ["t.split(x, 2)[0]", "t.split(x, [1, 2], 1)[1]", "x.split(2, 1)[0]", "t.split(tensor=x, split_size_or_sections=2)[1]", "x.split(split_size=2)[1]"],
    "tensor_split": ["t.tensor_split(x, 2)[0]", "t.tensor_split(x, (1, 2), 1)[2]", "x.tensor_split(v)[1]",
        "t.tensor_split(x, sections=2)[1]"],
    "hsplit": ["t.hsplit(x, 3)[0]", "t.hsplit(x, sections=3)[1]", "t.hsplit(x, (1,))[1]", "x.hsplit([2])[0]"],
    "vsplit": ["t.vsplit(x, 3)[0]", "t.vsplit(x, (1,))[1]", "x.vsplit([2])[0]"],
    "addmv_": ["t.addmv_(x[0].clone(), x, x[1])"],
    "matrix_exp": ["t.matrix_exp(x)", "t.linalg.matrix_exp(x)"],
    "rsub": ["t.rsub(x, y)", "t.rsub(x, 3.0, 2)"],
    "tensorinv": ["t.linalg.tensorinv(t.eye(4).reshape(2, 2, 4), 2)"],
    "dsplit": ["t.dsplit(z, 3)[0]", "t.dsplit(z, sections=3)[1]", "z.dsplit([2])[0]"],
    "isin": ["t.isin(v, i)", "t.isin(elements=v, test_element=2)", "t.isin(element=2, test_elements=v)", "t.isin(2, v)", "t.isin(v, 2)"],
    "result_type": ["t.result_type(x, 1)", "t.result_type(1, v)", "t.result_type(1, 2.0)"],
    "embedding": ["t.embedding(x, i)", "F.embedding(i, x)", "F.embedding(i, x, 0)"],
    "swapaxes": ["t.swapaxes(x, 0, 1)", "x.swapaxes(axis0=0, axis1=1)", "x.clone().swapaxes_(0, 1)"],
    "swapaxes_": ["x.clone().swapaxes_(axis0=0, axis1=1)"],
    "where": ["t.where(x > 0, x, y)", "t.where(x > 0)[0]", "x.where(x > 0, y)", "t.where(x > 0, x, 2.0)"],
    "searchsorted": ["t.searchsorted(v, v)", "t.searchsorted(v, 2)"],
    "histogramdd": ["t.histogramdd(x, [2, 2, 2])[0]"],
    "init_process_group": [],  # its last argument is for PyTorch's own use
    "DistributedDataParallel": [],  # its further arguments are for PyTorch's buckets
    "fork_rng": [],  # its further arguments are about GPUs
    "set_num_threads": [],  # takes no names in PyTorch
    "apply_": ["x.clone().apply_(lambda a: a + 1)"],
    "once_differentiable": [],
    "extend": ["len(t.nn.ModuleList().extend([t.nn.ReLU()]))"],
    "new": ["x.new(2, 3).shape", "x.new([1.0, 2.0])", "x.new(x)"],
    **{
        name: [f"t.{name}({a})", f"x.{name}({a.removeprefix('x, ')})"]
        for name, a in (
            ("add", "x, y"), ("sub", "x, y"), ("addmm", "x, x, y"), ("addbmm", "x, z, z"),
            ("baddbmm", "z, z, z"), ("addcmul", "x, y, y"), ("addcdiv", "x, y, y"),
            ("addmv", "x[0], x, x[1]"), ("addr", "x, x[0], x[1]"),
        )
    },
    "addr": ["t.addr(x, x[0], x[1])"], "addmv": ["t.addmv(x[0], x, x[1])"],
    "baddbmm": ["t.baddbmm(z, z, z)"],
}  # fmt: skip


def signatures(torch: Any) -> Iterator[tuple[str, Signature, list[Signature]]]:
    """Yield a path, our signature, and those that PyTorch has under it."""
    compiled = stubs(torch)
    for path, mine, theirs in pairs(tg, torch):
        own, written = signature(mine), signature(theirs)
        if own is None or path in INTERNAL:
            continue
        vague = written is None or (not written.positional and written.several and written.open)
        if path.startswith("torch.Tensor.") and path in compiled:
            yield path, own, compiled[path]
        elif vague:
            old = path.startswith("torch.nn.init.")  # their older names say nothing
            also = [] if old else compiled[f"torch.{path.rpartition('.')[2]}"]
            yield path, own, compiled[path] or documented(theirs) or also
        else:
            yield path, own, [written]  # type: ignore[list-item]


def differences(torch: Any) -> Iterator[tuple[str, str]]:
    """Yield what is called differently by position, and how."""
    for path, own, wanted in signatures(torch):
        if path in IMPRECISE:
            continue
        for other in wanted:
            for place, argument in enumerate(other.positional):
                if place >= len(own.positional):
                    if not own.several:
                        yield path, f"takes no {argument} at {place}, after {own.positional}"
                    break
                given = own.positional[place]
                if given != argument and (
                    place or SAME.get(argument, argument) != SAME.get(given, given)
                ):
                    if argument != SAME.get(given):
                        yield path, f"takes {given} at {place}, where PyTorch takes {argument}"
                        break


@pytest.mark.filterwarnings("ignore")  # of names that PyTorch is giving up
def test_every_argument_has_pytorchs_place(torch: Any) -> None:
    found = list(differences(torch))
    unknown = [f"{p} {how}" for p, how in found if p.rpartition(".")[2] not in BY_POSITION]
    print("\n".join(unknown))
    assert not unknown


def value(t: Any, call: str) -> Any:
    """Evaluate a call in a library."""
    source = np.random.default_rng(4)
    names = {
        "t": t,
        "F": t.nn.functional,
        "x": t.tensor(source.standard_normal((3, 3))),
        "y": t.tensor(source.standard_normal((3, 3))),
        "z": t.tensor(source.standard_normal((3, 3, 3))),
        "v": t.tensor([0, 1, 2]),
        "i": t.tensor([[2, 0, 1]]),
    }
    t.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(call, names)


CALLS = [call for calls in BY_POSITION.values() for call in calls] + [
    "t.norm(x.float(), 2, 0, True, None, t.float64)", "t.norm(x, 2, 0, True, t.empty(1, 3, dtype=t.float64))",
    "x.float().norm(2, 0, True, t.float64)", "t.dropout(x, 0.5, False)", "t.dropout(x, 0.5, True)",
    "t.alpha_dropout(x, 0.5, False)", "t.layer_norm(x, (3,), None, None, 1e-3, True)",
    "t.group_norm(z, 3, None, None, 1e-3, True)",
    "t.binary_cross_entropy_with_logits(x, y.sigmoid(), None, y.exp(), 0)",
    "t.binary_cross_entropy_with_logits(x, y.sigmoid(), None, None, 2)",
    "t.embedding(x, v, 1)", "t.rrelu(x, 0.1, 0.3, False, None)", "t.rrelu(x, 0.1, 0.3, True, None)",
    "F.rrelu(x, 0.1, 0.3, True, False)", "t.tensordot(x, y, 1, t.empty(3, 3, dtype=t.float64))",
    "F.normalize(x, 2.0, 0, 1e-12, t.empty(3, 3, dtype=t.float64))", "F.softmax(x, 0, 3, t.float32)",
    "F.log_softmax(x, 0, 3, t.float32)", "t.nn.Hardtanh(-1.0, 1.0, False, -0.5, 0.5)(x)",
    "x.type(t.float32, True)", "t.linalg.norm(input=x)", "t.linalg.norm(x, 1, 0, True)",
    "t.linalg.inv(x, out=t.empty(0, dtype=t.float64))", "t.linalg.det(x, out=t.empty((), dtype=t.float64))",
    "t.searchsorted(v, v, out=t.empty(3, dtype=t.int64))", "t.nn.RMSNorm(3)(x=x.float()).detach()",
    "t.nn.PoissonNLLLoss()(log_input=x, target=y)",
    "t.autograd.backward((w := x.clone().requires_grad_()) * 2, None, None, False, t.ones(3, 3)) or w.grad",
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_calls_by_position_give_what_pytorchs_give(torch: Any, call: str) -> None:
    mine, theirs = value(tg, call), value(torch, call)
    if hasattr(theirs, "numpy"):
        assert repr(mine.dtype) == repr(theirs.dtype)
        assert tuple(mine.shape) == tuple(theirs.shape)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-7)
    else:
        assert str(mine) == str(theirs)


@pytest.mark.filterwarnings("ignore")  # of names that PyTorch is giving up
def test_defaults_are_those_of_pytorch(torch: Any) -> None:
    different = []
    for path, mine, theirs in pairs(tg, torch):
        own, other = signature(mine), signature(theirs)
        if own is None or other is None or path in INTERNAL:
            continue
        for name, value in other.defaults.items():
            given = own.defaults.get(name, value)
            same = repr(given) == repr(value) or given == value or callable(value)
            if not same and f"{path}.{name}" not in OTHER_DEFAULTS:
                different.append(f"{path}: {name}={given!r}, PyTorch has {value!r}")
    print("\n".join(different))
    assert not different


OTHER_DEFAULTS = {
    # Half precision, where there is any.
    "torch.cuda.amp.autocast.dtype",
    # The default generator, which is looked up when it is used.
    "torch.utils.data.random_split.generator", "torch.utils.data.dataset.random_split.generator",
}  # fmt: skip


UNUSED = {
    # Where tensors live and how they are laid out: there is one device and one layout.
    "layout", "pin_memory", "memory_format", "crow_indices", "out_dtype", "device_type",
    # Named tensors, which PyTorch never finished.
    "names",
    # What a function's first argument is called, and what is handled before the function is called.
    "self", "input", "out", *OTHER_NAMES,
}  # fmt: skip

LACKING = {
    # Integers can't require gradients.
    "torch.randperm": {"requires_grad"},
    "torch.tril_indices": {"requires_grad"},
    "torch.triu_indices": {"requires_grad"},
    # In PyTorch's stubs alone.
    "torch.Tensor.apply_": {"callable"},
    "torch.Tensor.is_pinned": {"device"},
    "torch.Tensor.requires_grad_": {"mode"},
    "torch.Tensor.expand": {"implicit"},
    "torch.Tensor.resize_as_": {"the_template"},
    "torch.resize_as_": {"the_template"},
    "torch.linalg.matrix_exp": {"A"},
    "torch.linalg.tensorinv": {"A"},
    "torch.Tensor.tensor_split": {"tensor_indices_or_sections"},
    "torch.autograd.function.once_differentiable": {"fn"},
    "torch.result_type": {"scalar", "scalar1", "scalar2"},
    "torch.set_num_threads": {"num"},
    "torch.tensor_split": {"tensor_indices_or_sections"},
}


@pytest.mark.filterwarnings("ignore")  # of names that PyTorch is giving up
def test_every_name_of_an_argument_is_taken(torch: Any) -> None:
    lacking = []
    for path, own, wanted in signatures(torch):
        if own.open:
            continue
        names = {n for s in wanted for n in (() if own.several else s.positional) + s.keywords}
        names -= {*own.positional, *own.keywords, *UNUSED, *LACKING.get(path, ())}
        if found := {n for n in names if not n.startswith("_")}:
            lacking.append(f"{path} takes no {', '.join(sorted(found))}")
    print("\n".join(lacking))
    assert not lacking


MADE_BY_POSITION = [
    "Linear(3, 2, False, 'cpu', t.float64)", "Bilinear(2, 3, 4, False, 'cpu', t.float64)",
    "Embedding(3, 2, 1, 1.5, 1.0, False, False, t.ones(3, 2), True, 'cpu', t.float64)",
    "EmbeddingBag(3, 2, 1.5, 1.0, False, 'sum', False, t.ones(3, 2), True, 1, 'cpu', t.float64)",
    "Conv1d(2, 4, 3, 2, 1, 2, 2, False, 'reflect', 'cpu', t.float64)",
    "Conv2d(2, 4, 3, 2, 1, 2, 2, False, 'circular', 'cpu', t.float64)",
    "ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False, 2, 'zeros', 'cpu', t.float64)",
    "BatchNorm1d(3, 1e-3, 0.2, False, False, 'cpu', t.float64)",
    "BatchNorm2d(3, 1e-3, None, True, True, 'cpu', t.float64)",
    "InstanceNorm1d(3, 1e-3, 0.2, True, True, 'cpu', t.float64)",
    "LayerNorm((3,), 1e-3, True, False, 'cpu', t.float64)", "RMSNorm(3, 1e-3, True, 'cpu', t.float64)",
    "GroupNorm(1, 3, 1e-3, True, 'cpu', t.float64)", "PReLU(3, 0.1, 'cpu', t.float64)",
    "LSTM(3, 4, 2, False, True, 0.1, True, 2, 'cpu', t.float64)",
    "GRUCell(3, 4, False, 'cpu', t.float64)", "RNNCell(3, 4, False, 'relu', 'cpu', t.float64)",
    "MultiheadAttention(4, 2, 0.1, False, True, True, 3, 5, True, 'cpu', t.float64)",
    "TransformerEncoderLayer(4, 2, 8, 0.2, 'gelu', 1e-3, True, True, False, 'cpu', t.float64)",
    "Dropout(0.3, True)", "ReLU(True)", "LeakyReLU(0.3, True)", "ELU(0.3, True)", "Softplus(2, 9)",
    "Hardtanh(-2, 3, True)", "Threshold(0.1, 2, True)", "MaxPool2d(3, 2, 1, 1, True, True)",
    "AvgPool2d(3, 2, 1, True, False, 5)", "MaxPool1d(3, 2, 1, 2, True, True)",
    "AdaptiveMaxPool2d(2, True)", "Upsample(None, 2.0, 'bilinear', True, True)",
    "LocalResponseNorm(2, 0.1, 0.2, 3.0)", "CosineSimilarity(0, 1e-3)",
    "PairwiseDistance(1, 1e-3, True)", "Flatten(0, 1)", "ConstantPad2d(1, 2.5)",
    "Embedding(5, 3, -1)", "EmbeddingBag(5, 3)", "ReLU()", "RReLU(0.1, 0.2, True)", "Hardsigmoid(True)",
    "CELU(0.5, True)", "SELU(True)", "GELU('tanh')", "Softshrink(0.7)", "GLU(0)", "Softmin(0)", "LogSoftmax(-1)",
    "Bilinear(2, 3, 4)", "Unflatten(1, (2, 2))", "AlphaDropout(0.3, True)", "CTCLoss(1, 'sum', True)",
    "TripletMarginLoss(2.0, 1.0, 1e-3, True)", "MultiMarginLoss(2, 0.5)", "GaussianNLLLoss(full=True)",
]  # fmt: skip


@pytest.mark.parametrize("call", MADE_BY_POSITION)
def test_layers_made_by_position_are_those_of_pytorch(torch: Any, call: str) -> None:
    states = []
    for t in (tg, torch):
        t.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            layer = eval(f"t.nn.{call}", {"t": t})
        state = {
            name: (repr(x.dtype), np.round(x.numpy(), 5).tolist())
            for name, x in layer.state_dict().items()
        }
        simple = {
            name: value
            for name, value in sorted(vars(layer).items())
            if isinstance(value, int | float | str | tuple) and not name.startswith("_")
        }
        states.append((repr(layer), state, simple))
    (shown, own, mine), (wanted, theirs, settings) = states
    assert shown == wanted
    assert own == theirs
    for name in mine.keys() & settings.keys():
        assert repr(mine[name]) == repr(settings[name]), name
