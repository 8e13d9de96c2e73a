"""Memory in a compiled step: views, aliases, orders and constants give the step's own numbers."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.compiler.array import Recorded
from tinygrad_mnist.ops.contract import Rule

pytestmark = pytest.mark.slow

CALLS = 7

SCENES: dict[str, tuple[bool, Callable[[Callable[[Any], Any]], Any]]] = {}


def scene(recorded: bool = True) -> Callable[[Any], Any]:
    """Register a scene: it is given a compiler, or none, and returns what must not differ."""

    def add(function: Any) -> Any:
        SCENES[function.__name__] = recorded, function
        return function

    return add


def numbers(i: int, *shape: int) -> tg.Tensor:
    return tg.from_numpy(np.random.default_rng(i).standard_normal(shape, dtype=np.float32))


def values(x: Any) -> Any:
    if isinstance(x, tg.Tensor):
        return x.detach().numpy().copy()
    return [values(part) for part in x] if isinstance(x, tuple | list) else x


@scene()
def zeros_that_are_added_to(compiled: Any) -> Any:
    """What is made and written to in a step starts anew in the next one."""

    @compiled
    def step(x: tg.Tensor) -> Any:
        total = tg.zeros(3)
        total += x
        total[0] = 5.0
        return total * 2

    return [values(step(numbers(i, 3))) for i in range(CALLS)]


@scene()
def ones_with_a_hole(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        mask = tg.ones(3)
        mask[1] = 0.0
        return x * mask, mask

    return [values(step(numbers(i, 3))) for i in range(CALLS)]


@scene()
def number_that_is_added_to(compiled: Any) -> Any:
    """NumPy returns a scalar for a sum; a tensor of it can be written to, and viewed."""

    @compiled
    def step(x: tg.Tensor) -> Any:
        total = x.sum()
        row = total.reshape(1)
        total += 1
        row.mul_(2)
        return total, row, x.mean()

    return [values(step(numbers(i, 3))) for i in range(CALLS)]


@scene()
def writes_through_views(compiled: Any) -> Any:
    w = tg.ones(3, 4, requires_grad=True)

    @compiled
    def step(x: tg.Tensor) -> Any:
        w.grad = None
        y = x * w
        y[:, 0] += 1
        y.t()[1].mul_(3)
        y.view(12)[::5] = 0
        (y * y).sum().backward()
        return y

    out = []
    for i in range(CALLS):
        out.append((values(step(numbers(i, 3, 4))), values(w.grad)))
    return out


@scene()
def writes_to_state_through_a_view(compiled: Any) -> Any:
    state = tg.zeros(3, 4)
    row = state[1]

    @compiled
    def step(x: tg.Tensor) -> Any:
        row.add_(x)
        state[:, 2] *= 0.5
        return state.sum()

    return [(values(step(numbers(i, 4))), values(state), values(row)) for i in range(CALLS)]


@scene()
def slices_of_the_data(compiled: Any) -> Any:
    data, w = numbers(0, 50, 4), tg.ones(4, requires_grad=True)

    @compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        w.grad = None
        loss = ((x * w).sum(1) - y.sum(1)).square().mean()
        loss.backward()
        return loss

    out = []
    for i in range(CALLS):
        loss = step(data[i * 3 : i * 3 + 5], data[i * 4 : i * 4 + 5])
        out.append((values(loss), values(w.grad)))
    return out


@scene()
def slice_of_data_that_it_reads_too(compiled: Any) -> Any:
    data = numbers(0, 20, 4)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * 2 + data.mean(0)

    out = []
    for i in range(CALLS):
        data[0] += 1
        out.append(values(step(data[i : i + 3])))
    return out


@scene()
def the_same_tensor_twice(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        return x * 2 + y

    out = []
    for i in range(2 * CALLS):
        x = numbers(i, 3)
        out.append(values(step(x, x if i % 3 else numbers(i + 100, 3))))
    return out


@scene()
def overlapping_arguments_that_are_written_to(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        x.mul_(2)
        return x + y

    out = []
    for i in range(3 * CALLS):
        data = numbers(i, 6)
        x, y = (data[:4], data[2:]) if i % 4 == 3 else (numbers(i + 1, 4), numbers(i + 2, 4))
        out.append((values(step(x, y)), values(data), values(x)))
    return out


@scene()
def other_memory_orders(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return (x * 2).sum(0), x.reshape(12), x.t().contiguous()

    forms = [lambda x: x, lambda x: x.t().contiguous().t(), lambda x: x.flip(0).flip(0)]
    out = []
    for i in range(4 * CALLS):
        out.append(values(step(forms[i % 3](numbers(i, 3, 4)))))
        out.append(values(step(numbers(i, 3, 8)[:, ::2])))
    return out


@scene()
def channels_last(compiled: Any) -> Any:
    w = numbers(0, 2, 2, 3, 3).requires_grad_()

    @compiled
    def step(x: tg.Tensor) -> Any:
        w.grad = None
        y = F.relu(F.conv2d(F.conv2d(x, w), w))
        y.sum().backward()
        return y

    out = []
    for i in range(CALLS):
        x = numbers(i, 2, 2, 7, 7)
        y = step(x.contiguous(memory_format=tg.channels_last) if i > 3 else x)
        out.append((values(y), y.is_contiguous(), values(w.grad)))
    return out


@scene()
def scalars_and_empty_tensors(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor, n: tg.Tensor) -> Any:
        return x * n, x.exp(), x[:0].sum() + n, tg.cat([x[:0], x]), n.reshape(1)

    return [values(step(numbers(i, 3), tg.tensor(float(i)))) for i in range(CALLS)]


@scene()
def nothing_but_emptiness(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * 2, x.sum(), x.reshape(0, 4)

    return [values(step(tg.zeros(0, 2))) for _ in range(CALLS)]


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("other", ["float32", "float16", "int64"])
def test_dtypes_are_mixed_as_ever(dtype: str, other: str) -> None:
    kind, second = getattr(tg, dtype), getattr(tg, other)

    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        return x + y, x * 2, y / 3, x.sum(), y.mean() if y.is_floating_point() else y.sum(), x == y

    run = Compiled(step)
    for i in range(CALLS):
        x, y = (numbers(i, 3) * 3).to(kind), (numbers(i + 50, 3) * 3).to(second)
        for a, b in zip(step(x, y), run(x, y), strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    assert any(made.built is not None for made in run.steps.values())


@scene()
def targets_that_are_ignored_at_times(compiled: Any) -> Any:
    """What cross entropy keeps for its rule has other lengths when rows are left out."""
    w = numbers(0, 5, 4).requires_grad_()

    @compiled
    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        w.grad = None
        target = y * 1  # in memory of the program
        loss = F.cross_entropy(x @ w, target, ignore_index=3)
        spare = (y + 5) * 2
        (loss + (spare * 0).sum()).backward()
        return loss, spare

    out = []
    for i in range(2 * CALLS):
        y = tg.from_numpy(np.random.default_rng(i).integers(0, 4 if i < CALLS else 3, 6))
        out.append((values(step(numbers(i, 6, 5), y)), values(w.grad)))
    return out


@scene()
def array_of_numpys_that_is_written_to(compiled: Any) -> Any:
    table = np.zeros(3, np.float32)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x + tg.tensor(table), x * tg.from_numpy(table), x - tg.as_tensor(table)

    out = []
    for i in range(CALLS):
        table[:] = i
        out.append(values(step(numbers(i, 3))))
    return out


@scene()
def index_of_numpys(compiled: Any) -> Any:
    order = np.arange(3)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x[order], tg.from_numpy(order) * x

    out = []
    for i in range(CALLS):
        order[:] = np.roll(order, 1)
        out.append(values(step(numbers(i, 3))))
    return out


@scene()
def indices_of_every_kind(compiled: Any) -> Any:
    w, mask = numbers(0, 2, 3, 4).requires_grad_(), tg.tensor([True, False, True])

    @compiled
    def step(x: tg.Tensor, i: tg.Tensor) -> Any:
        w.grad = None
        y = w * x
        outs = y[0, :, i], y[:, i, 1], y[..., i], y[i[0:1], 1], y[:, None, 0], y[[1, 0], :, 2]
        z = y.clone()
        z[0, :, i] = 0.0
        z[1, i] += 1.0
        z[:, mask] = 5.0
        z[y > 0.5] = 1.0
        z[-1, ..., 0] = y[0, ..., 1]
        (sum((o * o).sum() for o in outs) + (z * z).sum()).backward()
        return *outs, z

    out = []
    for i in range(CALLS):
        index = tg.from_numpy(np.random.default_rng(i).integers(0, 2, 3))
        out.append((values(step(numbers(i, 2, 3, 4), index)), values(w.grad)))
    return out


@scene()
def gradients_of_parts(compiled: Any) -> Any:
    w = numbers(0, 4, 6).requires_grad_()

    @compiled
    def step(x: tg.Tensor) -> Any:
        w.grad = None
        a, b = w[:, :3], w[:, 3:]
        y = (x @ a) * (x @ b) + w[0, :3] + w[1:3, 2:5].sum(0) + w[3, ::2]
        y.sum().backward()
        return y

    out = []
    for i in range(CALLS):
        out.append((values(step(numbers(i, 2, 4))), values(w.grad)))
    return out


@scene()
def gradient_of_an_expanded_tensor(compiled: Any) -> Any:
    w = numbers(0, 3).requires_grad_()

    @compiled
    def step(x: tg.Tensor) -> Any:
        w.grad = None
        y = w.expand(4, 3) * x + w
        y.sum().backward()
        w.grad.mul_(2)
        return y

    out = []
    for i in range(CALLS):
        out.append((values(step(numbers(i, 4, 3))), values(w.grad)))
    return out


@scene()
def rows_of_a_table_that_are_shortened(compiled: Any) -> Any:
    table = (numbers(0, 6, 3) * 3).requires_grad_()

    @compiled
    def step(i: tg.Tensor) -> Any:
        table.grad = None
        out = F.embedding(i, table, max_norm=1.0)
        (out * out).sum().backward()
        return out

    out = []
    for i in range(CALLS):
        with tg.no_grad():
            table[i % 6] *= 4
        index = tg.from_numpy(np.random.default_rng(i).integers(0, 6, 4))
        out.append((values(step(index)), values(table), values(table.grad)))
    return out


def test_an_operation_of_a_script_whose_shape_goes_by_numbers_gives_no_wrong_number() -> None:
    """A mean of what is positive divides by how many there are now, not when it was recorded."""
    positive = ops.Op(
        "positive", lambda x: x[x > 0], ("x",), (), {"x": Rule(np.multiply, (), ())},
    )  # fmt: skip

    def step(x: tg.Tensor) -> Any:
        return apply(positive, x).mean()

    run = Compiled(step)
    batch = tg.tensor([1.0, -1.0, 2.0, -3.0])
    said = r"its program has raised RuntimeError\(.*its shape must follow from shapes"
    with tg.no_grad(), pytest.warns(UserWarning, match=said):
        for x in [batch] * 4 + [tg.tensor([1.0, 1.0, 2.0, -3.0])] * 3 + [-batch, batch]:
            np.testing.assert_array_equal(run(x).numpy(), step(x).numpy())


@pytest.mark.parametrize("name", SCENES)
def test_memory_is_the_steps_own(name: str) -> None:
    recorded, play = SCENES[name]
    tg.manual_seed(0)
    expected = play(lambda function: function)
    made: list[Compiled[Any, Any]] = []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    tg.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error" if recorded else "ignore")
        found = play(compiled)
    np.testing.assert_equal(found, expected)
    gc.collect()
    assert not [x for x in gc.get_objects() if type(x) is Recorded]  # as in a cache, or a tensor
    (function,) = made
    built = any(step.built is not None for step in function.steps.values())
    assert built is recorded, function.uncompiled
