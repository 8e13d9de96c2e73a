"""The generated pages: PyTorch's names and their parameters, and the catalogue of operations."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from tinygrad_mnist.ops.contract import TABLE

sys.path.insert(0, str(Path(__file__).parent.parent / "docs"))
try:
    import catalogue
    import surface
finally:
    del sys.path[0]

STUBS = ("_VariableFunctions.pyi", "__init__.pyi")

UNUSED = {
    # Where tensors live and how they are laid out: there is one device and one layout.
    "layout", "pin_memory", "memory_format", "non_blocking", "copy", "crow_indices",
    # Ways to compute the same thing.
    "foreach", "fused", "capturable", "differentiable", "swap_tensors", "compute_mode",
    # Deprecated in PyTorch.
    "size_average", "reduce", "grad_scale", "found_inf", "verbose",
    # Given by position, or handled before the function is called.
    "self", "input", "out", "args",
    # Named tensors, CUDA, and names that PyTorch has in its stubs alone.
    "names", "implicit", "sparse_grad", "out_dtype", "orig_func", "mode", "num",
    "grad_variables", "min_value", "max_value", "axis0", "axis1",
}  # fmt: skip

EXCEPT = {
    # PyTorch has two names for one parameter of a function and a method.
    "torch.split": {"tensor"},
    "torch.Tensor.split": {"split_size"},
    # Integers can't require gradients.
    "torch.randperm": {"requires_grad"},
    "torch.tril_indices": {"requires_grad"},
    "torch.triu_indices": {"requires_grad"},
    # It would read the same bytes as numbers of another kind.
    "torch.Tensor.view": {"dtype"},
}


def parameters(function: Any) -> set[str]:
    """Return the names of a Python function's parameters, or none of one without a signature."""
    try:
        found = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return set()
    return {p.name for p in found if p.kind is not p.VAR_KEYWORD}


def stubs(torch: Any) -> dict[str, set[str]]:
    """Return the parameters of PyTorch's compiled functions and methods, from its type stubs."""
    found: dict[str, set[str]] = defaultdict(set)
    folder = Path(torch._C.__file__).parent / "_C"
    trees = [ast.parse((folder / name).read_text()) for name in STUBS]
    methods = next(n for n in trees[1].body if getattr(n, "name", "") == "TensorBase")
    for prefix, body in (("torch", trees[0].body), ("torch.Tensor", methods.body)):
        for node in body:
            if isinstance(node, ast.FunctionDef):
                args = node.args.args + node.args.kwonlyargs
                found[f"{prefix}.{node.name}"] |= {a.arg for a in args}
    return found


def test_names_are_offered() -> None:
    names, reasons = surface.listed()
    missing = [n.path for n in names if not surface.offered(n.path)]
    print("\n".join(f"{path}: {reasons.get(path, 'not yet')}" for path in missing))
    assert len(missing) <= 0.03 * len(names), missing


def test_reasons_are_given_for_what_is_not_offered_alone() -> None:
    names, reasons = surface.listed()
    assert len({n.path for n in names}) == len(names)
    assert set(reasons) <= {n.path for n in names}
    assert not [path for path in reasons if surface.offered(path)]


def test_offered_names_take_the_parameters_of_pytorch(torch: Any) -> None:
    compiled = stubs(torch)
    different = []
    for name in surface.listed()[0]:
        ours, theirs = surface.find(name.path), surface.find(name.path, torch)
        if not callable(ours) or not callable(theirs) or "__" in name.path:
            continue
        if any(p.kind is p.VAR_KEYWORD for p in inspect.signature(ours).parameters.values()):
            continue
        wanted = parameters(theirs) or compiled[name.path]
        own = parameters(ours)
        given = own | UNUSED | EXCEPT.get(name.path, set())
        lacking = {p for p in wanted - given if not p.startswith("_")}
        if lacking:
            different.append(f"{name.path} takes no {', '.join(sorted(lacking))}; it has {own}")
    print("\n".join(different))
    assert not different


def test_catalogue_shows_the_entry_of_every_operation() -> None:
    entries = catalogue.entries()
    assert {op.name for _, op, _ in entries} == set(TABLE)
    assert len(entries) == len(TABLE)
    page = catalogue.table()
    assert "lambda g, y: g * y, lambda g, x: g * x" in page


def test_page_of_names_says_what_compares_them() -> None:
    page = surface.table()
    assert re.search(r"\| `tanh` \| yes \| table: `tanh`; scripts: .*; tests: ", page)
