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
    """Return the sum of elements, all of them or along dimensions: ``sum_i x_i``.

    The gradient of a sum goes unchanged to every element. Follows ``torch.sum``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input; of integers and bools int64.

    Returns
    -------
    A tensor of shape (*) without the dimensions; without ``dim`` it has shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    >>> x.sum(), x.sum(0), x.sum(1, keepdim=True).shape
    (tensor(21.), tensor([5., 7., 9.]), torch.Size([2, 1]))
    """
    return reduce(input, ops.sum, dim, keepdim, dtype)


@export(takes="axis")
def mean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the mean of elements, all of them or along dimensions: ``sum_i x_i / n``.

    Each element gets 1/n of the gradient. Follows ``torch.mean``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*) without the dimensions. The mean of no elements is NaN.

    Raises
    ------
    RuntimeError
        For integers, unless a floating dtype is given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    >>> x.mean(), x.mean(0)
    (tensor(3.), tensor([2., 4.]))
    >>> torch.tensor([1, 2]).mean(dtype=torch.float32)
    tensor(1.5000)
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
    """Return the product of elements, of all or along one dimension.

    Follows ``torch.prod``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end. None: all elements.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input; of integers and bools int64.

    Returns
    -------
    A tensor of shape (*) without the dimension. The product of no elements is 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> x.prod(), x.prod(0)
    (tensor(24.), tensor([3., 8.]))
    >>> torch.tensor([2, 3, 2]).prod()  # how many elements a shape has
    tensor(12)
    """
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
    """Return the variance: ``sum_i (x_i - mean)**2 / (n - correction)``.

    With a correction of 1 a sample's variance estimates that of what it was drawn from; batch
    normalisation divides by n, with a correction of 0. Follows ``torch.var``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    unbiased
        An older form: False is a correction of 0, True one of 1.
    keepdim
        Whether a reduced dimension stays, of length 1.
    correction
        What is subtracted from the number n of elements.

    Returns
    -------
    A tensor of shape (*) without the dimensions. It is NaN or infinite where n isn't larger than
    the correction.

    Raises
    ------
    RuntimeError
        For integers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1.0, 2.0, 3.0, 4.0])
    >>> x.var(), x.var(correction=0)
    (tensor(1.6667), tensor(1.2500))
    """
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
    """Return the standard deviation, the root of :func:`var`.

    Follows ``torch.std``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    unbiased
        An older form: False is a correction of 0, True one of 1.
    keepdim
        Whether a reduced dimension stays, of length 1.
    correction
        What is subtracted from the number n of elements.

    Returns
    -------
    A tensor of shape (*) without the dimensions, in the units of input.

    Raises
    ------
    RuntimeError
        For integers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 10.0], [3.0, 30.0]])
    >>> (x - x.mean(0)) / x.std(0)  # standardised columns
    tensor([[-0.7071, -0.7071],
            [ 0.7071,  0.7071]])
    """
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
    """Return the p-norm: of all elements, or along dimensions. Follows ``torch.Tensor.norm``.

    Parameters
    ----------
    p
        The order, as in :func:`norm`.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of self's shape without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([3.0, -4.0]).norm(), torch.tensor([3.0, -4.0]).norm(1)
    (tensor(5.), tensor(7.))
    """
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
    """Return the p-norm of all elements, or along dimensions: ``(sum_i |x_i|**p) ** (1/p)``.

    The slope at 0 is taken to be 0. Follows ``torch.norm``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    p
        The order: a number (0 counts what isn't 0, infinity takes the largest size), ``"fro"`` for
        2, or ``"nuc"`` for the sum of a matrix's singular values.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    out
        A tensor to write the result to.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[3.0, 4.0], [0.0, 5.0]])
    >>> torch.norm(x, dim=1), torch.norm(x, 1), torch.norm(x, float("inf"))
    (tensor([5., 5.]), tensor(12.), tensor(5.))
    """
    result: Tensor = write_out("norm", _norm(input, p, dim, keepdim, dtype), out)
    return result


