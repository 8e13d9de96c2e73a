"""Tensors print as PyTorch prints them."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg

DTYPES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
SHAPES = [(), (1,), (3,), (17,), (2, 3), (3, 40), (2, 3, 4), (0,), (0, 3), (1001,), (40, 30), (7, 20, 8)]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-6, 1.0, 30.0, 1e5, 1e9]))
def test_text_is_that_of_pytorch(
    dtype: str, shape: Any, seed: int, scale: float, torch: Any
) -> None:
    source = np.random.default_rng(seed)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        array = np.asarray(source.standard_normal(shape) * scale)
        if seed % 3 == 0:
            array = np.asarray(np.round(array))
        if seed % 5 == 0 and array.size:
            array.flat[seed % array.size] = [np.nan, np.inf, -np.inf, 0.0][seed % 4]
        if dtype not in ("float16", "float32", "float64"):
            array = np.nan_to_num(array, posinf=0, neginf=0).clip(-100, 100)
        array = np.asarray(array).astype(dtype)
    assert repr(tg.from_numpy(array)) == repr(torch.from_numpy(array))


def test_suffixes_are_those_of_pytorch(torch: Any) -> None:
    for make in (
        lambda t: t.ones(3, requires_grad=True),
        lambda t: t.ones(3, requires_grad=True) * 2,
        lambda t: t.ones(3, 9, dtype=t.float64, requires_grad=True).exp(),
        lambda t: t.full((1, 9), 1e-9, dtype=t.float64, requires_grad=True),
        lambda t: t.nn.Parameter(t.zeros(2, 2)),
        lambda t: t.zeros(0, 2, dtype=t.int64),
        lambda t: t.tensor(2.5, dtype=t.float16),
    ):
        assert repr(make(tg)) == repr(make(torch))


def test_formatting_of_a_single_number_follows_the_specification(torch: Any) -> None:
    """A 0-d tensor takes a format such as .2f; one with dimensions refuses it."""
    for t in (tg, torch):
        assert f"{t.tensor(1.23456):.2f}" == "1.23"
        assert f"{t.tensor(3)}" == "3"
    assert f"{tg.ones(2)}" == f"{torch.ones(2)}"
    with pytest.raises(TypeError):
        f"{tg.ones(2):.2f}"


@pytest.mark.parametrize(
    "options",
    [{"precision": 2}, {"threshold": 5}, {"edgeitems": 1, "threshold": 5}, {"linewidth": 40},
     {"sci_mode": True}, {"sci_mode": False}, {"profile": "short"}, {"profile": "full"}],
    ids=str,
)  # fmt: skip
def test_options_have_the_effect_that_they_have_in_pytorch(options: Any, torch: Any) -> None:
    array = np.random.default_rng(0).standard_normal((30, 40)).astype(np.float32)
    try:
        tg.set_printoptions(**options)
        torch.set_printoptions(**options)
        assert repr(tg.from_numpy(array)) == repr(torch.from_numpy(array))
        assert repr(tg.from_numpy(array[0, :9])) == repr(torch.from_numpy(array[0, :9]))
    finally:
        tg.set_printoptions(profile="default")
        torch.set_printoptions(profile="default")


def test_unknown_profile_is_an_error() -> None:
    with pytest.raises(ValueError, match="profile must be one of"):
        tg.set_printoptions(profile="long")
