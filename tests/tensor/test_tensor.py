"""Tensor: values, dtypes, indexing, conversion and protocols, beside PyTorch's."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist.ops import dtypes


def leaf(*values: Any) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


def summed_gradient(function: Any, *xs: Any) -> Any:
    function(*xs).sum().backward()
    return xs[0].grad.tolist()


# Kinks and numerics


def test_gradients_at_zero() -> None:
    """At their kink relu and abs have slope 0, maximum 1/2, and clamp 1, as in PyTorch."""
    assert summed_gradient(lambda x: x.relu(), leaf(0.0)) == [0.0]
    zero = tg.zeros(1, dtype=tg.float64)
    assert summed_gradient(lambda x: tg.maximum(x, zero), leaf(0.0)) == [0.5]
    assert summed_gradient(lambda x: x.clamp(min=0), leaf(0.0)) == [1.0]
    assert summed_gradient(lambda x: x.abs(), leaf(0.0)) == [0.0]


def test_ties_share_the_gradient() -> None:
    """max() and maximum() share the gradient among ties; max(dim) gives it to the first."""
    assert summed_gradient(lambda x: x.max(), leaf(2.0, 2.0, 1.0)) == [0.5, 0.5, 0.0]
    assert summed_gradient(lambda x: x.max(0).values, leaf(2.0, 2.0, 1.0)) == [1.0, 0.0, 0.0]
    a, b = leaf(1.0), leaf(1.0)
    tg.maximum(a, b).sum().backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0.5], [0.5])


def test_roots_at_zero(torch: Any) -> None:
    """The norm's gradient at zero is 0, while that of sqrt stays NaN, as in PyTorch."""
    assert summed_gradient(lambda x: x.norm(), leaf(0.0, 0.0)) == [0.0, 0.0]
    assert np.isnan(summed_gradient(lambda x: (x**2).sum().sqrt(), leaf(0.0, 0.0))).all()
    y = torch.full((3,), 2.0, dtype=torch.float64, requires_grad=True)
    y.std().backward()
    assert summed_gradient(lambda x: x.std(), leaf(2.0, 2.0, 2.0)) == y.grad.tolist()


def test_powers() -> None:
    """Powers have finite derivatives where they exist: 0**y, x**0, x**x, and of a negative base."""
    assert summed_gradient(lambda x: x**0, leaf(0.0)) == [0.0]
    zero = tg.zeros(1, dtype=tg.float64)
    assert summed_gradient(lambda y: zero**y, leaf(2.0)) == [0.0]
    assert summed_gradient(lambda x: x**x, leaf(2.0)) == pytest.approx([4 * (1 + np.log(2))])
    assert summed_gradient(lambda x: x**2, leaf(-2.0)) == [-4.0]
    assert summed_gradient(lambda y: 2**y, leaf(3.0)) == pytest.approx([8 * np.log(2)])


def test_products_with_zeros() -> None:
    """The gradient of prod is right with one zero and with two."""
    assert summed_gradient(lambda x: x.prod(), leaf(2.0, 0.0, 3.0)) == [0.0, 6.0, 0.0]
    assert summed_gradient(lambda x: x.prod(), leaf(0.0, 0.0, 3.0)) == [0.0, 0.0, 0.0]


def test_clamp_passes_the_gradient_on_its_bounds() -> None:
    """Values equal to a bound of clamp count as inside."""
    assert summed_gradient(lambda x: x.clamp(0, 1), leaf(0.0, 0.5, 1.0)) == [1.0, 1.0, 1.0]


def test_where_and_nan() -> None:
    """The branch that where() doesn't choose gets gradient 0, times an infinite slope NaN."""
    x = leaf(0.0)
    assert np.isnan(summed_gradient(lambda x: tg.where(x > 0, x.sqrt(), 0.0), x)).all()
    x = leaf(0.0)
    safe = tg.where(x > 0, x, 1.0)
    assert summed_gradient(lambda x: tg.where(x > 0, safe.sqrt(), 0.0), x) == [0.0]
    x, nan = leaf(1.0), leaf(float("nan"))
    tg.where(x > 0, x, nan).sum().backward()
    assert nan.grad.tolist() == [0.0]


