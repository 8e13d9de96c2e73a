"""Convolution by fewer multiplications: the numbers, and when it is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import ops
from tinygrad_mnist.ops import winograd

SETTINGS: dict[str, Any] = {
    "stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1,
}  # fmt: skip
KERNEL = (3, 3)
SHAPES = [(3, 64, 32, 8, 6), (2, 32, 64, 12, 12), (5, 64, 64, 8, 8), (1, 128, 32, 16, 18)]
"""Of images, channels read and made, and of the result."""


def drawn(n: int, into: int, out: int, *size: int, dtype: Any = np.float64) -> list[np.ndarray]:
    """Draw images, kernels, bias, and a gradient of the result: channels lie last."""
    source = np.random.default_rng(0)
    high, wide = size
    shapes = [(n, high, wide, into), (out, into, 3, 3), (out,), (n, high, wide, out)]
    x, weight, bias, y = (source.standard_normal(shape).astype(dtype) for shape in shapes)
    return [np.moveaxis(x, -1, 1), weight, bias, np.moveaxis(y, -1, 1)]


def all_three(x: Any, weight: Any, bias: Any, y: Any) -> list[np.ndarray]:
    """Return what conv and its derivatives give."""
    return [
        ops.conv.forward(x, weight, bias, **SETTINGS),
        ops.conv_input.forward(y, weight, size=x.shape[2:], **SETTINGS),
        ops.conv_weight.forward(x, y, kernel=KERNEL, **SETTINGS),
    ]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_mnist._runtime.threads._wanted", [1])


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few channels and positions be enough."""
    for name in ("INTO", "OUT", "PLACES"):
        monkeypatch.setattr(winograd, name, 1)


def by_windows(arrays: list[np.ndarray]) -> list[np.ndarray]:
    """Return what windows give."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(winograd, "suits", lambda *_: False)
        return all_three(*arrays)


@pytest.mark.parametrize("block", [1, winograd.BLOCK])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_numbers_are_those_of_windows(
    shape: tuple[int, ...], block: int, always: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "BLOCK", block)
    arrays = drawn(*shape)
    for ours, theirs in zip(all_three(*arrays), by_windows(arrays), strict=True):
        assert ours.shape == theirs.shape and ours.strides == theirs.strides
        assert not np.array_equal(ours, theirs)  # or it wasn't taken
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_float32_is_about_as_exact_as_by_windows(shape: tuple[int, ...], always: None) -> None:
    arrays = drawn(*shape, dtype=np.float32)
    exact = by_windows([a.astype(np.float64) for a in arrays])
    for ours, theirs, right in zip(all_three(*arrays), by_windows(arrays), exact, strict=True):
        assert ours.dtype == np.float32
        assert np.abs(ours - right).max() < 3 * np.abs(theirs - right).max()


@pytest.mark.parametrize("order", ["C", "F"])
def test_images_in_any_memory_order(order: Any, always: None) -> None:
    arrays = drawn(2, 64, 32, 8, 8)
    others = [np.array(a, order=order) for a in arrays]
    for ours, theirs in zip(all_three(*others), all_three(*arrays), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("wrong", [np.inf, -np.inf, np.nan, 3e38])
def test_what_is_not_finite_stays_where_it_belongs(wrong: float) -> None:
    arrays = drawn(5, 64, 64, 8, 8, dtype=np.float32)
    for which, place in ((0, (0, 3, 4, 5)), (3, (1, 2, 3, 4)), (1, (7, 5, 1, 1))):
        changed = [a.copy() for a in arrays]
        changed[which][place] = wrong
        with np.errstate(all="ignore"):
            ours, theirs = all_three(*changed), by_windows(changed)
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(np.isfinite(a), np.isfinite(b))


def test_gradients_of_both_orders(always: None) -> None:
    def convolve(x: tg.Tensor, weight: tg.Tensor, bias: tg.Tensor) -> tg.Tensor:
        return tg.nn.functional.conv2d(x, weight, bias, padding=1)

    x, weight, bias, _ = (tg.tensor(a, requires_grad=True) for a in drawn(2, 2, 3, 2, 4))
    assert tg.autograd.gradcheck(convolve, (x, weight, bias))
    assert tg.autograd.gradgradcheck(convolve, (x, weight, bias))


@pytest.mark.parametrize(
    ("into", "out", "places", "settings", "suits"),
    [
        (64, 32, (4, 8, 8), (3, 3, 1, 1, 1, 1, 1), True),
        (32, 64, (4, 8, 8), (3, 3, 1, 1, 1, 1, 1), False),  # few channels read
        (64, 16, (4, 8, 8), (3, 3, 1, 1, 1, 1, 1), False),  # or made
        (64, 32, (4, 8, 7), (3, 3, 1, 1, 1, 1, 1), False),  # odd
        (64, 32, (1, 8, 8), (3, 3, 1, 1, 1, 1, 1), False),  # few positions
        (64, 32, (4, 224, 224), (3, 3, 1, 1, 1, 1, 1), False),  # large images
        (64, 32, (4, 8, 8), (3, 3, 2, 2, 1, 1, 1), False),  # a stride
        (64, 32, (4, 8, 8), (3, 3, 1, 1, 1, 1, 2), False),  # groups
        (64, 32, (4, 8, 8, 8), (3, 3, 3, 1, 1, 1, 1, 1, 1, 1), False),  # volumes
    ],
)
def test_when_it_is_taken(
    into: int, out: int, places: tuple[int, ...], settings: tuple[int, ...], suits: bool
) -> None:
    assert winograd.suits(into, out, places, np.dtype(np.float32), settings) is suits


def test_other_numbers_go_another_way() -> None:
    settings = (3, 3, 1, 1, 1, 1, 1)
    assert not winograd.suits(64, 32, (4, 8, 8), np.dtype(np.float16), settings)


def test_images_larger_than_their_windows_need(always: None) -> None:
    _, weight, _, y = drawn(2, 64, 32, 8, 8)
    settings = {"size": (11, 10), **SETTINGS, "padding": ((0, 0), (0, 0))}
    whole = ops.conv_input.forward(y, weight, **settings)
    assert whole.shape == (2, 64, 11, 10) and not whole[:, :, 10:].any()


def test_two_threads_take_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = (64, 32, (4, 8, 8), np.dtype(np.float32), winograd.SETTINGS)
    assert winograd.suits(*settings)
    monkeypatch.setattr("tinygrad_mnist._runtime.threads._wanted", [2])
    assert not winograd.suits(*settings)
