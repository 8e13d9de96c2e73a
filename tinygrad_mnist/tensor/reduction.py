"""Reductions along dimensions: sums, means, norms, extremes; running sums; distances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, apply_multi, wrap
from tinygrad_mnist.autograd.names import name_nodes, node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_dims,
    as_int,
    as_number,
    named,
    need_floats,
    need_tensor,
    write_out,
)
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.indexing import dim_with_elements, values_at

if TYPE_CHECKING:
    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.return_types import MinMax, ValuesIndices
    from tinygrad_mnist.tensor.types import Dims


def _in(input: Tensor, dtype: DTypeLike | None) -> Tensor:
    """Return a tensor in a dtype, if one is named."""
    return input if dtype is None else input.to(dtype)


def reduce(
    input: Tensor,
    op: ops.Op,
    dim: Dims,
    keepdim: bool,
    dtype: DTypeLike | None = None,
    **settings: Any,
) -> Tensor:
    """Reduce dimensions, or all of them; computed and returned in a dtype, if one is named."""
    dims = as_dims(dim, input._array.ndim)
    out = apply(op, _in(input, dtype), dim=dims, keepdim=bool(keepdim), **settings)
    return _in(out, dtype)


@export(takes="axis")
def sum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the sum along dimensions, or of all elements; of integers as int64."""
    return reduce(input, ops.sum, dim, keepdim, dtype)


@export(takes="axis")
def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the mean along dimensions, or of all elements.

    Raises
    ------
    RuntimeError
        For integers, unless a floating dtype is given.
    """
    kind = input._array.dtype if dtype is None else dtypes.as_numpy(dtype)
    if kind.kind != "f":
        raise RuntimeError(
            f"could not infer output dtype; it must be floating point, but is "
            f"{dtypes.of(kind)}; convert the input with float(), or pass a floating dtype"
        )
    return reduce(input, ops.mean, dim, keepdim, dtype)


@export(takes="axis")
def prod(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the product, along one dimension or of all elements."""
    x = _in(input, dtype)
    if dim is None:
        return _in(apply(ops.prod, x, dim=None, keepdim=False), dtype)
    return _in(_along(input, ops.prod, x, dim, bool(keepdim)), dtype)


def _along(input: Tensor, op: ops.Op, x: Any, dim: Any, keepdim: bool) -> Tensor:
    """Reduce one dimension; of a 0-d tensor it is the only element."""
    if input._array.ndim == 0:
        as_dim(dim, 0)
        return apply(op, x.reshape(1), dim=0, keepdim=False)
    return apply(op, x, dim=as_dim(dim, input._array.ndim), keepdim=keepdim)


@export(takes="axis")
def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int | None = 1,
) -> Tensor:
    """Return the variance: the sum of squared deviations, divided by n - correction."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    need_floats(input)
    return reduce(input, ops.var, dim, keepdim, correction=correction)


@export(takes="axis")
def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int | None = 1,
) -> Tensor:
    """Return the standard deviation: the root of :meth:`var`."""
    dim, correction = _spread_arguments(dim, unbiased, correction)
    need_floats(input)
    return reduce(input, ops.std, dim, keepdim, correction=correction)


def _nuclear_norm(input: Tensor, dim: Dims, keepdim: bool) -> Tensor:
    """Return the sum of the singular values of the matrices in two dimensions."""
    ndim = input._array.ndim
    dims = as_dims(tuple(range(ndim)) if dim is None else dim, ndim)
    if not isinstance(dims, tuple) or len(dims) != 2:
        raise RuntimeError(f"the nuclear norm is one of matrices, but dim is {dim}")
    values = apply_multi(ops.svd, input.movedim(dims, (-2, -1)), full_matrices=False)[1]
    out = values.sum(-1)
    first, last = sorted(dims)
    return out.unsqueeze(first).unsqueeze(last) if keepdim else out


def _norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Return the p-norm: of all elements, or along dimensions."""
    need_floats(input)
    if dtype is not None:
        return _norm(input.to(dtype), p, dim, keepdim)
    if p == "nuc":
        return _nuclear_norm(input, dim, keepdim)
    if p in ("fro", 2, None):
        return reduce(input, ops.norm, dim, keepdim)
    if isinstance(p, str):
        raise RuntimeError(f"unsupported p={p!r}; expected 'fro', 'nuc' or a number")
    if p == 1:
        return apply(ops.abs, input).sum(dim, keepdim)
    if p in (math.inf, -math.inf) and not input._array.size:
        if 0 not in input.sum(dim, True).shape:
            raise RuntimeError(
                f"there is no norm p={p} of no elements; the shape is {list(input._array.shape)}"
            )
    return reduce(input, ops.power_norm, dim, keepdim, ord=float(p))