def test_softmax_family_is_stable() -> None:
    """log_softmax and logsumexp of large and infinite numbers have finite gradients."""
    x = leaf(1000.0, 0.0)
    out = x.log_softmax(0)
    assert out.tolist() == [0.0, -1000.0]
    out.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    rows = tg.tensor([[1000.0, 0.0], [0.0, -1000.0]]).log_softmax(1)
    assert rows.tolist() == [[0.0, -1000.0], [0.0, -1000.0]]
    x = leaf(-np.inf, 0.0)
    out = x.logsumexp(0)
    out.backward()
    assert (out.item(), x.grad.tolist()) == (0.0, [0.0, 1.0])


# Shapes


def test_gradient_of_a_scalar_is_a_0d_tensor_of_its_dtype() -> None:
    """A 0-d tensor that was broadcast gets a 0-d gradient, not a NumPy number."""
    for dtype in (tg.float32, tg.float64):
        s = tg.tensor(2.0, dtype=dtype, requires_grad=True)
        (s * tg.ones(3, 4, dtype=dtype)).sum().backward()
        assert s.grad.shape == ()
        assert s.grad.dtype == dtype
        assert type(s.grad._array) is np.ndarray


def test_dimensions_as_pytorch_counts_them(torch: Any) -> None:
    """Calls with negative, several and left-out dimensions give PyTorch's values and shapes."""
    array = np.arange(24.0).reshape(2, 3, 4)
    for t in (
        lambda m, x: x.sum(dim=-1), lambda m, x: x.sum(dim=(0, -1)), lambda m, x: x.unsqueeze(-1),
        lambda m, x: x.squeeze(1), lambda m, x: x.mean((0, 1), keepdim=True),
        lambda m, x: x.flatten(1), lambda m, x: x.unflatten(2, (2, 2)), lambda m, x: x.movedim(0, 2),
        lambda m, x: x.transpose(0, -1), lambda m, x: x.permute(2, 0, 1), lambda m, x: x.roll(1),
        lambda m, x: x.roll((1, 2), (0, 2)), lambda m, x: x.flip(0, 1), lambda m, x: x.tile(2, 1),
        lambda m, x: x.repeat(2, 1, 1, 3), lambda m, x: x.max(1)[1], lambda m, x: x.argmin(),
        lambda m, x: x.view(6, -1), lambda m, x: x[:1].expand(5, -1, -1), lambda m, x: x.norm(dim=1),
        lambda m, x: x.norm(1), lambda m, x: x.norm(3, 0), lambda m, x: x.norm(float("inf"), 1),
        lambda m, x: m.cat([x, x], -1), lambda m, x: m.stack([x, x], 1), lambda m, x: x.tril(1)[0],
        lambda m, x: m.cat(x.split(2, 1), 1), lambda m, x: m.cat(x.chunk(3, 2)[1:], 2),
        lambda m, x: m.stack(x.unbind(1)), lambda m, x: x.var((0, 2), correction=0),
        lambda m, x: x.std(1, False), lambda m, x: x.cumsum(1), lambda m, x: x.select(1, -1),
        lambda m, x: x.narrow(2, 1, 2), lambda m, x: x.any(0), lambda m, x: (x >= 0).all(),
        lambda m, x: x.prod(0), lambda m, x: m.outer(x[0, 0], x[1, 1]), lambda m, x: x.amax((0, 2)),
        lambda m, x: x.index_select(1, m.tensor([2, 0])), lambda m, x: x.masked_select(x > 7),
        lambda m, x: x.masked_fill(x > 7, -1.0), lambda m, x: m.addmm(x[0, 0], x[0], x[1, 0]
        .reshape(4, 1).expand(4, 4), beta=2, alpha=0.5), lambda m, x: x.div(3, rounding_mode="trunc"),
        lambda m, x: x.div(-3, rounding_mode="floor"), lambda m, x: m.remainder(x - 9, 4),
        lambda m, x: x.round(decimals=1), lambda m, x: x.lerp(x * 2, 0.3), lambda m, x: -5 % (x + 1),
        lambda m, x: m.where(x > 5)[0], lambda m, x: x.nonzero(), lambda m, x: x.mT, lambda m, x: x[0].T,
        lambda m, x: x.clamp(min=x[0, 0]), lambda m, x: m.linspace(0, 1, 5), lambda m, x: m.eye(2, 3),
        lambda m, x: m.arange(1, 2, 0.3), lambda m, x: m.arange(5, 0, -2), lambda m, x: m.full((2,), 3),
        lambda m, x: m.full((2,), True), lambda m, x: x.new_zeros(2), lambda m, x: 1 / (x + 1),
        lambda m, x: x // 5, lambda m, x: x.int() / 2, lambda m, x: (x > 3) & (x < 9), lambda m, x: ~(x > 3),
        lambda m, x: 2 - x, lambda m, x: x.type_as(m.ones(1)), lambda m, x: m.tensor(5).max(),
    ):  # fmt: skip
        ours, theirs = t(tg, tg.from_numpy(array)), t(torch, torch.from_numpy(array))
        assert tuple(ours.shape) == tuple(theirs.shape)
        assert repr(ours.dtype) == repr(theirs.dtype)
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_matmul_refuses_scalars_and_mixed_dtypes() -> None:
    """@ needs dimensions on both sides, and one dtype."""
    with pytest.raises((RuntimeError, ValueError), match="matmul"):
        tg.tensor(2.0) @ tg.ones(2)
    with pytest.raises(RuntimeError, match="same dtype"):
        tg.ones(2) @ tg.ones(2, dtype=tg.float64)


