"""Functions and methods of the most different kinds, beside PyTorch's."""

from __future__ import annotations

import itertools
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import return_types
from tinygrad_mnist.autograd import gradcheck, gradgradcheck

SHAPES = [(), (0,), (4,), (2, 3), (2, 0), (2, 3, 2)]
DTYPES = ["float32", "int64", "bool", "float64", "uint8"]

# m is the library, x and y are tensors of one shape, i an index into x, k the vector (0, 2, 1).
PLAIN = """
m.abs(x); m.neg(x); m.square(x); m.sign(x); m.frac(x); m.round(x); m.erfc(x); m.erfinv(x);
m.lgamma(x); m.digamma(x); m.sinc(x); m.logit(x, 0.2); m.nan_to_num(x, 1.0); m.signbit(x);
m.asinh(x); m.isposinf(x); m.bitwise_not(x); m.add(x, y, alpha=2); m.add(x, y, alpha=2.5);
m.sub(x, y); m.sub(x, 1, alpha=3); m.div(x, y, rounding_mode='trunc'); m.remainder(x, 2);
m.remainder(7, y); m.fmod(x, 2.5); m.pow(x, 2); m.pow(x, y); m.pow(2, x); m.pow(x, -1);
m.fmax(x, y); m.fmin(x, y); m.hypot(x, y); m.xlogy(x, y); m.xlogy(x, 2); m.lerp(x, y, 0.3);
m.addcmul(x, y, x, value=2); m.addcdiv(x, y, x, value=0.5); m.clamp(x, 0.5); m.clamp(x, min=y);
m.bitwise_and(x, y); x << 1; x >> 1; m.isclose(x, y); m.allclose(x, x, equal_nan=True);
m.equal(x, x); m.where(x > 0, x, 0); m.where(x > 0, 1.5, x); m.where(x, x, y); m.where(x);
m.heaviside(x, x); m.median(x); m.nanmedian(x); m.unique(x);
m.unique(x, return_inverse=True, return_counts=True);
m.unique_consecutive(x, return_inverse=True, return_counts=True); m.quantile(x, 0.3);
m.nanquantile(x, 0.5, interpolation='nearest'); m.bincount(x, minlength=5); m.histc(x, 4);
m.histc(x, 4, 0, 2); m.count_nonzero(x); m.nansum(x); m.nanmean(x); m.std_mean(x);
m.var_mean(x, unbiased=False); m.diag(x); m.diag(x, 1); m.diagonal(x, -1, -1, 0);
m.diag_embed(x); m.diag_embed(x, 1, 0, -1); m.trace(x.float()); m.cov(x.float());
m.atleast_1d(x); m.atleast_2d(x); m.atleast_3d(x); m.hstack((x, y)); m.vstack((x, y));
m.dstack((x, y)); m.column_stack((x, y)); m.broadcast_tensors(x, y);
m.meshgrid(x, x, indexing='xy'); m.cartesian_prod(x, x); m.block_diag(x, x); m.rot90(x);
m.rot90(x, -1, (-1, 0)); m.fliplr(x); m.flipud(x); m.repeat_interleave(x, 2); m.isin(x, y);
m.isin(x, 1, invert=True); m.take(x, k); m.take(x, k - 3); m.masked_fill(x, x > 0, 2.5);
m.masked_scatter(x, x > 0, y); m.diff(x, 2); m.diff(x, append=y); m.dist(x.float(), y.float());
m.cdist(x.float(), x.float(), 1.0); m.tensor_split(x, 2); m.tensor_split(x, (1, 2));
m.hsplit(x, 1); m.vsplit(x, 2); m.as_strided(x, (2, 2), (1, 1)); m.as_strided(x, (2,), (2,), 1);
m.index_put(x, (k[:1],), x[k[:1]]); m.nonzero(x, as_tuple=True); m.msort(x); x.sum_to_size(1, 3);
x.char(); x.type(); x.is_signed(); x.storage_offset(); x.mT; x.nonzero(); x.tile(dims=(2,));
x.atan2_(y); x.lt_(1); x.eq_(y); x.logical_not_(); x.fmod_(2); x.nan_to_num_(); x.tril_();
x.t_(); x.squeeze_(); x.fill_(y); x.fill_(m.tensor(3)); x.masked_fill_(x, 3); x.clamp_(min=y);
x.div_(2, rounding_mode='floor'); x.lerp_(y, 0.5); x.fill_diagonal_(7); x.hypot_(y);
m.add(x, y, out=m.empty(0)); m.eq(x, y, out=m.empty(0, dtype=m.bool)); m.cat([x, y]);
m.sin(x, out=m.empty(0, dtype=m.float64)); float(x); int(x); bool(x); -x; x & y; 7 % x; 2 ** x
"""
# d is a dimension.
ALONG = """
m.sum(x, axis=d, keepdims=True); m.mean(x, (0, d)); m.prod(x, d); m.std(x, d, False);
m.var(x, (d,), correction=0); m.std_mean(x, d); m.max(x, d); m.min(x, dim=d, keepdim=True);
m.aminmax(x, dim=d); m.argmax(x, d, True); m.all(x, (0, d)); m.cumprod(x, d); m.cumsum(x, d);
m.median(x, d, True)[0]; m.nanmedian(x, d)[0]; m.mode(x, d); m.mode(x, d, True);
m.quantile(x, m.tensor([0.1, 0.5], dtype=x.dtype), d); m.quantile(x, 0.5, dim=d, keepdim=True);
m.quantile(x, 0.4, d, interpolation='midpoint'); m.nanquantile(x, 0.3, d); m.sort(x, d);
m.sort(x, d, True); m.sort(x, stable=True, dim=d); m.argsort(x, d, descending=True);
m.topk(x, 2, d)[0]; m.topk(x, k=1, dim=d, largest=False)[0]; m.kthvalue(x, 2, d, True)[0];
m.count_nonzero(x, d); m.nansum(x, d); m.nanmean(x, d); m.softmax(x, d); m.tensor_split(x, 2, d);
m.unflatten(x, d, (1, -1)); m.diff(x, dim=d); m.select(x, d, -1); m.narrow(x, d, -1, 1);
m.gather(x, d, i); m.gather(x, d, i + 1); m.scatter(x, d, i, x); m.scatter(x, d, i, value=2);
m.scatter(x, d, i - 1, x); m.scatter(x, d, i, x, reduce='add');
m.scatter(x, d, i, x, reduce='multiply'); m.scatter_reduce(x, d, i, x, 'mean');
m.scatter_reduce(x, d, i, x, 'amax', include_self=False);
m.scatter_reduce(x, d, i, x, 'prod', include_self=False); m.scatter_add(x, d, i, y);
m.index_add(x, d, m.arange(x.size(d)) * 0, x); m.index_copy(x, d, m.arange(x.size(d)), x * 1);
m.index_fill(x, d, k[:1], 3); m.index_fill(x, d, k[:1] * 0, m.tensor(2));
m.take_along_dim(x, m.argsort(x, d), d); m.repeat_interleave(x, 2, d); x.unfold(d, 2, 1);
m.repeat_interleave(x, k[:2], d); x.unfold(d, 1, 2); x.cumsum_(d); x.squeeze_(d);
x.unsqueeze_(d); x.transpose_(0, d); x.scatter_(d, i, 1); x.scatter_add_(d, i, x.clone());
x.index_add_(d, m.arange(x.size(d)), x.clone()); m.diagonal(x, 0, d, 0); m.rot90(x, 1, (d, 0));
m.max(x, d, out=(m.empty(0, dtype=x.dtype), m.empty(0, dtype=m.int64))); x.size(d)
"""
ALSO = """
m.arange(end=5); m.linspace(-3, 7, 9); m.logspace(0, 2, 5, base=2); m.full((2,), m.tensor(3.0));
m.zeros(size=(2,)); m.zeros(); m.full(2, 3); m.arange(3, out=m.empty(0, dtype=m.float64));
m.tril_indices(3, 4, -1); m.triu_indices(4, 2); m.triu_indices(3, 3, offset=1);
m.zeros_like(x, memory_format=m.preserve_format); m.randint_like(x, 2, 5).dtype;
m.tensor(None); m.tensor([1, 'a']); m.tensor(2**70); m.tensor([300], dtype=m.uint8);
m.randint(0, 300, (2,), dtype=m.uint8); m.randint(0, 3, 2); m.rand(2, dtype=m.int64);
m.rand(2, generator=3); m.normal(0., 1.); m.normal(m.zeros(2), -m.ones(2));
m.normal(x, m.ones(7)); m.bernoulli(m.tensor([0.5, float('nan')])); m.bernoulli(m.tensor([1, 0]));
m.bernoulli(m.ones(2), p=0.0); m.multinomial(m.tensor([1., float('nan')]), 1);
m.multinomial(m.tensor([1, 1]), 1); m.multinomial(m.ones(2), 3); m.multinomial(m.ones(0), 1);
m.FloatTensor([1, 2]); m.LongTensor([[1], [2]]); m.FloatTensor(2, 3).shape; m.LongTensor(3).shape;
m.BoolTensor([1, 0]); isinstance(x, m.FloatTensor); isinstance(x, m.LongTensor);
x.type(m.LongTensor); x.type('torch.DoubleTensor'); repr(m.finfo(m.float32)); m.finfo(m.int64);
repr(m.iinfo(m.int64)); m.iinfo(m.float32); m.promote_types(m.uint8, m.int8);
m.can_cast(m.int64, m.bool); m.can_cast(m.int8, m.uint8); m.can_cast(m.float32, m.int64);
m.is_complex(x); (m.pi, m.e, m.inf); m.cuda.is_available(); m.cuda.device_count();
m.backends.mps.is_available(); m.broadcast_shapes((2, 1), (3,)); m.broadcast_shapes((2,), (3,));
m.meshgrid(m.arange(2), m.ones(3)); m.cat([]); m.cat(x); m.cat([m.ones(2, 2), m.ones(0)]);
m.concat([m.ones(1), m.ones(2)]); m.stack([m.ones(2), m.ones(3)]); m.vstack(m.ones(2));
m.block_diag(m.ones(2), m.tensor(3.), m.ones(2, 2)); m.cartesian_prod(m.arange(2));
m.searchsorted(m.arange(6).reshape(2, 3), m.tensor([[1], [4]])); m.bucketize(3, m.arange(5));
m.searchsorted(m.tensor([3, 1, 2]), m.tensor([2]), sorter=m.tensor([1, 2, 0]));
m.searchsorted(m.arange(3), 2, side='right'); m.searchsorted(m.arange(3), 2, side='middle');
m.bucketize(m.tensor([[1, 5]]), m.tensor([1, 3, 5]), right=True);
m.bincount(m.tensor([1, 1, 3]), weights=m.tensor([.5, 1., 2.])); m.bincount(m.tensor([-1]));
m.cdist(m.ones(2, 3, 4), m.zeros(1, 5, 4)); m.cdist(m.ones(3, 4), m.zeros(5, 3));
m.index_put(m.zeros(3, 2), (k[:2] * 0, k[:2] * 0 + 1), m.tensor([1., 2.]), True);
m.index_put(m.zeros(3), (m.tensor([True, False, True]),), m.tensor(5.));
m.index_put(m.zeros(3), (m.tensor([5]),), m.tensor([1.]));
m.ones(3).index_put_((m.tensor([0, 0]),), m.ones(2), accumulate=True);
m.eye(3).fill_diagonal_(5, wrap=True); m.ones(2).apply_(lambda v: v + 1);
m.arange(6).reshape(2, 3).diagonal(offset=1).add_(5); m.arange(12)[2:].as_strided((2,), (1,));
m.arange(12).as_strided((2,), (12,)); m.quantile(m.arange(5.), 1.5); m.quantile(m.arange(5), 0.5);
m.flip(x, [0, 1]); m.norm(x, dim=(0, 1)); m.split(tensor=x, split_size_or_sections=1);
m.scatter(input=x, dim=0, index=m.zeros(1, 3, dtype=m.int64), src=x);
x.permute(dims=(1, 0)); x.reshape(shape=(6,)); x.view(m.int32); x.expand(size=(1, 2, 3));
x.repeat(repeats=(2, 1)); x.flip(dims=(0,)); m.unflatten(x, 1, (3, 1)); x.max(axis=0);
m.movedim(x, source=0, destination=1); m.masked_select(x, x); x.new_tensor([1, 2]);
x.new_full((2,), 3); x.new_full(2, 3); x.new_zeros((2,), dtype=m.int64); x.get_device();
m.round(m.tensor([0.5, 1.5, 2.5])); m.zeros(True); m.eye(2.5); m.exp(2); x.sum(7); x.size(5)
"""


