"""The list of Tensor's methods that readers and type checkers see says what there is."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.compat.unsupported_names import LATE
from tinygrad_mnist.tensor import export, methods


def declared() -> dict[str, str]:
    """Return the function that each method is declared to be."""
    (body,) = [
        node.body
        for node in ast.walk(ast.parse(Path(methods.__file__).read_text()))
        if isinstance(node, ast.ClassDef) and node.name == "Methods"
    ]
    return {
        target.id: ast.unparse(node.value)
        for node in body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def in_pytorch() -> set[str]:
    """Return the names of PyTorch's that scripts use: those that type checkers must know."""
    page = Path(__file__).parents[2] / "docs" / "compatibility.txt"
    if not page.exists():
        pytest.skip("the pages are not here")
    return set(page.read_text().split())


def test_list_of_methods_has_those_of_pytorch() -> None:
    """A method that is ours alone may stand in it: then type checkers know it, too."""
    for name in methods.LATE.split():
        getattr(tg.Tensor, name)
    listed = declared()
    missing = sorted((set(export.METHODS) & in_pytorch()) - set(listed))
    assert not missing, (
        f"add to the class in tensor/methods.py, where type checkers look, a line for each of these "
        f"methods, such as bell = elementwise.bell: {missing}"
    )
    surplus = sorted(set(listed) - set(export.METHODS))
    assert not surplus, (
        f"remove from tensor/methods.py the names that are no methods, or export their functions (an "
        f"in-place method comes from inplace=True): {surplus}"
    )


def test_methods_are_the_functions_that_the_list_names() -> None:
    for name, path in declared().items():
        family, _, function = path.partition(".")
        module = importlib.import_module(f"tinygrad_mnist.tensor.{family}")
        own = next((n for n in (name, f"_{name}", name.rstrip("_")) if hasattr(module, n)), name)
        same = vars(module).get(own, own) is vars(module).get(function)  # itself, or an alias
        assert same, f"in tensor/methods.py, {name} must be {family}.{own}, not {path}"
        assert callable(getattr(tg.Tensor, name))


def test_list_of_names_has_those_of_pytorch_and_no_more_than_there_are() -> None:
    """Type checkers see the names at the top level that PyTorch has, and no helper."""
    package = importlib.import_module("tinygrad_mnist.tensor")
    tree = ast.parse(Path(methods.__file__).with_name("__init__.py").read_text())
    found = (n.value for n in ast.walk(tree) if isinstance(n, ast.Assign))
    (listed,) = [ast.literal_eval(value) for value in found if isinstance(value, ast.List)]
    homes = ("tensor.histograms", "tensor.rare", "tensor.rare_creation")
    offered = {name for home in homes for name in LATE[""][home].split()} | set(package.__all__)
    missing = sorted((offered & in_pytorch()) - set(listed))
    assert not missing, (
        f"add to the list in tensor/__init__.py, where type checkers look, what the files of tensor/ "
        f"offer: {missing}"
    )
    surplus = sorted(set(listed) - offered)
    assert not surplus, (
        f"remove from the list in tensor/__init__.py the names that no file of tensor/ offers: {surplus}"
    )


def test_all_functions_are_published() -> None:
    """A function that is exported after the last line of its file, ``publish``, would be lost."""
    lost = sorted(function.__name__ for function in export._FORMS)
    assert not lost, f"move these above the last line of their file, which publishes them: {lost}"