def test_unused_parts_of_a_split_get_zeros() -> None:
    """cat adds the gradients of its parts; those of split that are not used give zeros."""
    x = leaf(1.0, 2.0, 3.0)
    tg.cat([x, x]).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
    x.grad = None
    x.split(1)[1].sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 0.0]


# Indexing


@pytest.mark.parametrize(
    "index",
    [[0, 0, 1], ([0, 0, 1],), np.s_[None, ..., 1], np.s_[::2], np.s_[-1], np.s_[1:, None],
     (range(3), [0, 1, 0]), (slice(None), [1, 1, 0]), np.array([True, False, True]), []],
    ids=str,
)  # fmt: skip
def test_indexing_is_that_of_pytorch(index: Any, torch: Any) -> None:
    """Every form of index selects what PyTorch's selects, and sends the gradient back there."""
    array = np.arange(12.0).reshape(3, 4)
    mine, other = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
    theirs = tuple(list(p) if isinstance(p, range) else p for p in index) if isinstance(index, tuple) else index  # fmt: skip
    a, b = mine[index], other[theirs]
    np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    (a * a).sum().backward()
    (b * b).sum().backward()
    np.testing.assert_array_equal(mine.grad.numpy(), other.grad.numpy())


def test_tensors_index_and_negative_steps_work() -> None:
    """Tensors of integers or bools are indices; negative steps, which PyTorch lacks, work."""
    x = leaf(1.0, 2.0, 3.0)
    assert x[tg.tensor([2, 0])].tolist() == [3.0, 1.0]
    assert x[tg.tensor([True, False, True])].tolist() == [1.0, 3.0]
    assert x[tg.tensor(1)].item() == 2.0
    assert summed_gradient(lambda x: x[::-2] * tg.tensor([1.0, 10.0]), x) == [10.0, 0.0, 1.0]
    with pytest.raises(IndexError, match="must be integer or bool"):
        x[tg.tensor([0.5])]
    with pytest.raises(IndexError, match="getitem"):
        x[7]