def calls(text: str) -> list[str]:
    return [call.strip() for call in text.split(";") if call.strip()]


def draw(shape: tuple[int, ...], dtype: str, seed: int) -> np.ndarray:
    numbers = np.asarray(
        np.random.default_rng(seed).integers(0 if dtype == "uint8" else -2, 4, shape)
    )
    if dtype.startswith("float"):
        array = np.asarray(numbers * 0.5, dtype)
        if array.size > 2 and dtype == "float64":
            array.flat[1] = np.nan
        return array
    return numbers > 0 if dtype == "bool" else numbers.astype(dtype)


def evaluate(call: str, m: Any, arrays: dict[str, np.ndarray], d: int = 0) -> Any:
    """Return what a call returns, as arrays and Python's values, or the error."""
    names = {name: m.tensor(array.copy()) for name, array in arrays.items()}

    def plain(out: Any) -> Any:
        if isinstance(out, m.Tensor):
            return out.detach().numpy().copy()
        if isinstance(out, tuple | list) and not isinstance(out, m.Size):
            return [plain(part) for part in out]
        return out if isinstance(out, int | float | str) else repr(out)

    try:
        return plain(eval(call, {"m": m, "d": d, **names}))
    except Exception as error:
        return error


def same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(theirs, np.ndarray):
        if ours.dtype != theirs.dtype or ours.shape != theirs.shape:
            return False
        return bool(np.allclose(ours, theirs, rtol=1e-5, atol=1e-5, equal_nan=True))
    return bool(ours == theirs or (ours != ours and theirs != theirs))


