"""Docstrings teach: each names its parameters and shapes, and has an example that runs as it stands."""

from __future__ import annotations

import doctest
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import FunctionType
from typing import Any

import pytest
from pages import program

import tinygrad_mnist


@cache
def reference() -> Any:
    """Return the module that writes the reference."""
    return program("reference")


GIVEN = {
    "Generator", "Size", "Tensor", "autograd.graph.Node", "device", "dtype", "experiment.HelpFormatter",
    "distributed.ProcessGroup", "distributed.ReduceOp", "distributed.Work", "finfo", "iinfo", "layout", "memory_format", "mutation.Mutant",
}  # fmt: skip
"""Classes whose objects are given, or made from what their names say."""


def is_described(value: Any) -> bool:
    """Return whether a value is a function, or a class of ours that a script makes objects of."""
    if isinstance(value, type):
        ours = value.__module__.startswith("tinygrad_mnist")
        return ours and not issubclass(value, BaseException)
    return isinstance(value, FunctionType)


@cache
def functions() -> dict[str, Callable[..., Any]]:
    """Return what the reference describes, and Tensor's methods that aren't functions too."""
    homes, identity, found = reference().homes(), reference().identity, {}
    for entry in reference().entries():
        if is_described(entry.value) and entry.path.removeprefix("tinygrad_mnist.") not in GIVEN:
            if homes[identity(entry.value)] == entry.path:
                found[entry.path.removeprefix("tinygrad_mnist.")] = entry.value
    kind = tinygrad_mnist.Tensor
    for name in dir(kind):
        if name[0] != "_" and hasattr(kind, name):
            value = inspect.getattr_static(kind, name)
            value = value.fget if isinstance(value, property) else value
            if isinstance(value, FunctionType) and identity(value) not in homes:
                found[f"Tensor.{name}"] = value
    return found


def sections(text: str) -> dict[str, str]:
    """Return a docstring's sections by their titles; what stands before them is called ''."""
    parts = re.split(r"(?:^|\n\n)(\w+)\n-+\n", text)
    return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}


def described(function: Callable[..., Any]) -> set[str]:
    """Return the parameters that a docstring describes."""
    names = re.findall(
        r"^(\S.*)$", sections(inspect.getdoc(function) or "").get("Parameters", ""), re.M
    )
    return {name.strip().lstrip("*") for line in names for name in line.split(",")}


def parameters(function: Callable[..., Any]) -> set[str]:
    """Return the parameters that a docstring has to describe: all but self and older forms'."""
    names = list(inspect.signature(function).parameters)
    if function.__qualname__.startswith("Tensor.") or names[:1] == ["self"]:
        del names[0]
    given = (
        {"dtype", "device", "requires_grad"}
        if "settings" in set(names) - described(function)
        else set()
    )
    return set(names) - {"older", "settings"} | given


def examples(function: Callable[..., Any]) -> list[doctest.Example]:
    return doctest.DocTestParser().get_examples(inspect.getdoc(function) or "")


def lacks(function: Callable[..., Any]) -> list[str]:
    """Return what a docstring lacks."""
    text = sections(inspect.getdoc(function) or "")
    found = sorted(parameters(function) - described(function))
    said = text[""] + text.get("Parameters", "") + text.get("Returns", "")
    if "input" in parameters(function) and not re.search(r"shape|\((\*|n|N|\.\.\.)[,)]", said):
        found.append("a shape")
    if not any(example.want for example in examples(function)):
        found.append("an example with an answer")
    return found


def test_docstrings_lack_nothing() -> None:
    lacking = {name: what for name, f in functions().items() if (what := lacks(f))}
    assert lacking == {}, "describe the parameters with their shapes, and give an example"


@pytest.mark.parametrize(
    ("text", "lack"),
    [
        ("Return it.", ["dim", "input", "a shape", "an example with an answer"]),
        ("It.\n\nParameters\n----------\ninput\n    (*).\n", ["dim", "an example with an answer"]),
        ("It.\n\nParameters\n----------\ninput, dim\n    It.\n\nExamples\n--------\n>>> 1\n1",
         ["a shape"]),
        ("Of shape (*).\n\nParameters\n----------\ninput, dim\n    It.\n\nExamples\n--------\n>>> 1",
         ["an example with an answer"]),
    ],
)  # fmt: skip
def test_what_is_missing_is_found(text: str, lack: list[str]) -> None:
    def bare(input: Any, dim: int) -> None: ...

    bare.__doc__ = text
    assert lacks(bare) == lack


UNLIKE = {
    "Tensor.bfloat16": "NumPy has no such numbers",
    "Tensor.cuda": "the error is PyTorch's own",
    "amp.custom_bwd": "of a Function's backward, with its context, alone",
    "amp.custom_fwd": "of a Function's forward, with its context, alone",
    "autograd.detect_anomaly": "doesn't look at the forward pass",
    "nn.functional.dropout": "has no generator there",
    "nn.parallel.data_parallel": "needs a GPU",
    "set_flush_denormal": "NumPy can't",
}
"""Whose examples PyTorch answers otherwise, and why."""

COMPILES = re.compile(r"compile$|compiler\.|nn\.Module\.compile$")
"""What has PyTorch load its compiler, which changes PyTorch for all tests to come."""


def wrong(name: str) -> str:
    """Run a function's examples as if pasted; return what doctest says of wrong answers."""
    test = doctest.DocTest(examples(functions()[name]), {}, name, None, None, None)
    said: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(test, out=said.append)
    return "".join(said)


def has(torch: Any, name: str) -> bool:
    """Return whether PyTorch has a function of this name, such as ``nn.init.zeros_``."""
    for part in name.split("."):
        torch = getattr(torch, part, None)
    return torch is not None


@pytest.mark.parametrize("name", functions())
def test_an_example_runs_when_it_is_pasted(name: str) -> None:
    """Also those that doctest doesn't find, since they are made of an operation's entry."""
    assert wrong(name) == ""


def test_examples_have_the_same_answers_in_pytorch(
    torch: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tinygrad_mnist", torch)
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")  # PyTorch needs them for one process, too
    monkeypatch.setenv("MASTER_PORT", "0")
    for space in {entry.space for entry in reference().entries()} - {""}:
        with suppress(ImportError):
            theirs = importlib.import_module(f"torch.{space}")
            monkeypatch.setitem(sys.modules, f"tinygrad_mnist.{space}", theirs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            unlike = {
                name: said
                for name in functions()
                if has(torch, name) and not COMPILES.match(name) and (said := wrong(name))
            }
        finally:
            torch.set_flush_denormal(False)  # PyTorch can: the example has switched it on
    assert {name: said for name, said in unlike.items() if name not in UNLIKE} == {}
    assert set(UNLIKE) <= set(unlike), "these are alike: take them off UNLIKE"