def test_index_that_is_changed_later_is_the_old_one_in_backward() -> None:
    x, index = leaf(1.0, 2.0), tg.tensor([0, 0])
    y = x[index]
    index.fill_(1)
    y.sum().backward()
    assert x.grad.tolist() == [2.0, 0.0]


def test_writing_by_index_is_recorded() -> None:
    """A gradient flows to what was written into a tensor, and not to what that replaced."""
    x, b = leaf(1.0, 2.0), leaf(5.0)
    y = x.clone()
    y[0] = b[0]
    y.sum().backward()
    assert (x.grad.tolist(), b.grad.tolist()) == ([0.0, 1.0], [1.0])
    x = leaf(1.0, 2.0, 3.0)
    out = tg.zeros(3, dtype=tg.float64)
    for i in range(3):
        out[i] = x[i] * (i + 1)
    out.sum().backward()
    assert x.grad.tolist() == [1.0, 2.0, 3.0]


def test_chained_writes_reach_the_memory() -> None:
    """t[1][0][1] = 1 writes to t itself, since each index makes a view."""
    t = tg.zeros(2, 2, 2)
    t[1][0][1] = 1
    assert t.sum().item() == 1
    assert t[1, 0, 1].item() == 1
    view = tg.zeros(2)[0]
    view.fill_(3)
    assert view.item() == 3


def test_gather_and_scatter_add_with_repeats(torch: Any) -> None:
    """An element that gather or scatter_add uses several times gets the sum of the gradients."""
    array, index = np.arange(6.0).reshape(2, 3), np.array([[0, 0, 2], [1, 1, 1]])
    for name in ("gather", "scatter_add"):
        x, y = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        source = np.ones((2, 3))
        if name == "gather":
            a, b = x.gather(1, tg.tensor(index)), y.gather(1, torch.tensor(index))
        else:
            a = x.scatter_add(1, tg.tensor(index), tg.tensor(source))
            b = y.scatter_add(1, torch.tensor(index), torch.tensor(source))
        (a * a).sum().backward()
        (b * b).sum().backward()
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
        np.testing.assert_array_equal(x.grad.numpy(), y.grad.numpy())


# Dtypes


def test_result_type_is_that_of_pytorch_for_all_pairs(torch: Any) -> None:
    """torch.result_type of every pair of dtypes, with and without dimensions, and with numbers."""
    names = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
    scalars = [2, 2.0, True]
    tensors = [(name, shape) for name in names for shape in ((), (2,))]
    for (n, s), (m, r) in itertools.product(tensors, tensors):
        mine = tg.result_type(tg.ones(s, dtype=n), tg.ones(r, dtype=m))
        theirs = torch.result_type(
            torch.ones(s, dtype=getattr(torch, n)), torch.ones(r, dtype=getattr(torch, m))
        )
        assert repr(mine) == repr(theirs), (n, s, m, r)
    for (n, s), scalar in itertools.product(tensors, scalars):
        mine = tg.result_type(tg.ones(s, dtype=n), scalar)
        theirs = torch.result_type(torch.ones(s, dtype=getattr(torch, n)), scalar)
        assert repr(mine) == repr(theirs), (n, s, scalar)


@pytest.mark.parametrize(
    "operation", ["add", "sub", "mul", "div", "pow", "maximum", "lt", "remainder"]
)
def test_arithmetic_of_mixed_dtypes_is_that_of_pytorch(operation: str, torch: Any) -> None:
    """Two-input functions of every pair of dtypes return PyTorch's dtype."""
    names = ["float32", "float64", "int32", "int64", "uint8", "bool"]
    for n, m in itertools.product(names, names):
        if "bool" in (n, m) and operation in ("sub", "pow", "remainder", "maximum"):
            continue
        mine = getattr(tg, operation)(tg.ones(2, dtype=n), tg.ones(2, dtype=m))
        theirs = getattr(torch, operation)(
            torch.ones(2, dtype=getattr(torch, n)), torch.ones(2, dtype=getattr(torch, m))
        )
        assert repr(mine) == repr(theirs), (n, m)