# Where PyTorch's own answer isn't one to follow: it lets an empty tensor have any dimension, or
# reads memory as it happens to lie, or gives up an order among NaN.
STRANGE = {
    ("m.median(x)", (0,), "bool"), ("m.median(x)", (2, 0), "bool"),
    ("m.nanmedian(x)", (0,), "bool"), ("m.nanmedian(x)", (2, 0), "bool"),
}  # fmt: skip


def compare(torch: Any, call: str, shape: tuple[int, ...], dtype: str, d: int = 0) -> None:
    if (call, shape, dtype) in STRANGE:
        return
    if 0 in shape and ("softmax" in call or (d and "cum" in call)):
        return
    if ("mode" in call and dtype == "float64") or (call == "x.cumsum_(d)" and dtype == "bool"):
        return
    index = np.asarray(np.random.default_rng(5).integers(0, 2, shape) * (d % 2))
    arrays = {
        "x": draw(shape, dtype, 1), "y": draw(shape, dtype, 2), "i": index,
        "k": np.array([0, 2, 1]),
    }  # fmt: skip
    ours, theirs = evaluate(call, tg, arrays, d), evaluate(call, torch, arrays, d)
    what = f"{call} of {dtype}{list(shape)}, d={d}: {ours!r} instead of {theirs!r}"
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), what
        # NotImplementedError is a RuntimeError; on empty tensors PyTorch checks in another order.
        assert isinstance(ours, type(theirs)) or isinstance(theirs, type(ours)) or shape != (4,), (
            what
        )
    else:
        assert not isinstance(ours, Exception), what
        assert same(ours, theirs), what


