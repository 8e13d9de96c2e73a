"""Every operation of the table: gradients, second derivatives, parity, dtypes, memory."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np
import pytest
from cases import Case
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

from tinygrad_mnist import Tensor, from_numpy, no_grad, ops
from tinygrad_mnist.autograd import apply, backward, grad, gradcheck, gradgradcheck
from tinygrad_mnist.mutation.check import first_derivatives

DIFFERENTIABLE = list(cases.cases(differentiable=True))
ALL = list(cases.cases())
BROADCASTING = [
    op for op in ops.TABLE.values()
    if op.differentiable and op.broadcasts and op.samples[: len(ops.add.samples)] == ops.add.samples
]  # fmt: skip

each = pytest.mark.parametrize("case", DIFFERENTIABLE, ids=repr)
every = pytest.mark.parametrize("case", ALL, ids=repr)
seeds = st.integers(0, 2**32 - 1)


def tracked(case: Case, tensors: list[Any]) -> list[Any]:
    return [t for i, t in enumerate(tensors) if cases.is_tracked(case, i)]


def cotangent(shape: Any, source: np.random.Generator, dtype: Any = np.float64) -> Any:
    return from_numpy(np.asarray(source.standard_normal(shape), dtype))


def cotangents(outs: list[Any], source: np.random.Generator) -> list[Any]:
    return [cotangent(out.shape, source, out.detach().numpy().dtype) for out in outs]


@each
@given(seed=seeds)
def test_gradient_agrees_with_central_differences_in_a_random_direction(
    case: Case, seed: int
) -> None:
    source = np.random.default_rng(seed)
    arrays = cases.inputs(case, seed)
    tensors = cases.tensors(case, arrays)
    xs = tracked(case, tensors)
    outs = cases.outputs(case, *tensors)
    gs = cotangents(outs, source)
    directions = [source.standard_normal(x.shape) for x in xs]
    gradients = grad(outs, xs, gs)
    analytic = sum(
        float(np.sum(d * gr.numpy())) for d, gr in zip(directions, gradients, strict=True)
    )
    eps = 1e-6

    def at(step: float) -> float:
        moved = iter(
            from_numpy(np.asarray(x.detach().numpy() + step * d))
            for x, d in zip(xs, directions, strict=True)
        )
        args = [next(moved) if cases.is_tracked(case, i) else a for i, a in enumerate(arrays)]
        moved_outs = cases.outputs(case, *args)
        return sum(
            float(np.sum(out._array * g.numpy())) for out, g in zip(moved_outs, gs, strict=True)
        )

    numeric = (at(eps) - at(-eps)) / (2 * eps)
    scale = 1 + sum(float(np.abs(gr.numpy()).sum()) for gr in gradients)
    assert analytic == pytest.approx(numeric, rel=1e-5, abs=1e-7 * scale)


@each
def test_gradient_agrees_with_every_element_of_the_numerical_jacobian(case: Case) -> None:
    tensors = cases.tensors(case, cases.inputs(case, 3))
    assert gradcheck(lambda *args: cases.call(case, *args), tensors)


@pytest.mark.parametrize(
    "op", [op for op in ops.TABLE.values() if op.differentiable], ids=lambda op: op.name
)
def test_each_input_has_its_gradient_alone_and_where_rules_have_cases_of_their_own(
    op: ops.Op,
) -> None:
    """The check that mutants of the rules fail: with one input tracked at a time, at all points."""
    for case in cases.all_of(op):
        for argument in op.rules:
            assert first_derivatives(case, argument) is None


@each
def test_second_derivative_agrees_with_differences_of_the_gradient(case: Case) -> None:
    """The second derivative of every operation agrees with finite differences of the first."""
    tensors = cases.tensors(case, cases.inputs(case, 4))
    assert gradgradcheck(lambda *args: cases.call(case, *args), tensors)


@each
def test_gradients_of_a_recorded_backward_equal_those_of_a_plain_one(case: Case) -> None:
    arrays = cases.inputs(case, 5)
    results = []
    for create_graph in (False, True):
        tensors = cases.tensors(case, arrays)
        outs = cases.outputs(case, *tensors)
        gs = cotangents(outs, np.random.default_rng(6))
        results.append(grad(outs, tracked(case, tensors), gs, create_graph=create_graph))
    for plain, recorded in zip(*results, strict=True):
        np.testing.assert_allclose(recorded.detach().numpy(), plain.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("op", BROADCASTING, ids=lambda op: op.name)
@given(
    shapes=mutually_broadcastable_shapes(num_shapes=2, max_dims=3, max_side=3, min_side=0),
    seed=seeds,
)
def test_broadcasting_gives_each_input_a_gradient_of_its_own_shape(
    op: ops.Op, shapes: Any, seed: int
) -> None:
    """The gradient of a broadcast input is summed over the dimensions that were stretched."""
    source = np.random.default_rng(seed)
    x, y = (
        from_numpy(cases.draw(shape, op.domain(i), source)).requires_grad_()
        for i, shape in enumerate(shapes.input_shapes)
    )
    out = apply(op, x, y)
    assert out.shape == shapes.result_shape
    for t, g in zip((x, y), grad(out, (x, y), cotangent(out.shape, source)), strict=True):
        assert g.shape == t.shape
    full = from_numpy(np.broadcast_to(x.detach().numpy(), out.shape).copy()).requires_grad_()
    g = cotangent(out.shape, source)
    (wide,) = grad(apply(op, full, y.detach()), full, g)
    (narrow,) = grad(apply(op, x, y.detach()), x, g)
    lead = wide.dim() - x.dim()
    dims = (*range(lead), *(lead + i for i, n in enumerate(x.shape) if n == 1))
    summed = wide.numpy().sum(axis=dims, keepdims=True).reshape(x.shape)
    np.testing.assert_allclose(narrow.numpy(), summed, rtol=1e-9, atol=1e-9)


@every
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_and_gradients_are_those_of_pytorch(case: Case, dtype: Any, torch: Any) -> None:
    exact = dtype is np.float64
    tolerance = {"rtol": 1e-10 if exact else 2e-5, "atol": 1e-11 if exact else 2e-5}
    arrays = cases.inputs(case, 7, dtype)
    ours = cases.tensors(case, [a.copy() if isinstance(a, np.ndarray) else a for a in arrays])
    theirs = [
        torch.from_numpy(a.copy()).requires_grad_(cases.is_tracked(case, i))
        if isinstance(a, np.ndarray)
        else a
        for i, a in enumerate(arrays)
    ]
    outs = cases.invariant(case, cases.outputs(case, *ours))
    expected = cases.invariant(case, cases.in_torch(case, torch, theirs))
    for out, want in zip(outs, expected, strict=True):
        assert out.shape == tuple(want.shape)
        assert repr(out.dtype) == repr(want.dtype)
        np.testing.assert_allclose(out.detach().numpy(), want.detach().numpy(), **tolerance)
    if not case.op.differentiable:
        assert not any(out.requires_grad for out in outs)
        return
    gs = cotangents(outs, np.random.default_rng(8))
    mine = grad(outs, tracked(case, ours), gs)
    oracle = torch.autograd.grad(
        expected, tracked(case, theirs), [torch.from_numpy(g.numpy()) for g in gs]
    )
    for a, b in zip(mine, oracle, strict=True):
        assert repr(a.dtype) == repr(b.dtype)
        np.testing.assert_allclose(a.numpy(), b.numpy(), **tolerance)


KINKED = [
    (op, position, kink)
    for op in ops.TABLE.values() if op.differentiable
    for position, _ in enumerate(op.inputs[:2])
    for kink in op.domain(position).kinks
    if op.inputs[position] in op.rules
]  # fmt: skip


@pytest.mark.parametrize(("op", "position", "kink"), KINKED, ids=str)
def test_gradient_at_a_kink_is_the_one_that_pytorch_chose(
    op: ops.Op, position: int, kink: float, torch: Any
) -> None:
    """At an entry's kinks, where several slopes are possible, PyTorch's is given."""
    case = Case(op, 0)
    arrays = cases.inputs(case, 9)
    arrays[position] = np.asarray(arrays[position]).copy()
    arrays[position].flat[0] = kink
    ours = cases.tensors(case, [np.array(a) if isinstance(a, np.ndarray) else a for a in arrays])
    theirs = [
        torch.from_numpy(np.array(a)).requires_grad_(cases.is_tracked(case, i))
        if isinstance(a, np.ndarray)
        else a
        for i, a in enumerate(arrays)
    ]
    out, (expected,) = cases.call(case, *ours), cases.in_torch(case, torch, theirs)
    mine = grad(out.sum(), tracked(case, ours))
    oracle = torch.autograd.grad(expected.sum(), tracked(case, theirs))
    for a, b in zip(mine, oracle, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-9)


@each
def test_inputs_and_cotangent_stay_as_they_were(case: Case) -> None:
    arrays = cases.inputs(case, 10)
    before = [np.array(a) if isinstance(a, np.ndarray) else a for a in arrays]
    tensors = cases.tensors(case, arrays)
    outs = cases.outputs(case, *tensors)
    gs = cotangents(outs, np.random.default_rng(11))
    kept = [x.detach().numpy().copy() for x in (*gs, *outs)]
    backward(outs, gs)
    for x, value in zip((*gs, *outs), kept, strict=True):
        np.testing.assert_array_equal(x.detach().numpy(), value)
    for a, b in zip(arrays, before, strict=True):
        if isinstance(a, np.ndarray):
            np.testing.assert_array_equal(a, b)


@each
def test_gradients_are_writable_and_share_memory_with_nothing(case: Case) -> None:
    """A gradient may be written to without changing another gradient, an input or an output."""
    tensors = cases.tensors(case, cases.inputs(case, 12))
    xs = tracked(case, tensors)
    outs = cases.outputs(case, *tensors)
    gs = cotangents(outs, np.random.default_rng(13))
    backward(outs, gs)
    gradients = [x.grad.numpy() for x in xs]
    others = [x.detach().numpy() for x in (*xs, *gs, *outs)]
    for i, a in enumerate(gradients):
        assert a.flags.writeable
        assert not a.size or 0 not in [s for s, n in zip(a.strides, a.shape, strict=True) if n > 1]
        for b in gradients[i + 1 :] + others:
            assert not np.shares_memory(a, b)


@each
@pytest.mark.parametrize("which", ["inputs", "outputs"])
def test_a_later_write_is_noticed_or_does_no_harm(case: Case, which: str) -> None:
    """An array that a rule needs is its own, or is watched: a write never gives a wrong gradient."""
    tensors = cases.tensors(case, cases.inputs(case, 14))
    xs = tracked(case, tensors)
    outs = cases.outputs(case, *tensors)
    gs = cotangents(outs, np.random.default_rng(15))
    expected = grad(outs, xs, gs)
    seen = [t.clone() if isinstance(t, Tensor) else t for t in tensors]
    outs = cases.outputs(case, *seen)
    for t in seen if which == "inputs" else outs:
        if isinstance(t, Tensor) and t.is_floating_point():
            if not t._array.flags.writeable:
                continue  # a view in which several elements are one in memory
            with no_grad():
                t.mul_(3)
    try:
        found = grad(outs, xs, gs)
    except RuntimeError as error:
        assert "modified by an inplace operation" in str(error)
    else:
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


@each
@pytest.mark.parametrize(
    "layout",
    [
        lambda a: np.asfortranarray(a) if a.ndim else a,
        lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
        lambda a: np.flip(np.flip(a).copy()) if a.ndim else a,
    ],
    ids=["column-major", "strided", "reversed"],
)
def test_memory_order_of_the_inputs_does_not_matter(case: Case, layout: Any) -> None:
    """Transposed, reversed and strided inputs give the results and gradients of contiguous ones."""
    arrays = cases.inputs(case, 14)
    results = []
    for change in (None, layout):
        tensors = cases.tensors(case, arrays, change)
        outs = cases.outputs(case, *tensors)
        gs = cotangents(outs, np.random.default_rng(15))
        results.append((*outs, *grad(outs, tracked(case, tensors), gs)))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12, atol=1e-12)


@each
def test_float32_stays_float32(case: Case) -> None:
    """Results and gradients of float32 inputs are float32 arrays."""
    if "dtype" in case.sample.settings:
        pytest.skip("changing the dtype is what it is for")
    tensors = cases.tensors(case, cases.inputs(case, 16, np.float32))
    outs = cases.outputs(case, *tensors)
    assert {out._array.dtype for out in outs} == {np.dtype(np.float32)}
    gs = cotangents(outs, np.random.default_rng(17))
    for t in grad(outs, tracked(case, tensors), gs, create_graph=True):
        assert t._array.dtype == np.float32
        assert type(t._array) is np.ndarray


@pytest.mark.parametrize(
    "op", [op for op in ops.TABLE.values() if op.reference is not None], ids=lambda op: op.name
)
def test_fused_operation_agrees_with_its_reference(op: ops.Op) -> None:
    for number in range(len(op.samples)):
        case = Case(op, number)
        arrays = cases.inputs(case, 18)
        results = []
        for function in (lambda *a, **k: apply(op, *a, **k), op.reference):
            tensors = cases.tensors(case, arrays)
            out = function(*tensors, **case.sample.settings)
            outs = list(out) if isinstance(out, tuple) else [out]
            gs = cotangents(outs, np.random.default_rng(19))
            results.append((*outs, *grad(outs, tracked(case, tensors), gs)))
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(
                a.detach().numpy(), b.detach().numpy(), rtol=1e-11, atol=1e-12
            )


@pytest.mark.parametrize("name", ["relu", "hardshrink", "softshrink", "leaky_relu", "hardtanh"])
def test_an_infinite_gradient_stays_where_the_slope_is_not_zero(name: str, torch: Any) -> None:
    """As of relu(x).sqrt(), whose gradient at 0 is infinite: a product with 0 would be NaN."""
    import tinygrad_mnist as tg

    found = []
    for library in (tg, torch):
        x = library.tensor([-2.0, -0.5, 0.0, 0.2, 2.5, float("nan")], requires_grad=True)
        y = getattr(library.nn.functional, name)(x)
        y.backward(library.full_like(y, float("inf")))
        found.append(x.grad.numpy())
    np.testing.assert_array_equal(*found)
