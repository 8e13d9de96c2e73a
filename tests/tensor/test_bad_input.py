"""Whatever nonsense a function is given: a sentence of a documented kind, and nothing changed."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg

DOCUMENTED = (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError)

# What works on files, modules, modes or the whole process has tests of its own, as nn has.
ELSEWHERE = {
    "enable_grad", "get_default_dtype", "get_num_threads", "get_rng_state", "inference_mode",
    "initial_seed", "is_grad_enabled", "is_inference_mode_enabled", "load", "no_grad", "save",
    "seed", "set_default_dtype", "set_grad_enabled", "set_num_threads", "set_printoptions",
    "set_rng_state", "is_tensor", "__getattr__",
}  # fmt: skip

FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: value
    for name, value in vars(tg).items()
    if inspect.isfunction(value) and name not in ELSEWHERE
    if value.__module__.split(".")[1:2] not in (["nn"], ["func"], ["settings"])
}
METHODS: dict[str, Callable[..., Any]] = {
    name: getattr(tg.Tensor, name)
    for name in dir(tg.Tensor)
    if not name.startswith("_") and inspect.isfunction(getattr(tg.Tensor, name))
}


def argument(source: random.Random) -> Any:
    """Return something that hardly fits anywhere; tensors among them are new each time."""
    kind = source.randrange(22)
    if kind < 8:
        shape = source.choice([(), (0,), (1,), (3,), (2, 3), (3, 1), (2, 0), (2, 2, 3)])
        dtype = source.choice([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.int32])
        numbers = np.random.default_rng(source.randrange(100)).integers(-2, 4, shape)
        array = np.asarray(numbers).astype(dtype)
        if array.dtype.kind == "f" and array.size and source.random() < 0.3:
            array.flat[0] = source.choice([np.nan, np.inf, -0.5])
        tensor = tg.tensor(array)
        return tensor.requires_grad_(array.dtype.kind == "f" and source.random() < 0.2)
    return [
        None, "text", -1, 0, 1, 2, 3, 7, 2.5, float("nan"), True, (0,), (1, -1), [], [1.5], object(),
        tg.float32, np.ones(3), {"a": 1}, slice(None), 10**30, (2, 3), -(2**70), [tg.ones(2), 3],
        "float", "mean", b"", lambda x: x, Ellipsis, 1j, float("inf"),
    ][source.randrange(31)]  # fmt: skip


def call(name: str, function: Callable[..., Any], method: bool, source: random.Random) -> None:
    """Call a function with nonsense, and check what becomes of it."""
    args = [argument(source) for _ in range(source.randrange(method, 5))]
    if method or source.random() < 0.6:  # far more gets beyond the first check then
        args = args or [None]
        args[0] = tg.tensor(np.ones((2, 3)) * 0.5)
    parameters = [p.name for p in inspect.signature(function).parameters.values()]
    named = [p for p in parameters[len(args) :] if source.random() < 0.3]
    kwargs = {p: argument(source) for p in named if p not in ("args", "kwargs", "self")}
    everything = [*args, *kwargs.values()]
    tensors = [x for x in everything if isinstance(x, tg.Tensor)]
    before = [(x._array.copy(), x._array.shape, x._array.dtype) for x in tensors]
    try:
        function(*args, **kwargs)
    except Warning:
        return  # a warning is an error in these tests, but not for a user
    except Exception as error:
        said = f"{name}{tuple(args)}, {kwargs}: {type(error).__name__}: {error}"
        assert isinstance(error, DOCUMENTED), said
        names = {name, function.__name__, name.strip("_"), function.__name__.strip("_")}
        assert any(n in str(error) for n in names), f"no name in: {said}"
        assert re.search(r"\w+ \w+", str(error)), f"no sentence: {said}"
        for x, (array, shape, dtype) in zip(tensors, before, strict=True):
            assert (x._array.shape, x._array.dtype) == (shape, dtype), f"changed: {said}"
            np.testing.assert_array_equal(x._array, array, err_msg=said)


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_every_function(seed: int) -> None:
    source = random.Random(seed)
    for name, function in FUNCTIONS.items():
        call(name, function, False, source)


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_every_method(seed: int) -> None:
    source = random.Random(seed)
    for name, method in METHODS.items():
        call(name, method, True, source)