@export(takes="axis")
def logsumexp(input: Tensor, dim: Any, keepdim: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials: ``log(sum_i exp(x_i))``.

    The largest element is taken out of the sum, so that nothing overflows. The gradient is
    :func:`softmax`. Follows ``torch.logsumexp``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of shape (*) without the dimensions; integers become floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([1000.0, 1000.0])
    >>> x.exp().sum().log(), x.logsumexp(0)
    (tensor(inf), tensor(1000.6932))
    """
    return reduce(input, ops.logsumexp, dim, keepdim)


@export(takes="axis", inplace=True)
def cumsum(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Return the running sum along a dimension: ``y_i = x_0 + ... + x_i``.

    Follows ``torch.cumsum``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    dtype
        The dtype to compute in. Default: that of input; of integers and bools int64.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1, 2, 3], [4, 5, 6]]).cumsum(1)
    tensor([[ 1,  3,  6],
            [ 4,  9, 15]])
    """
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
    """Return the largest of all elements, or along dimensions.

    Where several are largest, they share the gradient; :func:`max` along a dimension gives it to
    the first. Follows ``torch.amax``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of shape (*) without the dimensions. NaN counts as the largest.

    Raises
    ------
    RuntimeError, IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 5.0, 5.0], [2.0, 0.0, 3.0]], requires_grad=True)
    >>> y = x.amax(1)
    >>> y.sum().backward()
    >>> y.detach()
    tensor([5., 3.])
    >>> x.grad
    tensor([[0.0000, 0.5000, 0.5000],
            [0.0000, 0.0000, 1.0000]])
    """
    _need_elements(input, dim)
    return reduce(input, ops.amax, dim, keepdim)


@export(takes="axis")
def amin(input: Tensor, dim: Dims = (), keepdim: bool = False) -> Tensor:
    """Return the smallest of all elements, or along dimensions.

    Where several are smallest, they share the gradient; :func:`min` along a dimension gives it to
    the first. Follows ``torch.amin``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of shape (*) without the dimensions. NaN counts as the smallest.

    Raises
    ------
    RuntimeError, IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, 5.0], [2.0, 0.0]])
    >>> x.amin(1), x.amin((0, 1))
    (tensor([1., 0.]), tensor(0.))
    """
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

    Given another tensor instead of a dimension, return the elementwise maximum of the two, as
    :func:`maximum` does. Follows ``torch.max``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension, negative from the end; or another tensor.
    keepdim
        Whether a reduced dimension stays, of length 1.
    other
        Another tensor, whose shape broadcasts with that of input.

    Returns
    -------
    A tensor of shape (); or, along a dimension, a named pair ``(values, indices)`` of shape (*)
    without it, where the index is that of the first of several, and it gets the gradient.

    Raises
    ------
    RuntimeError, IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> scores = torch.tensor([[0.1, 0.7, 0.2], [0.6, 0.1, 0.3]])
    >>> best = scores.max(1)
    >>> best.values, best.indices
    (tensor([0.7000, 0.6000]), tensor([1, 0]))
    >>> scores.max()
    tensor(0.7000)
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

    Given another tensor instead of a dimension, return the elementwise minimum of the two, as
    :func:`minimum` does. Follows ``torch.min``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension, negative from the end; or another tensor.
    keepdim
        Whether a reduced dimension stays, of length 1.
    other
        Another tensor, whose shape broadcasts with that of input.

    Returns
    -------
    A tensor of shape (); or, along a dimension, a named pair ``(values, indices)`` of shape (*)
    without it, where the index is that of the first of several, and it gets the gradient.

    Raises
    ------
    RuntimeError, IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[3, 1, 2], [0, 5, 4]])
    >>> smallest, where = x.min(1)
    >>> smallest, where
    (tensor([1, 0]), tensor([1, 0]))
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
    """Return the index of the largest element, the first of several.

    Follows ``torch.argmax``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.
    dim
        The dimension, negative from the end. None: the index is into the flattened tensor.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    An int64 tensor of shape (*) without the dimension. It has no gradient.

    Raises
    ------
    IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> logits = torch.tensor([[0.1, 2.0, -1.0], [3.0, 0.0, 1.0]])
    >>> labels = torch.tensor([1, 2])
    >>> (logits.argmax(1) == labels).float().mean()  # the accuracy
    tensor(0.5000)
    """
    return _arg(input, np.argmax, dim, keepdim)


@export(takes="axis")
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """Return the index of the smallest element, the first of several.

    Follows ``torch.argmin``.

    Parameters
    ----------
    input
        A tensor of shape (*), not of bools.
    dim
        The dimension, negative from the end. None: the index is into the flattened tensor.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    An int64 tensor of shape (*) without the dimension. It has no gradient.

    Raises
    ------
    IndexError
        Where there are no elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> centres = torch.tensor([[0.0, 0.0], [4.0, 4.0]])
    >>> points = torch.tensor([[1.0, 0.0], [3.0, 5.0]])
    >>> torch.cdist(points, centres).argmin(1)  # the nearest centre
    tensor([0, 1])
    """
    return _arg(input, np.argmin, dim, keepdim)