def test_scalars_never_change_a_dtype() -> None:
    """Numbers of Python and NumPy leave float32 alone; gradients have their inputs' dtypes."""
    x = tg.ones(2)
    for scalar in (2.0, np.float64(2), np.array(2.0), 3, True, np.int64(3)):
        assert (x * scalar).dtype == tg.float32
        assert (scalar * x).dtype == tg.float32
    a, b = tg.ones(2, requires_grad=True), tg.ones(2, dtype=tg.float64, requires_grad=True)
    out = a * b
    out.sum().backward()
    assert (out.dtype, a.grad.dtype, b.grad.dtype) == (tg.float64, tg.float32, tg.float64)
    assert (tg.arange(3) * 1.5).dtype == tg.float32


def test_integers_have_no_mean_and_no_gradient() -> None:
    """mean() of integers needs a dtype, and integers can't require gradients."""
    with pytest.raises(RuntimeError, match="mean: could not infer output dtype"):
        tg.arange(3).mean()
    with pytest.raises(RuntimeError, match="floating point dtype can require gradients"):
        tg.tensor([1, 2], requires_grad=True)
    assert tg.arange(3).mean(dtype=tg.float32).item() == 1


def test_dtypes_are_single_compare_with_numpys_and_pickle() -> None:
    assert tg.float32 == np.float32 == tg.ones(1).dtype
    assert pickle.loads(pickle.dumps(tg.float64)) is tg.float64
    assert copy.deepcopy(tg.int64) is tg.int64
    assert np.zeros(2, tg.float32).dtype == np.float32  # type: ignore[call-overload]
    assert {tg.float32: 1}[tg.ones(1).dtype] == 1
    for bad in ("complex64", "U3", object):
        with pytest.raises(TypeError, match="dtype"):
            tg.zeros(2, dtype=bad)
    with pytest.raises(TypeError, match="floating-point"):
        dtypes.set_default_dtype(tg.int64)
    try:
        tg.set_default_dtype(tg.float64)
        assert tg.ones(1).dtype == tg.tensor([1.0]).dtype == tg.float64
    finally:
        tg.set_default_dtype(tg.float32)


# Protocols


def test_arrays_and_tensors_mix_to_one_tensor() -> None:
    """array * tensor is a tensor with a gradient, although NumPy's operator is asked first."""
    x = tg.ones(3, dtype=tg.float64, requires_grad=True)
    out = np.arange(3.0) * x
    assert isinstance(out, tg.Tensor)
    assert out.dtype == tg.float64
    out.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0, 2.0]


def test_numpy_functions_are_recorded() -> None:
    x = leaf(0.5, 1.5)

    def softmax(a: Any) -> Any:
        e = np.exp(a - np.max(a))
        return e / np.sum(e)

    out = softmax(x)
    np.testing.assert_allclose(out.detach().numpy(), softmax(x.detach().numpy()))
    assert tg.autograd.gradcheck(softmax, x)
    y = leaf(1.0, 2.0, 3.0, 4.0)
    for function in (
        lambda a: np.mean(np.reshape(a, (2, 2)), axis=0), lambda a: np.concatenate([a, a]),
        lambda a: np.stack([a, a], axis=1), lambda a: np.where(a > 2, a, 0), np.cumsum, np.flip,
        lambda a: np.clip(a, 2.5, None), lambda a: np.transpose(np.reshape(a, (2, 2))), np.prod,
        lambda a: np.dot(a, a), lambda a: np.outer(a, a), np.var, np.std, lambda a: np.roll(a, 1),
        lambda a: np.tril(np.reshape(a, (2, 2))), lambda a: np.take(a, [0, 0]), np.linalg.norm,
        lambda a: np.moveaxis(np.reshape(a, (1, 2, 2)), 0, 2), np.square, np.tanh,
    ):  # fmt: skip
        result = function(y)
        assert result.requires_grad
        np.testing.assert_allclose(
            result.detach().numpy(), function(y.detach().numpy()), rtol=1e-12
        )


