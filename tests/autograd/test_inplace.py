"""Writes inside the graph: to tensors, to views of them, and what becomes of other views."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import gradcheck, gradgradcheck


def rows(t: Any, x: Any, w: Any) -> Any:
    for i in range(3):
        x[i] += w[i] * i
    return x


def column(t: Any, x: Any, w: Any) -> Any:
    x[:, 0].mul_(w[0])
    return x


def flat(t: Any, x: Any, w: Any) -> Any:
    y = x.view(-1)
    y.add_(1).mul_(y.detach() * 0 + 2)
    return x * y.view(3, 3)


def transposed(t: Any, x: Any, w: Any) -> Any:
    x.T[1].zero_()
    return x


def element_of_row(t: Any, x: Any, w: Any) -> Any:
    row = x[0]
    row[1] = w[0, 0] * 3
    row[2] = w[1, 1] * row[1].clone()
    return x + row


def view_of_view(t: Any, x: Any, w: Any) -> Any:
    corner = x[1:][:, 1:].unsqueeze(0)
    corner[0, 0, :].copy_(w[0, :2])
    corner[:, 1] *= 2
    return x * 2


def older_view(t: Any, x: Any, w: Any) -> Any:
    row, block = x[0], x[:2]
    x.mul_(w)
    block.add_(row.clone())
    return block.sum() * row


def constant_base(t: Any, x: Any, w: Any) -> Any:
    out = t.zeros(2, 3, 3, dtype=t.float64)
    first, second = out[0], out[1]
    first[:] = x
    for i in range(3):
        second[i] = first[i].clone() * w[i].sum()
    return out


def own_history_twice(t: Any, x: Any, w: Any) -> Any:
    x[0].pow_(2)
    x[0].mul_(x[1].clone())
    x[:1].sigmoid_()
    return x


def expanded(t: Any, x: Any, w: Any) -> Any:
    y = x[0].clone().unsqueeze(0).expand(3, 3)
    y[1] = w[0]
    return y * x


def mask_of_view(t: Any, x: Any, w: Any) -> Any:
    row = x[1]
    row[row > 0] = 0.5
    row[[0, 2]] = w[0, :2]
    return x.sin()


def without_grad(t: Any, x: Any, w: Any) -> Any:
    row = x[1]
    with t.no_grad():
        row += 1
    return x + row * w


PROGRAMS = [
    rows, column, flat, transposed, element_of_row, view_of_view, older_view, constant_base,
    own_history_twice, expanded, mask_of_view, without_grad,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_a_write_through_a_view_has_pytorchs_value_and_derivatives(
    program: Callable[..., Any], torch: Any
) -> None:
    """Programs that write to rows, transposes and views of views, and their two derivatives."""

    def run(t: Any) -> list[Any]:
        source = np.random.default_rng(1)
        a, b, g = (t.tensor(source.standard_normal((3, 3))) for _ in range(3))
        a, b = a.requires_grad_(), b.requires_grad_()
        out = program(t, a * 1, b)
        first = t.autograd.grad((out * g).sum(), [a, b], create_graph=True, allow_unused=True)
        total = sum((x * g).sin().sum() for x in first if x is not None) + 0 * a.sum()
        second = t.autograd.grad(total, [a, b], allow_unused=True)
        return [out, *first, *second]

    for mine, theirs in zip(run(tg), run(torch), strict=True):
        if mine is None or theirs is None:
            rest = theirs if mine is None else mine
            assert rest is None or not rest.any()
        else:
            np.testing.assert_allclose(
                mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("program", PROGRAMS[:8], ids=lambda f: f.__name__)
def test_a_write_through_a_view_agrees_with_differences(program: Callable[..., Any]) -> None:
    source = np.random.default_rng(2)
    a, b = (tg.tensor(source.standard_normal((3, 3)), requires_grad=True) for _ in range(2))
    assert gradcheck(lambda x, w: program(tg, x * 1, w), [a, b])
    assert gradgradcheck(lambda x, w: program(tg, x * 1, w), [a, b])


def refusals(t: Any) -> list[Callable[[], Any]]:
    """Writes that PyTorch refuses, as each of them could mean two things."""
    a = t.ones(3, 3).requires_grad_()

    def leaf_view() -> None:
        a[0].mul_(2)

    def iteration() -> None:
        for row in a * 1:
            row.mul_(2)

    def part_of_split() -> None:
        (a * 1).split(2)[0][0].add_(1)

    def view_without_grad() -> None:
        b = a * 1
        with t.no_grad():
            row = b[0]
        row.mul_(2)

    def constant_view_without_grad() -> None:
        with t.no_grad():
            row = t.ones(3, 3)[0]
        row.mul_(a[0])

    def unbound_and_base_written() -> None:
        b = a * 1
        row = b.unbind()[0]
        b.mul_(2)
        row.sum()

    def detached_in_place() -> None:
        (a * 1)[0].detach_()

    def all_of_expanded() -> None:
        (a[0] * 1).expand(3, 3).add_(1)

    return [
        leaf_view, iteration, part_of_split, view_without_grad, constant_view_without_grad,
        unbound_and_base_written, detached_in_place, all_of_expanded,
    ]  # fmt: skip


@pytest.mark.parametrize("number", range(8))
def test_what_pytorch_refuses_is_refused(number: int, torch: Any) -> None:
    with pytest.raises(RuntimeError):
        refusals(torch)[number]()
    with pytest.raises(RuntimeError, match=r"^(\w+: )?(a|the tensor|can't) "):
        refusals(tg)[number]()


def test_a_refused_write_changes_nothing() -> None:
    a = tg.ones(2, 2, requires_grad=True)
    row = (a * 1).unbind()[0]
    with pytest.raises(RuntimeError, match="view that was made by unbind"):
        row += 1
    assert row.tolist() == [1.0, 1.0]


def test_augmented_assignment_changes_the_tensor_itself(torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        x = t.arange(1.0, 5.0)
        n, flags = t.arange(4), t.tensor([True, False])
        same = [x, n, flags]
        x += 2
        x -= t.ones(4)
        x *= 3
        x /= 2
        x **= 2
        x //= 2
        x %= 7
        n += 3
        n //= 2
        n &= 3
        n |= 4
        n ^= 1
        flags &= t.tensor([True, True])
        return [y.tolist() for y in same]

    assert run(tg) == run(torch)
    w = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        w -= 0.5
    assert w.is_leaf and w.requires_grad and w.tolist() == [0.5, 0.5]
    with pytest.raises(RuntimeError, match="leaf Variable"):
        w += 1
    with pytest.raises(RuntimeError, match="can't be cast"):
        n = tg.arange(3)
        n /= 2


def test_view_knows_what_its_base_has_become() -> None:
    w = tg.ones(2, requires_grad=True)
    out = tg.zeros(2)
    first = out[0]
    assert first.is_leaf and not first.requires_grad
    out.add_(w)
    assert first.requires_grad and not first.is_leaf and first.grad_fn is not None
    first.backward()
    assert w.grad.tolist() == [1.0, 0.0]


def test_retained_gradient_is_that_of_what_the_tensor_is_now(torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        a = t.ones(3, 3).requires_grad_()
        b = a * 1
        row = b[0]
        b.retain_grad()
        row.retain_grad()
        row.register_hook(lambda g: g * 5)
        row.mul_(2)
        row.register_hook(lambda g: g * 3)
        (row * 2 + b).sum().backward()
        return [b.grad.tolist(), row.grad.tolist(), a.grad[1:].tolist()]

    assert run(tg) == run(torch)


def test_swapped_data_leaves_older_views_with_their_history() -> None:
    p = tg.ones(2, requires_grad=True)
    view = p.view(2, 1)
    p.data = tg.zeros(2)
    view.sum().backward()
    assert view.tolist() == [[1.0], [1.0]]


def test_what_a_write_needs_of_the_old_values_is_kept() -> None:
    a, w = (tg.tensor([0.5, 2.0], requires_grad=True) for _ in range(2))
    y = a * 1
    y.mul_(w).pow_(3).clamp_(0.0, 5.0)
    y.sum().backward()
    assert a.grad.tolist() == [0.09375, 0.0]
    assert w.grad.tolist() == [0.09375, 0.0]


def test_writes_through_views_leave_no_cycles() -> None:
    def step() -> None:
        a = tg.ones(100, 100, requires_grad=True)
        b = a * 1
        row, block = b[0], b[1:].T
        row.retain_grad()
        row.mul_(2)
        block[0] += row[1:]
        b.mul_(3)
        (row.sum() + block.sum()).backward()

    step()
    gc.collect()
    gc.disable()
    try:
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(5):
            step()
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
        gc.enable()
    assert after - before < 30_000  # one of the arrays has 40,000 bytes
