"""The reference describes every public name, and each name once."""

from __future__ import annotations

import inspect
import pkgutil
from types import ModuleType
from typing import Any

import pytest
from pages import program

import tinygrad_mnist


@pytest.fixture(scope="module")
def reference() -> Any:
    return program("reference")


def test_every_public_name_has_a_docstring(reference: Any) -> None:
    assert reference.undocumented() == []


def test_a_name_without_a_docstring_is_found(
    reference: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspect.unwrap(tinygrad_mnist.linalg.norm), "__doc__", None)
    monkeypatch.setattr(tinygrad_mnist.linalg.norm, "__doc__", None)
    assert reference.undocumented() == ["tinygrad_mnist.linalg.norm"]


def test_every_namespace_has_a_page(reference: Any) -> None:
    """A namespace is a room, or a module that another one imports under its own name."""
    described = {space for _, spaces in reference.PAGES.values() for space in spaces}
    # The catalogue describes ops; what is in tensor is offered at the top. The others are private, or
    # there so that PyTorch's paths can be imported.
    elsewhere = {
        "ops",
        "tensor",
        "compat",
        "io",
        "nn.modules",
        "backends",
        "return_types",
        "__config__",
    }
    rooms = {info.name for info in pkgutil.iter_modules(tinygrad_mnist.__path__)}
    missing = {name for name in rooms if name[0] != "_"} - described - elsewhere
    for space in described:
        found = reference.module(space)
        names = [*reference.stated(found), *getattr(found, "_LATER", ())]
        modules = [name for name in names if isinstance(getattr(found, name), ModuleType)]
        missing |= {f"{space}.{name}".lstrip(".") for name in modules} - described - elsewhere
    assert missing == set(), "name each in PAGES of docs/reference.py"


def test_aliases_lead_to_one_description(reference: Any) -> None:
    text = reference.page("torch")
    assert ".. autofunction:: tinygrad_mnist.mul\n" in text
    assert ".. autofunction:: tinygrad_mnist.multiply\n" not in text
    assert "The same as :py:obj:`mul <tinygrad_mnist.mul>`" in text
    assert ".. autofunction:: tinygrad_mnist.nn.functional.conv2d\n" not in text
    assert "See :py:func:`exp <tinygrad_mnist.exp>`" in reference.page("tensor")


def test_what_only_the_engine_calls_is_not_described(reference: Any) -> None:
    names = {entry.name for entry in reference.public("autograd.graph")}
    assert names == {"Node", "disable_saved_tensors_hooks", "register_multi_grad_hook",
                     "save_on_cpu", "saved_tensors_hooks"}  # fmt: skip
    assert {"apply", "apply_multi"}.isdisjoint(entry.name for entry in reference.public("autograd"))
    assert ".. autoclass:: tinygrad_mnist.autograd.detect_anomaly\n\n" in reference.page("autograd")


@pytest.mark.parametrize(
    "name", ["bincount", "nn.LazyLinear", "linalg.matrix_exp", "Tensor.histc", "special.round"]
)
def test_names_that_are_imported_late_are_described(reference: Any, name: str) -> None:
    page = {"nn": "nn", "linalg": "linalg", "Tensor": "tensor", "special": "special"}
    text = reference.page(page.get(name.partition(".")[0], "torch"))
    assert f" {name.rpartition('.')[2]}(" in text or f".{name}" in text or f" {name}(" in text
