"""Random programs in both libraries: outputs, gradients, their gradients, and what was changed.

A program is text that is run twice, once with each library under the name ``torch``. Its inputs
are ``x0``, ``x1``, ...; what it leaves in ``out`` is compared. Those that once told the two apart
are listed; random ones come besides.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sweeps import IS_LONG

import tinygrad_mnist as tg


class Source:
    """Draws a program: its settings, and its inputs."""

    def __init__(self, seed: int) -> None:
        self.chance, self.numbers = random.Random(seed), np.random.default_rng(seed)
        self.dtype: Any = self.pick(np.float64, np.float64, np.float32)
        self.arrays: list[np.ndarray] = []

    def pick(self, *options: Any) -> Any:
        return self.chance.choice(options)

    def length(self) -> int:
        return self.chance.randint(1, 4)

    def shape(self, dims: int) -> tuple[int, ...]:
        return tuple(self.pick(0, *[self.length() for _ in range(20)]) for _ in range(dims))

    def keep(self, array: Any) -> str:
        self.arrays.append(np.asarray(array))
        return f"x{len(self.arrays) - 1}"

    def floats(self, *shape: int, ties: bool = False) -> str:
        """Draw an input, laid out in memory in some way."""
        array = self.numbers.standard_normal(shape).astype(self.dtype)
        if ties:
            array = np.round(array)
        if self.pick(True, False) and array.ndim > 1:
            array = np.ascontiguousarray(array.swapaxes(0, -1)).swapaxes(0, -1)
        elif self.pick(True, False) and array.ndim:
            array = np.repeat(array, 2, -1)[..., ::2]
        return self.keep(array)

    def integers(self, low: int, high: int, *shape: int) -> str:
        return self.keep(self.numbers.integers(low, high, shape))

    def index(self, shape: tuple[int, ...]) -> str:
        """Draw an index with parts of every kind; none of them repeats."""
        parts = []
        for n in shape:
            kind = self.chance.randrange(8)
            if kind == 0:
                parts.append("None")
            if kind == 1 and n:
                parts.append(str(self.chance.randint(-n, n - 1)))
            elif kind == 2 and n:
                parts.append(self.keep(self.numbers.permutation(n)[: self.pick(1, 2)]))
            elif kind == 3:
                parts.append(self.keep(self.numbers.random(n) < 0.5))
            elif kind == 4 and "..." not in parts:
                parts.append("...")
                break
            else:
                start, stop = self.pick("", 0, 1, -2), self.pick("", 2, -1)
                parts.append(f"{start}:{stop}:{self.pick('', 1, 2)}")
        return ", ".join(parts) or "..."


def getitem(s: Source) -> str:
    shape = s.shape(s.pick(1, 2, 3, 4))
    return f"out = {s.floats(*shape)}[{s.index(shape)}]"


def setitem(s: Source) -> str:
    shape = s.shape(s.pick(1, 2, 3))
    x, index, value = s.floats(*shape), s.index(shape), s.pick("2.5", s.floats(), s.floats(1))
    write = s.pick(f"= {value}", f"*= {value}", f"+= {value}")
    return f"b = {x} * 2\nb[{index}] {write}\nout = [b, b * b]"


def in_place(s: Source) -> str:
    lines = [f"b = {s.floats(2, 3)}.abs() + 0.5"]
    for _ in range(s.chance.randint(1, 3)):
        view = s.pick("", "[0]", "[:, 0]", ".T", ".view(-1)[::2]", "[:1]", ".diagonal()", "[None]")
        call = s.pick("mul_(y)", "add_(y)", "exp_()", "sigmoid_()", "sqrt_()", "fill_(2.0)",
                      "clamp_(0.4, 1.0)", "pow_(2)", "relu_()", "copy_(y)", "div_(2)")  # fmt: skip
        lines += [f"y = {s.floats()} + 2", f"b{view}.{call}", "c = b * b"]
    return "\n".join([*lines, "out = [b, c]"])


def loss(s: Source) -> str:
    shape, reduction = s.shape(s.pick(0, 1, 2)), s.pick("mean", "sum", "none")
    x, y = s.floats(*shape, ties=s.pick(True, False)), s.floats(*shape)
    name = s.pick("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss", "soft_margin_loss",
                  "poisson_nll_loss", "kl_div", "binary_cross_entropy_with_logits")  # fmt: skip
    return f"out = F.{name}({x}, {y}.sigmoid(), reduction={reduction!r})"


def classes(s: Source) -> str:
    count, rest = s.length(), s.shape(s.pick(0, 1, 2))
    batch = s.shape(1)
    target = s.numbers.integers(0, count, batch + rest)
    ignored = s.pick(-100, 0)
    target[s.numbers.random(target.shape) < 0.3] = ignored
    weight = s.pick("None", s.floats(count) + ".abs().detach()")
    return (
        f"out = F.cross_entropy({s.floats(*batch, count, *rest)} * 3, {s.keep(target)}, {weight}, "
        f"ignore_index={ignored}, reduction={s.pick('mean', 'sum', 'none')!r}, "
        f"label_smoothing={s.pick(0.0, 0.1)})"
    )


def activation(s: Source) -> str:
    name = s.pick("elu", "selu", "celu", "gelu", "mish", "silu", "hardswish", "hardsigmoid",
                  "softsign", "logsigmoid", "tanhshrink", "softshrink", "relu6")  # fmt: skip
    x = s.floats(*s.shape(2)) + f" * {s.pick(1, 5)}"
    softplus = f"softplus({x}, {s.pick(1, 2)}, {s.pick(0.5, 20)})"
    return f"out = F.{s.pick(f'{name}({x})', softplus)}"


def convolution(s: Source) -> str:
    groups, outs, ins = s.pick(1, 2), s.pick(1, 2), s.pick(1, 2)
    kernel, size = [s.pick(1, 2, 3) for _ in "ab"], [s.chance.randint(1, 6) for _ in "ab"]
    stride, padding, dilation = s.pick(1, 2, (3, 1)), s.pick(0, 1, (2, 0)), s.pick(1, 2)
    x = s.floats(s.pick(1, 2), groups * ins, *size)
    rest = f"stride={stride}, padding={padding}, dilation={dilation}, groups={groups})"
    if s.pick(True, False):
        weight, bias = s.floats(groups * outs, ins, *kernel), s.floats(groups * outs)
        return f"out = F.conv2d({x}, {weight}, {bias}, {rest}"
    weight = s.floats(groups * ins, outs, *kernel)
    return f"out = F.conv_transpose2d({x}, {weight}, {rest}"


def pooling(s: Source) -> str:
    x = s.floats(s.pick(1, 2), 2, *[s.chance.randint(1, 7) for _ in "ab"], ties=s.pick(True, False))
    kernel, stride = s.pick(1, 2, (3, 2)), s.pick(None, 1, (2, 3))
    ceil = s.pick(True, False)
    return "out = F." + s.pick(
        f"max_pool2d({x}, {kernel}, {stride}, {s.pick(0, 1)}, ceil_mode={ceil})",
        f"avg_pool2d({x}, {kernel}, {stride}, {s.pick(0, 1)}, {ceil}, {s.pick(True, False)})",
        f"adaptive_{s.pick('avg', 'max')}_pool2d({x}, {s.pick(1, (2, 3), (None, 1))})",
    )


def recurrent(s: Source) -> str:
    kind, steps, batch = s.pick("RNN", "LSTM", "GRU"), s.length(), s.chance.randint(1, 3)
    double = "" if s.dtype == np.float32 else ".double()"
    settings = f"num_layers={s.pick(1, 2)}, bias={s.pick(True, False)}, "
    make = f"m = nn.{kind}(2, 3, {settings}bidirectional={s.pick(True, False)}){double}\n"
    x = s.floats(steps, batch, 2)
    if s.pick(True, False):
        return make + f"o, h = m({x})\nout = [{s.pick('o', 'h', 'o, h')}]"
    lengths = [s.chance.randint(1, steps) for _ in range(batch)]
    pack = f"nn.utils.rnn.pack_padded_sequence({x}, torch.tensor({lengths}), enforce_sorted=False)"
    return make + f"o, h = m({pack})\nout = [{s.pick('o.data', 'o.data, h')}]"


def attention(s: Source) -> str:
    queries, keys = s.length(), s.length()
    mask = s.pick("None", s.keep(s.numbers.random((queries, keys)) < 0.5), s.floats(queries, keys))
    inputs = ", ".join([s.floats(2, queries, 3), s.floats(2, keys, 3), s.floats(2, keys, 2)])
    return f"out = F.scaled_dot_product_attention({inputs}, attn_mask={mask})"


def normalisation(s: Source) -> str:
    n, c, rest = s.chance.randint(2, 4), s.length(), s.shape(s.pick(1, 2))
    x, weight, bias = s.floats(n, c, *rest), s.floats(c), s.floats(c)
    running = f"mean = torch.zeros({c}, dtype={x}.dtype)\nvar = mean + 0.7\n"
    training = s.pick(True, False) and 0 not in rest
    return s.pick(
        f"{running}out = [F.batch_norm({x}, mean, var, {weight}, {bias}, {training}), mean, var]",
        f"out = F.layer_norm({s.floats(n, c)}, ({c},), {weight}, {bias}, {s.pick(1e-5, 0.1)})",
        f"out = F.rms_norm({s.floats(n, c)}, ({c},), {weight})",
        f"out = F.cosine_similarity({s.floats(n, c + 1)}, {s.floats(1, c + 1)}, dim={s.pick(1, -1)})",
    )


def ordering(s: Source) -> str:
    shape = tuple(s.length() for _ in range(s.pick(1, 2)))
    x, dim = s.floats(*shape, ties=True), s.pick(0, -1)
    return "out = " + s.pick(
        f"list(torch.max({x}, {dim}))", f"list(torch.cummax({x}, {dim}))", f"{x}.amin({dim})",
        f"{x}.sort({dim}, stable=True)[0]", f"{x}.median({dim})[0]", f"{x}.prod({dim})",
        f"{x}.cumprod({dim})", f"{x}.prod()", f"{x}.maximum({s.floats(*shape, ties=True)})",
        f"{x}.clamp({s.floats(*shape)} - 1, {s.floats(*shape)} + 1)", f"{x}.logsumexp({dim})",
    )  # fmt: skip


FAMILIES: list[Callable[[Source], str]] = [
    getitem, setitem, in_place, loss, classes, activation, convolution, pooling, recurrent,
    attention, normalisation, ordering,
]  # fmt: skip


def evaluate(library: Any, program: str, arrays: list[np.ndarray], seed: int) -> Any:
    """Run a program; return its numbers, or what kind of error there was."""
    library.manual_seed(seed)
    names: dict[str, Any] = {"torch": library, "nn": library.nn, "F": library.nn.functional}
    leaves = []
    for i, array in enumerate(arrays):
        names[f"x{i}"] = library.from_numpy(array.copy(order="K"))
        if array.dtype.kind == "f":
            leaves.append(names[f"x{i}"].requires_grad_())
    try:
        exec(program, names)
    except (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError) as error:
        return error
    leaves += list(names["m"].parameters()) if "m" in names else []
    outs = names["out"] if isinstance(names["out"], list | tuple) else [names["out"]]
    outs = [part for out in outs for part in (out if isinstance(out, tuple) else (out,))]
    found = [[out.detach().numpy() for out in outs]]
    source = np.random.default_rng(seed)

    def projected(tensors: Any) -> Any:
        total: Any = 0
        for x in tensors:
            cotangent = np.asarray(source.standard_normal(tuple(x.shape)))
            total = total + (x * library.from_numpy(cotangent).to(x.dtype)).sum()
        return total

    total = projected([out for out in outs if out.requires_grad])
    for order in range(2):
        if not (isinstance(total, library.Tensor) and total.requires_grad):
            break
        try:
            grads = library.autograd.grad(total, leaves, create_graph=not order, allow_unused=True)
        except RuntimeError as error:
            return error if not order else found
        # An input that doesn't matter has no gradient, or zeros: it is the same.
        full = [
            library.zeros_like(x) if g is None else g for x, g in zip(leaves, grads, strict=True)
        ]
        found.append([(g.detach() + 0).numpy() for g in full])
        total = projected(full)
    return found


def check(torch: Any, program: str, arrays: list[np.ndarray], seed: int) -> None:
    ours, theirs = (evaluate(library, program, arrays, seed) for library in (tg, torch))
    said = f"{program}\nwith {[(a.shape, a.dtype, a.strides) for a in arrays]}, seed {seed}"
    if isinstance(theirs, Exception):
        return  # ours may do more
    assert not isinstance(ours, Exception), f"{said}\n{ours!r}"
    single = any(array.dtype == np.float32 for array in arrays)
    close = {"rtol": 2e-3, "atol": 2e-4} if single else {"rtol": 1e-6, "atol": 1e-7}
    for a, b in zip(ours, theirs, strict=False):
        for x, y in zip(a, b, strict=True):
            assert (x.shape, x.dtype) == (y.shape, y.dtype), said
            scale = max(1.0, float(np.abs(y[np.isfinite(y)]).max(initial=0)))
            tolerance = {**close, "atol": close["atol"] * scale}
            np.testing.assert_allclose(x, y, err_msg=said, equal_nan=True, **tolerance)


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.__name__)
@pytest.mark.parametrize(
    "seeds",
    [range(50), pytest.param(range(50, 2000 if IS_LONG else 500), marks=pytest.mark.slow)],
    ids=["", "many"],
)
@pytest.mark.filterwarnings("ignore")
def test_random_programs_agree_with_pytorch(torch: Any, family: Any, seeds: range) -> None:
    for seed in seeds:
        source = Source(seed)
        check(torch, family(source), source.arrays, seed)


LISTED = [
    "out = x0[0, :, torch.tensor([0, 2, 1])]",
    "out = x0[:, None, torch.tensor([True, False, True]), ..., 1]",
    "b = x0 * 1\nb[0, :, torch.tensor([0, 2])] = x1[:3, :2]\nout = b",
    "b = x1.reshape(-1) * 1\nb[2] = x1[:1, 0]\nout = b",
    "out = x0.index_fill(0, torch.tensor([0, 0]), x1.sum())",
    "out = torch.prod(x0[:0])",
    "out = torch.add(2.5, x0) + torch.mul(3, x0) + torch.sub(1, x0, alpha=2) + torch.div(1, x0)",
    "out = F.softplus(x0, threshold=0.5)",
    "out = F.threshold(x0 * nan, -1.0, -1.0)",
    "out = F.relu6(x0 * nan)",
    "out = F.elu(x0 * nan)",
    "out = F.hardswish(x0 * inf)",
    "out = F.logsigmoid(x0 * inf)",
    "out = F.kl_div(x0, -x0.abs())",
    "out = F.poisson_nll_loss(x0, x0 * nan, full=True)",
    "out = F.triplet_margin_loss(x0, x1[0, 0] * 1e30, x1[0, 0] * 1e30, p=1.0)",
    "out = F.huber_loss(x0 * inf, x0.sign() * 0)",
    "out = F.smooth_l1_loss(x0.round(), x0.round() * 0)",
    "out = torch.clamp(x0, x0.detach(), x0.detach() + 1)",
    "out = F.cosine_similarity(x0, x0[:1], dim=0)",
    "out = F.adaptive_max_pool1d(x0[:0], 2)",
]


@pytest.mark.parametrize("program", LISTED)
@pytest.mark.filterwarnings("ignore")
def test_what_once_differed_agrees_with_pytorch(torch: Any, program: str) -> None:
    source = Source(0)
    source.dtype = np.float64
    source.floats(3, 3, 3)
    source.floats(3, 3)
    arrays = [np.ascontiguousarray(a) for a in source.arrays]
    check(torch, "from math import inf, nan\n" + program, arrays, 0)
