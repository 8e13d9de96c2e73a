"""PyTorch's overloads, read from its stub files, and calls made of them.

A call is a line of Python that both libraries run: ``x.sum(dim=1, keepdim=True)``. For each
overload arguments are drawn by their types until PyTorch accepts some; then each argument is given
in the other forms that a user may try: by name or by place, a tensor or NumPy's number for a
number, a list or a single number for a tuple, None, and what can't be right.
"""

from __future__ import annotations

import ast
import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np


class Parameter(NamedTuple):
    """A parameter of an overload."""

    name: str
    kind: str
    """Its type in the stub, without "or None"."""
    optional: bool
    """Whether None is among the types."""
    required: bool
    keyword: bool
    several: bool


class Overload(NamedTuple):
    """One way to call a function or a method."""

    name: str
    method: bool
    parameters: tuple[Parameter, ...]


def read(torch: Any, *libraries: Any) -> Iterator[Overload]:
    """Yield the overloads of all functions and methods that both libraries have."""
    folder = Path(torch.__file__).parent / "_C"
    for file, owner in (("__init__.pyi", "TensorBase"), ("_VariableFunctions.pyi", "")):
        body: list[Any] = ast.parse((folder / file).read_text()).body
        if owner:
            body = next(n.body for n in body if isinstance(n, ast.ClassDef) and n.name == owner)
        for node in body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            if all(hasattr(m.Tensor if owner else m, node.name) for m in (torch, *libraries)):
                yield Overload(node.name, bool(owner), tuple(_parameters(node.args, bool(owner))))


def _parameters(args: ast.arguments, method: bool) -> Iterator[Parameter]:
    def made(a: ast.arg, default: Any, keyword: bool, several: bool = False) -> Parameter:
        kinds = ast.unparse(a.annotation).split(" | ") if a.annotation else ["Any"]
        kind = " | ".join(k for k in kinds if k != "None")
        return Parameter(a.arg, kind, "None" in kinds, default is None, keyword, several)

    missing = [None] * (len(args.args) - len(args.defaults))
    for a, default in list(zip(args.args, [*missing, *args.defaults], strict=True))[int(method) :]:
        yield made(a, default, False)
    if args.vararg:
        yield made(args.vararg, None, False, True)
    for a, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield made(a, default, True)


SHAPES = [(2, 3), (3,), (3, 3), (2, 3, 3), ()]


def variables(shape: tuple[int, ...], dtype: str) -> dict[str, np.ndarray]:
    """Return the arrays that calls are made with: x, y, z alike; i indices, b a mask."""
    source = np.random.default_rng(4)
    made = {}
    for name in "xyz":
        array = source.integers(1, 9, shape) / 10
        array = array if dtype.startswith("float") else source.integers(0, 3, shape)
        made[name] = np.asarray(array).astype(dtype)
    made["i"] = np.asarray(source.integers(0, 2, shape))
    made["b"] = np.asarray(source.integers(0, 2, shape)) > 0
    made["v"] = np.array([0.1, 0.5, 0.9], dtype if dtype.startswith("float") else "float32")
    made["k"] = np.array([0, 1, 0])
    return made


WORDS = {
    "reduce": ["'sum'", "'mean'", "'amax'", "'add'"], "rounding_mode": ["'floor'", "'trunc'"],
    "indexing": ["'ij'", "'xy'"], "interpolation": ["'linear'", "'nearest'"], "side": ["'right'", "'left'"],
    "ord": ["'fro'", "'nuc'"], "p": ["'fro'", "'nuc'"], "mode": ["'reduced'", "'complete'"],
    "equation": ["'...->...'", "'...,...->...'"], "UPLO": ["'L'"], "driver": ["'gels'"],
}  # fmt: skip
OMITTED = {"out", "generator", "device", "layout", "pin_memory", "names", "memory_format"}


def values(p: Parameter) -> list[str]:
    """Return arguments that may fit to a parameter."""
    name, kind = p.name, p.kind
    tensors = ["y"]
    if name in ("index", "indices", "sorter", "batch1"):
        tensors = ["i", "k", "y"]
    elif name in ("mask", "condition"):
        tensors = ["b"]
    elif name in ("q", "vec", "vec1", "vec2", "boundaries", "weight"):
        tensors = ["v", "y"]
    found: list[str] = []
    if "tuple[Tensor" in kind or "list" in kind.split(" | "):
        found += ["(x, y)", "(x,)", "(i,)", "(k,)"]
    elif "Tensor" in kind.replace("list[Tensor", ""):
        found += tensors
    if "Number" in kind or "_float" in kind:
        found += ["2", "0.5", "1", "0"]
    if "_int" in kind or "_size" in kind or "SymInt" in kind or kind == "int":
        if "Sequence" in kind or "_size" in kind:
            found += ["(0,)", "(1, 0)", "(2, 3)", "(3,)", "(1,)", "(6,)", "(2, 3, 3)", "(1, 1)"]
        if kind.startswith("_int") or ("_int |" in kind and "Sequence[_int" not in kind):
            found += ["0", "1", "2", "3"]
    if "_bool" in kind:
        found += ["True", "False"]
    if "_dtype" in kind:
        found += ["t.float64", "t.int64"]
    if "Sequence[Number" in kind or "Sequence[_float" in kind:
        found += ["(1, 1)", "(0.5, 2.0)"]
    if kind.startswith("str"):
        found = WORDS.get(name, ["'mean'"])
    return found