def _arg(input: Tensor, pick: Any, dim: int | None, keepdim: bool) -> Tensor:
    if input._array.dtype.kind == "b":
        raise RuntimeError("does not support bools; convert the tensor with int()")
    d = None if dim is None else as_dim(dim, input._array.ndim)
    if (input._array.size if d is None or not input._array.ndim else input._array.shape[d]) == 0:
        raise IndexError("expected elements to choose from, but there are none")
    if input._array.ndim == 0:
        d = None
    return wrap(dtypes.as_array(pick(input._array, axis=d, keepdims=keepdim), np.int64))


@export(takes="axis")
def any(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether some element is true (not 0), of all or along dimensions.

    Follows ``torch.any``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of bools (of uint8, if input is) of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[0, 0], [0, 2]])
    >>> x.any(), x.any(1)
    (tensor(True), tensor([False,  True]))
    """
    return _truth(input, np.any, dim, keepdim)


@export(takes="axis")
def all(input: Tensor, dim: Dims = None, keepdim: bool = False) -> Tensor:
    """Return whether every element is true (not 0), of all or along dimensions.

    Follows ``torch.all``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A tensor of bools (of uint8, if input is) of shape (*) without the dimensions; True of no
    elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1.0, float("nan")], [3.0, 4.0]])
    >>> x.isfinite().all(), x.isfinite().all(1)
    (tensor(False), tensor([False,  True]))
    """
    return _truth(input, np.all, dim, keepdim)


def _truth(input: Tensor, ask: Any, dim: Any, keepdim: bool) -> Tensor:
    """Return an answer as bool; of bytes it is a byte, as in PyTorch."""
    along = as_dims(dim, input._array.ndim)
    none = isinstance(dim, tuple | list) and not dim  # then each element is asked
    answer = ask(input._array, axis=() if none else along, keepdims=keepdim)
    kind = np.uint8 if input._array.dtype == np.uint8 else np.bool_
    return wrap(dtypes.as_array(answer, kind))


@export(takes="axis")
def softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """Return probabilities: exponentials divided by their sum along a dimension.

    ``y_i = exp(x_i) / sum_j exp(x_j)``, without overflow; the gradient is ``y * (g - sum(g * y))``.
    For a loss take :func:`log_softmax`, which is exact where a probability rounds to 0. Follows
    ``torch.softmax``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point unless ``dtype`` is named.
    dim
        The dimension; a negative one counts from the end.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*), whose sum along ``dim`` is 1.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]]).softmax(1)
    tensor([[0.0900, 0.2447, 0.6652],
            [0.3333, 0.3333, 0.3333]])
    >>> torch.tensor([1000.0, 0.0]).softmax(0)
    tensor([1., 0.])
    """
    x = _in(input, dtype)
    return apply(ops.softmax, x, dim=as_dim(dim, input._array.ndim))


@export(takes="axis")
def log_softmax(input: Tensor, dim: int, dtype: DTypeLike | None = None) -> Tensor:
    """Return the logarithm of :func:`softmax`: ``x_i - log(sum_j exp(x_j))``.

    It is exact where softmax would round to 0, whose logarithm is minus infinity. Follows
    ``torch.log_softmax``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point unless ``dtype`` is named.
    dim
        The dimension; a negative one counts from the end.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([0.0, 200.0])
    >>> x.softmax(0).log(), x.log_softmax(0)
    (tensor([-inf, 0.]), tensor([-200.,    0.]))
    """
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

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension, negative from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.

    Returns
    -------
    A named pair ``(min, max)`` of tensors of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> smallest, largest = torch.tensor([[2, 1, 3], [0, 5, 4]]).aminmax(dim=1)
    >>> smallest, largest
    (tensor([1, 0]), tensor([3, 5]))
    """
    dims = () if dim is None else dim
    smallest, largest = input.amin(dims, keepdim), input.amax(dims, keepdim)
    result: MinMax = return_types.aminmax(smallest, largest)
    return result


@export
def count_nonzero(input: Tensor, dim: Dims = None) -> Tensor:
    """Count the elements that aren't 0, of all or along dimensions.

    Follows ``torch.count_nonzero``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.

    Returns
    -------
    An int64 tensor of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[0, 3, 2], [0, 0, 1]]).count_nonzero(1)
    tensor([2, 1])
    """
    dims = as_dims(dim, input._array.ndim)
    if dims is None:
        dims = tuple(range(input._array.ndim))
    return wrap(dtypes.as_array(np.count_nonzero(input._array, axis=dims), np.int64))


@export(takes="axis", inplace=True)
def cumprod(input: Tensor, dim: int, *, dtype: DTypeLike | None = None) -> Tensor:
    """Return the running product along a dimension: ``y_i = x_0 * ... * x_i``.

    Follows ``torch.cumprod``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimension; a negative one counts from the end.
    dtype
        The dtype to compute in. Default: that of input; of integers and bools int64.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0, 2.0, 3.0, 0.0]).cumprod(0)
    tensor([1., 2., 6., 0.])
    """
    return running(ops.cumprod, input, dim, dtype)


