"""Random programs give the numbers of the functions they were recorded of, whatever passes do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist.compiler.numpy_backend import Built
from tinygrad_mnist.compiler.passes import SWITCHES, improved
from tinygrad_mnist.compiler.recording import record

OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: a.sigmoid(),
    "relu": lambda a, b: a.relu(),
    "scaled": lambda a, b: a * 0.5 + 0.25,
    "transposed": lambda a, b: a.T,
    "product": lambda a, b: a @ b * 0.1,
    "row": lambda a, b: a[:1] + b,
    "column": lambda a, b: a[:, 1:2] * b,
    "mean": lambda a, b: b - a.mean(0),
    "clone": lambda a, b: a.clone(),
    "total": lambda a, b: b * a.sum(),
    "exchanged": lambda a, b: b.T + a,
    "largest": lambda a, b: a.amax(1, keepdim=True) - b,
}
WRITES: dict[str, Callable[[Any, Any], Any]] = {
    "add_": lambda a, b: a.add_(b),
    "mul_": lambda a, b: a.mul_(b),
    "tanh_": lambda a, b: a.tanh_(),
    "into a row": lambda a, b: a[0].add_(b[1]),
    "into a column": lambda a, b: a[:, 0].mul_(2),
    "zero_": lambda a, b: a.zero_(),
    "set": lambda a, b: a.__setitem__(1, b[0]),
}

STEPS = st.lists(
    st.tuples(
        st.sampled_from([*OPERATIONS, *WRITES]), st.integers(0, 6), st.integers(0, 6)
    ),
    min_size=1, max_size=14,
)  # fmt: skip


def function_of(steps: list[tuple[str, int, int]], backward: bool, w: Any) -> Callable[..., Any]:
    """Return a function that takes the steps, each on two of the latest results."""

    def function(x: tg.Tensor) -> Any:
        values = [x * 1, x + 1]
        if backward:
            values += [w * x, w.tanh()]
        for name, i, j in steps:
            a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
            if name in OPERATIONS:
                values.append(OPERATIONS[name](a, b))
            elif not backward:
                WRITES[name](a, b)
        if not backward:
            return tuple(v.clone() for v in values[-3:])
        w.grad = None
        total = (w * w).sum() + sum(v.sum() for v in values[-3:])
        total.backward()
        return total.detach()

    return function


def results(function: Callable[..., Any], x: tg.Tensor, w: Any) -> list[np.ndarray]:
    returned = function(x)
    arrays = [t.numpy().copy() for t in returned] if isinstance(returned, tuple) else [
        returned.numpy().copy(), w.grad.numpy().copy(),
    ]  # fmt: skip
    return arrays


@pytest.mark.parametrize("backward", [False, True], ids=["writes", "gradients"])
@given(
    steps=STEPS,
    seed=st.integers(0, 5),
    off=st.sampled_from(
        [frozenset(), frozenset(), SWITCHES, *({p} for p in sorted(SWITCHES))]
        + [SWITCHES - {p} for p in sorted(SWITCHES)]
    ),
)
def test_programs_of_random_steps(
    steps: list[tuple[str, int, int]], seed: int, off: Any, backward: bool
) -> None:
    tg.manual_seed(seed)
    w = tg.randn(3, 3, requires_grad=True)
    first, second = tg.randn(3, 3), tg.randn(3, 3)
    function = function_of(steps, backward, w)
    expected = results(function, second, w)
    with (
        mock.patch("tinygrad_mnist.compiler.chains.LARGE", 1),
        mock.patch("tinygrad_mnist.compiler.chains.ONE_LINE", 1),
    ):
        recording = record(function, (first,), {})
        assert not recording.stopped, recording.stopped
        built = Built(improved(recording.program, off), None, off)
    for _ in range(2):
        with np.errstate(all="ignore"):
            returned = list(built.run(second.numpy()))
    found = [returned[0], *built.gradients(), *returned[1:]] if backward else returned
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