@pytest.mark.parametrize("call", calls(PLAIN))
def test_function_is_that_of_pytorch(call: str, torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for shape, dtype in itertools.product(SHAPES, DTYPES):
            compare(torch, call, shape, dtype)


@pytest.mark.parametrize("call", calls(ALONG))
def test_function_along_a_dimension_is_that_of_pytorch(call: str, torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for shape, dtype, d in itertools.product(SHAPES, DTYPES[:4], (0, -1, 1, 4)):
            compare(torch, call, shape, dtype, d)


@pytest.mark.parametrize("call", calls(ALSO))
def test_call_is_answered_as_by_pytorch(call: str, torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compare(torch, call, (2, 3), "float32")


# Derivatives of the composites

A = np.array([[0.3, -1.2, 0.9], [1.7, 0.1, -0.4]])
COMPOSITES: list[Any] = [
    lambda m, x: m.sort(x, 1).values, lambda m, x: x.topk(2, 1)[0], lambda m, x: x.median(),
    lambda m, x: x.median(1).values, lambda m, x: x.kthvalue(2, 0)[0], lambda m, x: x.mode(1)[0],
    lambda m, x: x.cummax(1)[0], lambda m, x: m.quantile(x, 0.3, 1), lambda m, x: x.diff(dim=0),
    lambda m, x: m.quantile(x, 0.7), lambda m, x: x.cumprod(1), lambda m, x: m.nansum(x, 0),
    lambda m, x: m.std_mean(x, 1)[0], lambda m, x: m.cdist(x, x * 2 + 1), lambda m, x: x.logit(),
    lambda m, x: m.cdist(x, x * 2, 1.0), lambda m, x: m.fmax(x, -x), lambda m, x: x.fmod(0.7),
    lambda m, x: m.lerp(x, x * x, x), lambda m, x: m.hstack((x, x * x)), lambda m, x: x.diag(1),
    lambda m, x: x[0].diag(), lambda m, x: x.diag_embed(1), lambda m, x: x.diagonal(0, 1, 0),
    lambda m, x: m.block_diag(x, x[0]), lambda m, x: m.cartesian_prod(x[0], x[1]),
    lambda m, x: m.meshgrid(x[0], x[1], indexing="xy")[0], lambda m, x: x.rot90(),
    lambda m, x: x.repeat_interleave(m.tensor([2, 0, 1]), 1), lambda m, x: x.unfold(1, 2, 1),
    lambda m, x: x.scatter(1, m.tensor([[2, 0]]), x[:1, :2] * 2), lambda m, x: x.take(m.tensor([5, 0])),
    lambda m, x: x.scatter_reduce(1, m.tensor([[2, 2], [0, 1]]), x[:, :2] * 2, "mean"),
    lambda m, x: x.scatter_reduce(1, m.tensor([[2, 2], [0, 1]]), x[:, :2] * 2, "amax"),
    lambda m, x: x.scatter_reduce(1, m.tensor([[2, 2], [0, 1]]), x[:, :2] * 2, "amin", include_self=False),
    lambda m, x: x.index_add(0, m.tensor([1, 1]), x * x, alpha=2), lambda m, x: x.xlogy(2.5),
    lambda m, x: x.index_copy(1, m.tensor([2, 0]), x[:, 1:] * 3), lambda m, x: x.sum_to_size(2, 1),
    lambda m, x: x.index_fill(1, m.tensor([1]), 3.0), lambda m, x: x.index_fill(1, m.tensor([1]), x[0, 0]),
    lambda m, x: x.index_put((m.tensor([0, 0]),), x * 2, accumulate=True), lambda m, x: x.nan_to_num(),
    lambda m, x: x.index_put((m.tensor([0]), m.tensor([1])), x[1, 1:2]), lambda m, x: m.cov(x),
    lambda m, x: x.masked_scatter(m.tensor([[True, False, True]]), x * x), lambda m, x: x[:, :2].trace(),
    lambda m, x: x.take_along_dim(m.tensor([[0], [2]]), 1), lambda m, x: x.as_strided((2, 2), (1, 2), 1),
    lambda m, x: m.unique(x), lambda m, x: m.atleast_3d(x) * x.unsqueeze(2), lambda m, x: m.dist(x, x * x, 3),
    lambda m, x: (x * 1).scatter_(1, m.tensor([[2, 0]]), x[:1, :2] * 2), lambda m, x: (x * 1).cumsum_(1),
    lambda m, x: (x * 1).index_add_(0, m.tensor([1, 1]), x * x), lambda m, x: (x * 2).t_().unsqueeze_(0),
    lambda m, x: (x * 1).index_put_((m.tensor([0]),), x[1:]), lambda m, x: (x * 1).sin_().mul_(x).tril_(),
    lambda m, x: (x * 1).clamp_(min=0.2).clamp_(max=x * x), lambda m, x: (x * 1).lerp_(x * x, 0.3),
    lambda m, x: (x * 1).lt_(0.5) * x,  lambda m, x: m.hypot(x, x * 2 + 1),
]  # fmt: skip


LOGIT = 14


@pytest.mark.parametrize("number", range(len(COMPOSITES)))
def test_gradient_of_a_composite_is_that_of_pytorch(number: int, torch: Any) -> None:
    function = COMPOSITES[number]
    array = np.abs(A) / 2 if number == LOGIT else A
    x = tg.tensor(array, requires_grad=True)
    assert gradcheck(lambda x: function(tg, x), x)
    assert gradgradcheck(lambda x: function(tg, x), x)
    out = function(tg, x)
    weights = np.random.default_rng(0).standard_normal(out.shape)
    out.backward(tg.tensor(weights))
    y = torch.tensor(array, requires_grad=True)
    try:
        expected = function(torch, y)
        expected.backward(torch.tensor(weights))
    except (NotImplementedError, RuntimeError) as error:
        assert "derivative" in str(error)  # PyTorch has none
        return
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-9)
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=1e-8, atol=1e-10)


def test_running_product_has_the_right_gradient_where_factors_are_zero(torch: Any) -> None:
    for array in ([2.0, 0.0, 3.0, 4.0], [0.0, 2.0, 0.0, 1.0]):
        x, y = tg.tensor(array, requires_grad=True), torch.tensor(array, requires_grad=True)
        (x.cumprod(0) * tg.arange(4)).sum().backward()
        (y.cumprod(0) * torch.arange(4)).sum().backward()
        assert x.grad is not None
        assert x.grad.tolist() == y.grad.tolist()


def test_product_by_index_has_no_derivative_and_says_so() -> None:
    x = tg.ones(2, requires_grad=True)
    with pytest.raises(NotImplementedError, match="scatter_reduce: the derivative of 'prod'"):
        x.scatter_reduce(0, tg.tensor([0]), tg.ones(1), "prod")


# Named results, out=, views


def test_named_results_print_as_pytorch_prints_them(torch: Any) -> None:
    for call in ("x.max(1)", "x.min(0)", "x.sort()", "x.topk(2)", "x.median(0)", "x.mode()",
                 "x.kthvalue(1)", "x.cummax(0)", "m.aminmax(x)", "x.nanmedian(1)"):  # fmt: skip
        texts = [
            repr(eval(call, {"m": m, "x": m.tensor([[3.0, 1.0], [1.0, 2.0]])})) for m in (tg, torch)
        ]
        assert texts[0] == texts[1]
    values, indices = pair = tg.tensor([1, 2]).max(0)
    assert pair.values is pair[0] is values and pair.indices is indices
    assert isinstance(pair, return_types.max)


def test_out_is_filled_resized_and_returned(torch: Any) -> None:
    x, out = tg.tensor([1.0, 2.0]), tg.zeros(2)
    memory = out._array
    assert tg.mul(x, x, out=out) is out
    assert out._array is memory and out.tolist() == [1.0, 4.0]
    with pytest.warns(UserWarning, match="mul: out was resized"):
        tg.mul(x, x, out=(short := tg.zeros(3)))
    assert short.tolist() == [1.0, 4.0]
    with pytest.raises(
        RuntimeError, match="exp: the result has dtype float32, which can't be cast"
    ):
        tg.exp(x, out=tg.zeros(2, dtype=tg.int64))
    with pytest.raises(RuntimeError, match="don't support automatic differentiation"):
        tg.exp(x.requires_grad_(), out=out)
    with pytest.raises(RuntimeError, match=r"arange: dtype torch.int64 does not match"):
        tg.arange(3, dtype=tg.int64, out=out)
    with pytest.raises(TypeError, match="argument 'out' must be Tensor"):
        tg.exp(out, out=3)
    assert tg.rand(2, dtype=tg.float64, out=tg.empty(0, dtype=tg.float64)).dtype == tg.float64


def test_write_through_out_is_noticed_by_backward() -> None:
    x, buffer = tg.ones(2, requires_grad=True), tg.ones(2)
    y = x * buffer
    tg.add(buffer, 1, out=buffer)
    with pytest.raises(RuntimeError, match="modified by an inplace operation, add with out="):
        y.sum().backward()


def test_views_share_memory_and_history() -> None:
    x = tg.zeros(3, 3)
    x.diagonal().fill_(2.0)
    assert x.trace().item() == 6.0
    base = tg.ones(4, requires_grad=True) * 1
    windows, diagonal = base.unfold(0, 2, 1), base.reshape(2, 2).diagonal()
    y = (windows * windows).sum() + (diagonal * diagonal).sum()
    with tg.no_grad():
        base[0] = 7.0
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()
    with pytest.raises(RuntimeError, match="can't be written to"):
        tg.arange(4).unfold(0, 2, 1).mul_(2)
    tg.arange(4).unfold(0, 2, 2).mul_(2)  # windows that don't overlap


def test_reshaping_in_place_refuses_leaves_and_keeps_memory() -> None:
    x = tg.ones(2, 1, requires_grad=True)
    for name in ("squeeze_", "t_"):
        with pytest.raises(RuntimeError, match=f"{name}: a leaf Variable that requires grad"):
            getattr(x, name)()
    y = tg.arange(6).reshape(2, 3)
    memory = y._array
    assert y.t_() is y
    assert y.shape == (3, 2) and np.shares_memory(y._array, memory)
    with pytest.raises(IndexError, match="transpose_: dimension out of range"):
        y.transpose_(0, 5)
    assert y.shape == (3, 2)


def test_random_functions_follow_the_streams_of_pytorch(torch: Any) -> None:
    """The *_like functions, out= and size= draw PyTorch's numbers from the same seed."""
    for draw_from in (
        lambda m: m.randint_like(m.ones(3, 4), 2, 9), lambda m: m.rand_like(m.ones(5)),
        lambda m: m.randint(0, 7, (3,), out=m.empty(0, dtype=m.int64)), lambda m: m.rand(size=(3,)),
    ):  # fmt: skip
        tg.manual_seed(5)
        torch.manual_seed(5)
        np.testing.assert_array_equal(draw_from(tg).numpy(), draw_from(torch).numpy())


def test_memory_is_exchanged_by_dlpack(torch: Any) -> None:
    theirs = torch.arange(3)
    ours = tg.from_dlpack(theirs)
    theirs[0] = 7
    assert ours.tolist() == [7, 1, 2]
    assert torch.from_dlpack(ours).tolist() == [7, 1, 2]
    assert np.from_dlpack(ours).tolist() == [7, 1, 2]
    with pytest.raises(BufferError, match="require gradient"):
        torch.from_dlpack(tg.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="from_dlpack: expected an object with __dlpack__"):
        tg.from_dlpack([1])


def test_switches_of_absent_backends_can_be_set() -> None:
    import tinygrad_mnist.backends.cudnn as cudnn

    before = cudnn.benchmark
    cudnn.benchmark = True
    assert tg.backends.cudnn.benchmark
    cudnn.benchmark = before
    tg.cuda.manual_seed_all(0)
    tg.cuda.empty_cache()
    assert not tg.cuda.is_available() and not cudnn.is_available()
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"):
        tg.ones(2).cuda()


def test_equal_elements_keep_their_order() -> None:
    x = tg.tensor([1, 0, 1, 0, 1])
    assert x.sort(stable=True).indices.tolist() == [1, 3, 0, 2, 4]
    assert x.sort(descending=True, stable=True).indices.tolist() == [0, 2, 4, 1, 3]
    nan = float("nan")
    assert tg.tensor([nan, 2.0, nan, 1.0]).sort().indices.tolist() == [3, 1, 0, 2]
    assert tg.tensor([nan, 2.0, nan, 1.0]).topk(3).indices.tolist() == [0, 2, 1]