def draw(overload: Overload, source: random.Random) -> list[tuple[Parameter, str]] | None:
    """Draw an argument for each parameter, some of the optional ones left out."""
    drawn = []
    for p in overload.parameters:
        if p.name in OMITTED or (not p.required and source.random() < 0.4):
            continue
        choices = values(p)
        if not choices:
            if p.required:
                return None
            continue
        drawn.append((p, "x" if p.name in ("input", "self") and "Tensor" in p.kind else
                      source.choice(choices)))  # fmt: skip
    return drawn


def written(overload: Overload, arguments: list[tuple[Parameter, str]], named: bool = False) -> str:
    """Write a call."""
    words, by_name = [], named
    places = [p.name for p in overload.parameters]
    for place, (p, value) in enumerate(arguments):
        by_name = by_name or p.keyword or places[place] != p.name
        if p.several:
            words.append(value[1:-1].rstrip(",") if value.startswith("(") else value)
        else:
            words.append(f"{p.name}={value}" if by_name else value)
    return f"{'x' if overload.method else 't'}.{overload.name}({', '.join(words)})"


def forms(value: str) -> list[str]:
    """Return other forms of an argument, likely and unlikely."""
    if value in ("x", "y", "z", "i", "b", "v", "k"):
        return ["2", "0.5", "True", "t.tensor(1)", "t.tensor(0.5)", "None", f"{value}.tolist()",
                f"{value}.double()", f"{value}[..., :1]", f"{value}.long()"]  # fmt: skip
    if value in ("True", "False"):
        return ["0", "1", "None", "t.tensor(True)", "np.True_", "'a'"]
    if value.startswith("("):
        inner = value[1:-1].rstrip(",")
        first = inner.split(",")[0]
        found = [f"[{inner}]", first, "()", "[]", "None", f"({first}, 1.5)"]
        return found + [f"t.Size({value})", f"[t.tensor({first})]"] * first.isdigit()
    if value.startswith("t."):
        return ["float", "None", "t.bool"]
    if value.startswith("'"):
        return ["None", "'nonsense'", "1"]
    number = ["True", "t.tensor(1)", "t.tensor(0.5)", "np.int64(1)", "np.float32(0.5)", "None",
              "-1", "-2", "1.0", "1.5", "'a'", "(1,)", "[0, 1]", "t.tensor([1])"]  # fmt: skip
    return [n for n in number if n != value]


class Case(NamedTuple):
    """A call, and what its variables are."""

    call: str
    shape: tuple[int, ...]
    dtype: str


def run(case: Case, library: Any) -> Any:
    """Return what a call returns and what x is afterwards, as arrays; or the error."""
    names = {k: library.tensor(a.copy()) for k, a in variables(case.shape, case.dtype).items()}

    def plain(out: Any) -> Any:
        if isinstance(out, library.Tensor):
            return out.detach().numpy().copy()
        if isinstance(out, tuple | list) and not isinstance(out, library.Size):
            return [plain(part) for part in out]
        return out if isinstance(out, int | float | str | np.ndarray) else repr(out)

    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            out = eval(case.call, {"t": library, "np": np, **names})
            return [plain(out), plain(names["x"])]
        except Exception as error:
            return error


def same(ours: Any, theirs: Any) -> bool:
    """Compare results, or that both are errors."""
    if isinstance(theirs, Exception) or isinstance(ours, Exception):
        return isinstance(theirs, Exception) and isinstance(ours, Exception)
    if isinstance(theirs, list):
        return isinstance(ours, list) and len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, np.ndarray):
        if not isinstance(ours, np.ndarray) or (ours.dtype, ours.shape) != (
            theirs.dtype,
            theirs.shape,
        ):
            return False
        return bool(np.allclose(ours, theirs, rtol=1e-4, atol=1e-5, equal_nan=True))
    return bool(ours == theirs or (ours != ours and theirs != theirs))


UNSURE = ("empty", "new_empty", "data_ptr", "resize", "set_", "storage", "seed", "random_", "hash",
          "__", "bernoulli", "multinomial", "exponential", "range", "get_num")  # fmt: skip
"""Names whose results are arbitrary, of draws, or the machine's; range by .5 ends PyTorch's process."""


def cases(
    torch: Any, ours: Any, source: random.Random, bases: int, most: int, part: int = 1
) -> Iterator[Case]:
    """Yield calls of each overload: those that PyTorch accepts, and their variations.

    Of every so many overloads, as ``part`` says, there is one.
    """
    for number, overload in enumerate(read(torch, ours)):
        if number % part:
            continue
        if overload.name.startswith(UNSURE):
            continue
        found: set[str] = set()
        for _ in range(60):
            arguments = draw(overload, source)
            if arguments is None or len(found) == bases:
                break
            shape, dtype = source.choice(SHAPES), source.choice(["float32", "float32", "int64"])
            case = Case(written(overload, arguments), shape, dtype)
            if case.call in found or isinstance(run(case, torch), Exception):
                continue
            found.add(case.call)
            yield case
            varied = [written(overload, arguments, named=True)]
            for place, (p, value) in enumerate(arguments):
                others = forms(value)
                for other in source.sample(others, min(most, len(others))):
                    changed = list(arguments)
                    changed[place] = (p, other)
                    varied.append(written(overload, changed))
                if p.required and not p.several:
                    varied.append(written(overload, arguments[:place] + arguments[place + 1 :]))
            for call in dict.fromkeys(varied):
                yield Case(call, shape, dtype)