@export(takes="axis")
def nansum(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the sum of the elements that aren't NaN, of all or along dimensions.

    Follows ``torch.nansum``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input; of integers and bools int64.

    Returns
    -------
    A tensor of shape (*) without the dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1.0, float("nan")], [2.0, 3.0]]).nansum(1)
    tensor([1., 5.])
    """
    if input._array.dtype.kind != "f":
        return input.sum(dim, keepdim, dtype=dtype)
    return reduce(input, ops.nansum, dim, keepdim, dtype)


@export(takes="axis")
def nanmean(
    input: Tensor, dim: Dims = None, keepdim: bool = False, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Return the mean of the elements that aren't NaN, of all or along dimensions.

    Follows ``torch.nanmean``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    keepdim
        Whether a reduced dimension stays, of length 1.
    dtype
        The dtype to compute in. Default: that of input.

    Returns
    -------
    A tensor of shape (*) without the dimensions; NaN where there is nothing else.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1.0, float("nan"), 3.0]]).nanmean(1)
    tensor([2.])
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
    """Return the standard deviation and the mean. Follows ``torch.std_mean``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    unbiased
        An older form: False is a correction of 0, True one of 1.
    keepdim
        Whether a reduced dimension stays, of length 1.
    correction
        What is subtracted from the number of elements, as in :func:`var`.

    Returns
    -------
    A pair of tensors of shape (*) without the dimensions: deviation, mean.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.std_mean(torch.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
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
    """Return the variance and the mean. Follows ``torch.var_mean``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimensions, an integer or a tuple; negative ones count from the end. None: all.
    unbiased
        An older form: False is a correction of 0, True one of 1.
    keepdim
        Whether a reduced dimension stays, of length 1.
    correction
        What is subtracted from the number of elements, as in :func:`var`.

    Returns
    -------
    A pair of tensors of shape (*) without the dimensions: variance, mean.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.var_mean(torch.tensor([[1.0, 2.0], [3.0, 6.0]]), dim=0)
    (tensor([2., 8.]), tensor([2., 4.]))
    """
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
    """Return the n-th differences of neighbours along a dimension: ``x_(i+1) - x_i``, n times.

    Follows ``torch.diff``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least one dimension.
    n
        How often.
    dim
        The dimension; a negative one counts from the end.
    prepend, append
        Tensors to join to input before and after, along the dimension.

    Returns
    -------
    A tensor of shape (*), shorter by n along the dimension. Of bools it says where they differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> squares = torch.tensor([0, 1, 4, 9, 16])
    >>> squares.diff(), squares.diff(2)
    (tensor([1, 3, 5, 7]), tensor([2, 2, 2]))
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
    """Return the p-norm of the difference, ``norm(input - other, p)``. Follows ``torch.dist``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    other
        A tensor whose shape broadcasts with (*).
    p
        The order of the norm.

    Returns
    -------
    A tensor of shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.dist(torch.tensor([1.0, 2.0]), torch.tensor([4.0, 6.0]))
    tensor(5.)
    """
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
    """Return the distances of all pairs of rows: ``norm(x1_i - x2_j, p)``.

    Follows ``torch.cdist``; at a distance of 0 the gradient is 0.

    Parameters
    ----------
    x1
        A tensor of shape (..., n, d), floating point.
    x2
        A tensor of shape (..., m, d).
    p
        The order of the norm.
    compute_mode
        Accepted, and changes nothing: differences are always taken.

    Returns
    -------
    A tensor of shape (..., n, m).

    Raises
    ------
    RuntimeError
        When the rows have different lengths.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> points = torch.tensor([[0.0, 0.0], [3.0, 4.0]])
    >>> torch.cdist(points, torch.tensor([[0.0, 0.0], [0.0, 4.0]]))
    tensor([[0., 4.],
            [5., 3.]])
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
    """Return the distances of all pairs of rows of a matrix, each pair once.

    Follows ``torch.nn.functional.pdist``.

    Parameters
    ----------
    input
        A matrix of shape (n, d), floating point.
    p
        The order of the norm.

    Returns
    -------
    A vector of n (n - 1) / 2 elements, in the order (0, 1), (0, 2), ..., (1, 2), ...

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.pdist(torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    need_floats(input)
    if input.ndim != 2:
        raise RuntimeError(f"expected a matrix, but the shape is {list(input.shape)}")
    first, second = np.triu_indices(input.shape[0], 1)
    return (input[first] - input[second]).norm(as_number("p", p), -1)


if not TYPE_CHECKING:
    __all__ = publish(globals(), "cdist")