def test_numpy_function_without_a_derivative_is_refused_where_a_gradient_is_at_stake() -> None:
    with pytest.raises(TypeError, match=r"np.fft.rfft: has no derivative here"):
        np.fft.rfft(leaf(2.0, 1.0))
    assert np.fft.rfft(tg.tensor([2.0, 1.0])).tolist() == [3.0, 1.0]
    with pytest.raises(TypeError, match=r"np.spacing: has no derivative"):
        np.spacing(leaf(2.0))
    with pytest.raises(TypeError, match="out="):
        np.add(np.ones(1), 1.0, out=(tg.ones(1),))  # type: ignore[arg-type]


def test_memory_is_shared_with_numpy() -> None:
    """from_numpy() and numpy() copy nothing; what requires grad must be detached first."""
    array = np.zeros(3)
    t = tg.from_numpy(array)
    array[0] = 1
    t[1] = 2
    assert t.tolist() == array.tolist() == [1.0, 2.0, 0.0]
    assert t.numpy() is array
    assert np.shares_memory(t.detach().numpy(), array)
    assert np.asarray(t) is array
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match="requires grad"):
        x.numpy()
    with pytest.raises(RuntimeError, match="requires grad"):
        np.asarray(x)


def test_python_protocols() -> None:
    """sum(), len(), in, bool(), hash and list indices take tensors, or raise PyTorch's errors."""
    t1, t2 = tg.ones(2), tg.ones(2)
    assert sum([t1, t2]).tolist() == [2.0, 2.0]
    x, y = tg.tensor([1.0, 2.0])
    assert (x.item(), y.item()) == (1.0, 2.0)
    assert len(tg.zeros(3, 2)) == 3
    assert 2.0 in tg.tensor([1.0, 2.0])
    assert 5.0 not in tg.tensor([1.0, 2.0])
    assert bool(tg.tensor([1.0]))
    with pytest.raises(RuntimeError, match="more than one value is ambiguous"):
        bool(tg.ones(2))
    assert {t1: 1}[t1] == 1
    assert t1 in [t1]
    assert hash(t1) != hash(t2)
    assert [10, 20][tg.tensor(1)] == 20
    for error, call in (
        (TypeError, lambda: len(tg.tensor(1))), (TypeError, lambda: iter(tg.tensor(1))),
        (RuntimeError, lambda: tg.ones(2).item()), (TypeError, lambda: [1][tg.tensor(0.0)]),
        (TypeError, lambda: tg.ones(2) + "a"), (TypeError, lambda: tg.ones(2) * [1, 2]),
    ):  # fmt: skip
        with pytest.raises(error):
            call()


def test_copies_and_pickles_are_independent() -> None:
    """deepcopy and pickle make independent tensors that keep values and requires_grad."""
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    for other in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), copy.copy(x)):
        assert other.tolist() == x.tolist()
        assert other.requires_grad and other.is_leaf
    # As in PyTorch, only deepcopy keeps the gradient, and only pickle takes computed tensors.
    assert copy.deepcopy(x).grad.tolist() == [2.0, 4.0]
    assert pickle.loads(pickle.dumps(x)).grad is None
    assert pickle.loads(pickle.dumps(x * 2)).tolist() == [2.0, 4.0]
    clone = copy.deepcopy(x)
    with tg.no_grad():
        clone.zero_()
    assert x.tolist() == [1.0, 2.0]
    with pytest.raises(RuntimeError, match="deepcopy"):
        copy.deepcopy(x * 2)


def test_attributes_can_be_attached_and_typos_are_errors() -> None:
    t = tg.ones(1)
    t.note = "mine"  # type: ignore[attr-defined]
    assert t.note == "mine"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        t.shapee  # type: ignore[attr-defined]  # noqa: B018