@export(takes="axis", method=_norm)
def norm(
    input: Tensor,
    p: float | str | None = "fro",
    dim: Dims = None,
    keepdim: bool = False,
    out: Tensor | None = None,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Return the p-norm of all elements, or along dimensions. Follows ``torch.norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> norm(tensor([3.0, 4.0]))
    tensor(5.)
    """
    result: Tensor = write_out("norm", _norm(input, p, dim, keepdim, dtype), out)
    return result


@export(takes="axis")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials, without overflow."""
    return reduce(input, ops.logsumexp, dim, keepdim)


@export(takes="axis", inplace=True)
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Return the running sum along a dimension."""
    return running(ops.cumsum, input, dim, dtype)


def _need_elements(input: Tensor, dim: Dims) -> None:
    """Refuse to look for the largest element where there is none."""
    dims = as_dims(dim, input._array.ndim)
    along = range(input._array.ndim) if dims is None else (dims,) if isinstance(dims, int) else dims
    if 0 in [input._array.shape[d] for d in along]:
        kind = RuntimeError if dims is None else IndexError
        raise kind(
            f"expected the reduced dimensions to have elements, but the shape is "
            f"{list(input._array.shape)}"
        )


@export(takes="axis")
def amax(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the largest element; where several are, they share the gradient."""
    _need_elements(input, dim)
    return reduce(input, ops.amax, dim, keepdim)


@export(takes="axis")
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the smallest element; where several are, they share the gradient."""
    _need_elements(input, dim)
    return reduce(input, ops.amin, dim, keepdim)


@overload
def max(input: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def max(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def max(input: Tensor, *, other: Tensor) -> Tensor: ...
@export
def max(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the largest element; along a dimension, a pair of values and indices.

    Given another tensor instead of a dimension, return the elementwise maximum of the two.
    """
    return _extreme(input, other if dim is None else dim, keepdim, ops.max, ops.maximum, np.argmax)


@overload
def min(input: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, dim: int, keepdim: bool = False) -> ValuesIndices: ...
@overload
def min(input: Tensor, dim: Tensor) -> Tensor: ...
@overload
def min(input: Tensor, *, other: Tensor) -> Tensor: ...
@export
def min(input: Tensor, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
    """Return the smallest element; along a dimension, a pair of values and indices.

    Given another tensor instead of a dimension, return the elementwise minimum of the two.
    """
    return _extreme(input, other if dim is None else dim, keepdim, ops.min, ops.minimum, np.argmin)


def _extreme(
    input: Tensor, dim: Any, keepdim: bool, of_all: ops.Op, of_two: ops.Op, choose: Any
) -> Any:
    if isinstance(dim, TensorBase):
        return apply(of_two, input, dim)
    name = of_all.name
    if dim is not None:  # only the chosen element gets the gradient
        d = dim_with_elements(input, dim)
        index = choose(input._array, axis=d, keepdims=True) if input._array.ndim else np.zeros(0)
        pair = values_at(getattr(return_types, name), input, d, index, keepdim)
        return name_nodes(f"{name.capitalize()}Backward0", pair)
    if keepdim:
        raise TypeError(f"{name}(): keepdim needs a dim; amax and amin keep all dimensions")
    if not input._array.size:
        raise RuntimeError(
            f"expected elements to choose from, but the shape is {list(input._array.shape)}"
        )
    return apply(of_all, input)


@export(takes="axis")
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the position of the largest element, the first of several."""
    return _arg(input, np.argmax, dim, keepdim)


@export(takes="axis")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the position of the smallest element, the first of several."""
    return _arg(input, np.argmin, dim, keepdim)


def _arg(input: Tensor, pick: Any, dim: int | None, keepdim: bool) -> Tensor:
    if input._array.dtype.kind == "b":
        raise RuntimeError("does not support bools; convert the tensor with int()")
    d = None if dim is None else as_dim(dim, input._array.ndim)
    if (input._array.size if d is None or not input._array.ndim else input._array.shape[d]) == 0:
        raise IndexError("expected elements to choose from, but there are none")
    if input._array.ndim == 0:
        d = None
    return wrap(np.asarray(pick(input._array, axis=d, keepdims=keepdim), np.int64))


@export(takes="axis")
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether some element is true (not 0)."""
    return _truth(input, np.any, dim, keepdim)


@export(takes="axis")
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether every element is true (not 0)."""
    return _truth(input, np.all, dim, keepdim)


def _truth(input: Tensor, ask: Any, dim: Any, keepdim: bool) -> Tensor:
    """Return an answer as bool; of bytes it is a byte, as in PyTorch."""
    along = as_dims(dim, input._array.ndim)
    none = isinstance(dim, tuple | list) and not dim  # then each element is asked
    answer = ask(input._array, axis=() if none else along, keepdims=keepdim)
    kind = np.uint8 if input._array.dtype == np.uint8 else np.bool_
    return wrap(np.asarray(answer, kind))


@export(takes="axis")
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """Return exponentials divided by their sum along a dimension."""
    x = _in(input, dtype)
    return apply(ops.softmax, x, dim=as_dim(dim, input._array.ndim))


@export(takes="axis")
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """Return the logarithm of :meth:`softmax`, exact where that would round to 0."""
    x = _in(input, dtype)
    return apply(ops.log_softmax, x, dim=as_dim(dim, input._array.ndim))


def running(op: ops.Op, x: Any, dim: Any, dtype: Any) -> Tensor:
    """Return a running sum or product; of integers as int64, unless a dtype is named."""
    x = _in(x, dtype)
    if dtype is not None and x._array.dtype.kind == "b":
        raise NotImplementedError("not implemented for dtype=bool; take int64")
    d = as_dim(dim, x._array.ndim)
    if not x._array.ndim:
        return _in(apply(op, x.reshape(1), dim=0).reshape(()), dtype)
    return _in(apply(op, x, dim=d), dtype)


def _spread_arguments(dim: Any, unbiased: bool | None, correction: int | None) -> tuple[Any, int]:
    """Read ``var(dim, unbiased)`` and ``var(unbiased)``, PyTorch's older forms."""
    correction = 1 if correction is None else correction
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return dim, correction if unbiased is None else int(unbiased)


@export(takes="axis")
@node_name("AminmaxBackward0")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> MinMax:
    """Return the smallest and the largest element, along a dimension or of all.

    Follows ``torch.aminmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> aminmax(tensor([2, 1, 3])).max
    tensor(3)
    """
    dims = () if dim is None else dim
    smallest, largest = input.amin(dims, keepdim), input.amax(dims, keepdim)
    result: MinMax = return_types.aminmax(smallest, largest)
    return result


@export
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Count the elements that aren't 0, along dimensions or all. Follows ``torch.count_nonzero``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> count_nonzero(tensor([0, 3, 2]))
    tensor(2)
    """
    dims = as_dims(dim, input._array.ndim)
    return wrap(np.asarray(np.count_nonzero(input._array, axis=dims), np.int64))


@export(takes="axis", inplace=True)
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Return the running product along a dimension. Follows ``torch.cumprod``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cumprod(tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    return running(ops.cumprod, input, dim, dtype)


@export(takes="axis")
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the sum of the elements that aren't NaN. Follows ``torch.nansum``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> nansum(tensor([1.0, float("nan")]))
    tensor(1.)
    """
    if input._array.dtype.kind != "f":
        return input.sum(dim, keepdim, dtype=dtype)
    return reduce(input, ops.nansum, dim, keepdim, dtype)


@export(takes="axis")
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the mean of the elements that aren't NaN. Follows ``torch.nanmean``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> nanmean(tensor([1.0, float("nan"), 3.0]))
    tensor(2.)
    """
    need_floats(input)
    if dtype is not None and dtypes.as_numpy(dtype).kind != "f":
        raise RuntimeError(f"dtype must be floating point, got {dtype}")
    kind = input.dtype if dtype is None else dtype
    narrow = dtypes.as_numpy(kind).char == "e"  # the mean may fit where the sum doesn't
    total = nansum(input, dim, keepdim, dtype=np.float32 if narrow else dtype)
    return (total / (~input.isnan()).sum(dim, keepdim)).to(kind)


@export(takes="axis", method=False)
def std_mean(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return the standard deviation and the mean. Follows ``torch.std_mean``."""
    deviation = input.std(dim, unbiased, keepdim, correction=correction)
    return deviation, input.mean(None if isinstance(dim, bool) else dim, keepdim)


@export(takes="axis", method=False)
def var_mean(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: int = 1,
) -> tuple[Tensor, Tensor]:
    """Return the variance and the mean. Follows ``torch.var_mean``."""
    variance = input.var(dim, unbiased, keepdim, correction=correction)
    return variance, input.mean(None if isinstance(dim, bool) else dim, keepdim)


@export(takes="out")
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
) -> Tensor:
    """Return the n-th differences of neighbours along a dimension. Follows ``torch.diff``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> diff(tensor([1, 4, 9]))
    tensor([3, 5])
    """
    if not input._array.ndim:
        raise RuntimeError("expects the input to be at least one-dimensional")
    times, d = as_int("n", n), as_dim(dim, input._array.ndim)
    if times < 0:
        raise RuntimeError(f"order must be non-negative but got {times}")
    parts = [x for x in (prepend, input, append) if x is not None]
    for x in parts:
        need_tensor("prepend or append", x)
    out = apply(ops.cat, *parts, dim=d) if len(parts) > 1 else input
    while times and (length := out._array.shape[d]):
        later, earlier = out.narrow(d, 1, length - 1), out.narrow(d, 0, length - 1)
        out = later.logical_xor(earlier) if out._array.dtype.kind == "b" else later - earlier
        times -= 1
    return out.clone() if out is input else out


@export
def dist(input: Tensor, other: Tensor, p: float = 2) -> Tensor:
    """Return the p-norm of the difference. Follows ``torch.dist``."""
    gap: Tensor = input - need_tensor("other", other)
    return gap.norm(p)


_COMPUTE_MODES = (
    "use_mm_for_euclid_dist_if_necessary",
    "use_mm_for_euclid_dist",
    "donot_use_mm_for_euclid_dist",
    None,
)


@named
@node_name("CdistBackward0")
def cdist(
    x1: Tensor,
    x2: Tensor,
    p: float = 2.0,
    compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary",
) -> Tensor:
    """Return the distances of all pairs of rows, of shapes (..., n, d) and (..., m, d).

    Follows ``torch.cdist``; at a distance of 0 the gradient is 0.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cdist(tensor([[0.0, 0.0]]), tensor([[3.0, 4.0]]))
    tensor([[5.]])
    """
    need_tensor("x1", x1)
    need_tensor("x2", x2)
    shapes = list(x1._array.shape), list(x2._array.shape)
    if len(shapes[0]) < 2 or len(shapes[1]) < 2 or shapes[0][-1] != shapes[1][-1]:
        raise RuntimeError(
            f"expects rows of equal length in tensors of at least 2 dimensions, got shapes "
            f"{shapes[0]} and {shapes[1]}"
        )
    power = as_number("p", p)
    if compute_mode not in _COMPUTE_MODES:
        raise ValueError(f"{compute_mode!r} is not a valid value for compute_mode")
    if power < 0:
        raise RuntimeError(f"only supports non-negative p values, got {power}")
    need_floats(x1)
    need_floats(x2)
    out = (x1.unsqueeze(-2) - x2.unsqueeze(-3)).norm(power, -1)
    return out.masked_fill(out == 0, 0.0)  # there an infinite gradient too counts for nothing


@export(method=False)
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the distances of all pairs of rows of a matrix. Follows PyTorch's ``pdist``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> pdist(tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    need_floats(input)
    if input.ndim != 2:
        raise RuntimeError(f"expected a matrix, but the shape is {list(input.shape)}")
    first, second = np.triu_indices(input.shape[0], 1)
    return (input[first] - input[second]).norm(as_number("p", p), -1)


if not TYPE_CHECKING:
    __all__ = publish(globals(), "cdist")
