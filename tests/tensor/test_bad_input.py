"""Whatever nonsense a function is given: a sentence of a documented kind, and nothing changed."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nonsense import argument, attempt, parameters

import tinygrad_mnist as tg

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
    if inspect.isfunction(value) and name not in ELSEWHERE and name[0] != "_"
    if value.__module__.split(".")[1:2] not in (["nn"], ["func"], ["compat"])
}
METHODS: dict[str, Callable[..., Any]] = {
    name: method
    for name, method in inspect.getmembers(tg.Tensor, inspect.isfunction)
    if not name.startswith("_")
}


def call(name: str, function: Callable[..., Any], method: bool, source: random.Random) -> None:
    """Call a function with nonsense, and check what becomes of it."""
    args = [argument(source) for _ in range(source.randrange(method, 5))]
    if method or source.random() < 0.6:  # far more gets beyond the first check then
        args = args or [None]
        args[0] = tg.tensor(np.ones((2, 3)) * 0.5)
    named = [p for p in parameters(function)[len(args) :] if source.random() < 0.3]
    kwargs = {p: argument(source) for p in named}
    names = {name, function.__name__, name.strip("_"), function.__name__.strip("_")}
    attempt(names, function, args, kwargs)


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
