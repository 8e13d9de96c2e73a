"""Gradients of many parts of one tensor: added up in place, and in time that grows as they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg


def parts_and_whole(t: Any, x: Any) -> Any:
    y = x * 1
    whole = y * 2
    return whole.sum() + y[0].sum() * 3 + (y[1:] ** 2).sum() + (y + y).sum() + y[:, 1].prod()


def parts_first(t: Any, x: Any) -> Any:
    y = x * 1
    first, rest = y[0], y[1:]
    return (first.sin().sum() + rest.sum() * first.sum()) * (y * x).sum()


def pieces(t: Any, x: Any) -> Any:
    rows, (a, b), columns = x.unbind(), x.split([1, 2]), x.chunk(3, 1)
    return (
        sum((row * i).sum() for i, row in enumerate(rows)) + (a * b).sum() + columns[2].exp().sum()
    )


def loop_over_rows(t: Any, x: Any) -> Any:
    state = x[0]
    for row in x:
        state = state * row + x[1, 2]
    return state.sum()


def repeated_and_masked(t: Any, x: Any) -> Any:
    y = x * 1
    return y[[0, 0, 1]].prod() + y[y > 0].sum() + y[..., None, -1].sum() + y[2].sum()


def joined(t: Any, x: Any) -> Any:
    a, b = x[:1], x[1:]
    lengths = t.cat([a, b, a, x], 0), t.cat([b[:, :2], b], -1), t.stack([x, x * 2], 1)
    return sum((part * part).sum() for part in lengths)


PROGRAMS = [parts_and_whole, parts_first, pieces, loop_over_rows, repeated_and_masked, joined]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients_of_parts_add_up_to_pytorchs(program: Callable[..., Any], torch: Any) -> None:
    def run(t: Any) -> list[np.ndarray]:
        x = t.tensor(np.random.default_rng(0).standard_normal((3, 3))).requires_grad_()
        program(t, x).backward()
        (first,) = t.autograd.grad(program(t, x), x, create_graph=True)
        (second,) = t.autograd.grad((first**2).sum(), x)
        return [x.grad.numpy(), first.detach().numpy(), second.numpy()]

    for mine, theirs in zip(run(tg), run(torch), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-10)


def test_a_gradient_that_a_hook_has_kept_is_not_added_to() -> None:
    x = tg.ones(3, requires_grad=True)
    y = x * 1
    kept: list[Any] = []
    z = y + 0
    z.register_hook(kept.append)
    (z.sum() + y[0] * 5 + y[1:].sum() * 7).backward()
    assert kept[0].tolist() == [1.0, 1.0, 1.0]
    assert x.grad.tolist() == [6.0, 8.0, 8.0]


def test_thousands_of_parts_are_no_trouble() -> None:
    """A rule that went over all parts for each of them would take minutes here."""
    n = 30_000
    leaves = [tg.ones(1, requires_grad=True) for _ in range(n)]
    tg.cat(leaves).sum().backward()
    assert all(leaf.grad.item() == 1 for leaf in leaves)
    x = tg.ones(n, requires_grad=True)
    tg.stack(x.unbind()[::2]).sum().backward()
    assert x.grad.sum() == n / 2
    y = tg.ones(2, requires_grad=True)
    view = y * 1
    for _ in range(n):
        view = view.view(2)
    view.mul_(3)
    view.sum().backward()
    assert y.grad.tolist() == [3.0, 3.0]