def test_assigned_grad_is_checked() -> None:
    x = leaf(1.0, 2.0)
    x.grad = tg.ones(2, dtype=tg.float64)
    with pytest.raises(RuntimeError, match="grad: what is assigned has shape"):
        x.grad = tg.ones(3, dtype=tg.float64)
    with pytest.raises(TypeError, match="must be a Tensor or None"):
        x.grad = 3  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: tg.ones(2) + tg.ones(3), RuntimeError, r"add: the shapes \[2\] and \[3\] do not broadcast"),
        (lambda: tg.ones(2, 3) @ tg.ones(2, 3), RuntimeError, "matmul"),
        (lambda: tg.ones(2).sum(3), IndexError, "sum: dimension out of range"),
        (lambda: tg.ones(2).sum((0, 0)), RuntimeError, "more than once"),
        (lambda: tg.ones(2).sum("a"), TypeError, "argument 'dim' must be int"),
        (lambda: tg.ones(2, 3).reshape(4), RuntimeError, "reshape"),
        (lambda: tg.ones(2, 3).T.view(6), RuntimeError, "use reshape"),
        (lambda: tg.ones(2).expand(3), RuntimeError, "can't be expanded"),
        (lambda: tg.ones(2, 3).permute(0), RuntimeError, "permute"),
        (lambda: tg.zeros(2, -1), RuntimeError, "can't be negative"),
        (lambda: tg.zeros("a"), TypeError, "given by integers"),
        (lambda: tg.cat([]), ValueError, "non-empty"),
        (lambda: tg.cat([tg.ones(2), 1]), TypeError, "element 1"),
        (lambda: tg.stack([tg.ones(2), tg.ones(3)]), RuntimeError, r"\[2\] at entry 0 and \[3\] at entry 1"),
        (lambda: tg.Tensor(["1.5"]), TypeError, "tensor: can't make one from str"),
        (lambda: tg.Tensor([None]), RuntimeError, "tensor: can't make one from NoneType"),
        (lambda: tg.Tensor([[1], [1, 2]]), ValueError, "nested sequences have different lengths"),
        (lambda: tg.where(tg.ones(2) > 0, tg.ones(2)), TypeError, "where: give two values"),
        (lambda: tg.ones(2).where(tg.ones(2) > 0, None), TypeError, "where: give two values"),
        (lambda: tg.tensor([[1, 2], [3]]), ValueError, "different lengths"),
        (lambda: tg.tensor("text"), TypeError, "can't make one"),
        (lambda: tg.exp([1.0]), TypeError, "must be Tensor, not list"),
        (lambda: tg.exp(), TypeError, "missing"),
        (lambda: tg.ones(2).add_(tg.ones(3, 2)), RuntimeError, "doesn't fit"),
        (lambda: tg.arange(3).add_(0.5), RuntimeError, "without loss"),
        (lambda: tg.ones(2, device="cuda"), RuntimeError, "use device='cpu'"),
        (lambda: tg.ones(2).cuda(), RuntimeError, "not available"),
        (lambda: tg.randint(3, 3, (2,)), RuntimeError, "less than"),
        (lambda: tg.arange(0, 5, -1), RuntimeError, "leads away"),
        (lambda: tg.ones(3).split(0), RuntimeError, "split"),
        (lambda: tg.ones(3).gather(0, tg.tensor([5])), RuntimeError, "out of bounds"),
        (lambda: tg.ones(3).clamp(), RuntimeError, "at least one"),
        (lambda: tg.ones(2).max(2), IndexError, "max"),
        (lambda: tg.zeros(0).argmax(), IndexError, "argmax"),
        (lambda: tg.multinomial(tg.zeros(2), 1), RuntimeError, "add up to 0"),
        (lambda: tg.ones(3).bernoulli_(2.0), RuntimeError, "0 <= p <= 1"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


# Randomness


def test_same_seed_gives_the_bits_of_pytorch(torch: Any) -> None:
    """manual_seed makes rand, randint, randperm and a layer's weights those of PyTorch."""
    for draw in (
        lambda t: t.rand(5, 3), lambda t: t.rand(4, dtype=t.float64), lambda t: t.randint(0, 10, (7,)),
        lambda t: t.randperm(100), lambda t: t.empty(50).uniform_(-2, 3), lambda t: t.rand(3),
        lambda t: t.nn.Linear(30, 20).weight.detach(), lambda t: t.randint(-5, 2**40, (3,)),
    ):  # fmt: skip
        tg.manual_seed(7)
        torch.manual_seed(7)
        np.testing.assert_array_equal(draw(tg).numpy(), draw(torch).numpy())


@given(sizes=st.lists(st.integers(0, 40), min_size=1, max_size=6), seed=st.integers(0, 2**40))
def test_mixed_draws_leave_the_stream_where_pytorch_leaves_it(
    sizes: list[int], seed: int, torch: Any
) -> None:
    """randn, randperm and rand in turns, of any sizes, follow PyTorch's stream."""
    tg.manual_seed(seed)
    torch.manual_seed(seed)
    for n in sizes:
        np.testing.assert_allclose(
            tg.randn(n).numpy(), torch.randn(n).numpy(), rtol=1e-5, atol=1e-6
        )
        np.testing.assert_array_equal(tg.randperm(n).numpy(), torch.randperm(n).numpy())
    np.testing.assert_array_equal(tg.rand(3).numpy(), torch.rand(3).numpy())


@pytest.mark.parametrize(
    "name", ["float16", "float32", "float64", "int8", "int32", "int64", "bool"]
)
def test_integers_without_bounds_are_those_of_pytorch(name: str, torch: Any) -> None:
    """random_() without arguments covers each dtype's range with PyTorch's numbers."""
    tg.manual_seed(7)
    torch.manual_seed(7)
    mine = tg.empty(20, dtype=name).random_()
    theirs = torch.empty(20, dtype=getattr(torch, name)).random_()
    np.testing.assert_array_equal(mine.numpy(), theirs.numpy())


def test_saved_state_resumes_exactly() -> None:
    """set_rng_state and pickles of generators continue with the same numbers."""
    tg.manual_seed(1)
    tg.randn(3)
    state = tg.get_rng_state()
    first = [tg.randn(3).tolist(), tg.rand(17).tolist(), tg.randperm(9).tolist()]
    tg.set_rng_state(state)
    assert [tg.randn(3).tolist(), tg.rand(17).tolist(), tg.randperm(9).tolist()] == first
    generator = tg.Generator().manual_seed(3)
    other = pickle.loads(pickle.dumps(generator))
    assert tg.rand(3, generator=generator).tolist() == tg.rand(3, generator=other).tolist()
    with pytest.raises(RuntimeError, match="set_state"):
        generator.set_state(tg.zeros(3))


def test_draws_have_the_right_distribution() -> None:
    tg.manual_seed(0)
    assert tg.randn(100_000).std().item() == pytest.approx(1, abs=0.02)
    assert tg.empty(100_000).bernoulli_(0.3).mean().item() == pytest.approx(0.3, abs=0.01)
    weights = tg.tensor([[1.0, 3.0, 0.0], [0.0, 0.0, 1.0]])
    drawn = tg.multinomial(weights, 50_000, replacement=True)
    assert (drawn[0] == 1).float().mean().item() == pytest.approx(0.75, abs=0.01)
    assert (drawn[1] == 2).all()
    once = tg.multinomial(weights[:1], 2)
    assert sorted(once[0].tolist()) == [0, 1]


def test_an_integer_of_numpy_is_a_length_for_the_constructors() -> None:
    for make in (tg.Tensor, tg.FloatTensor, tg.LongTensor):
        assert make(np.int64(2)).shape == (2,)
        assert make(np.int64(2), np.int32(3)).shape == (2, 3)
    numbers = np.ones(2, np.float32)
    tg.Tensor(numbers).zero_()
    assert numbers.tolist() == [1.0, 1.0]
