"""Products of vectors and matrices; covariances, which are such products."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_dim, expands, need_tensor, number_first
from tinygrad_mnist.tensor.export import beta_first, export, publish
from tinygrad_mnist.tensor.precision import in_float32

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def added(x: Tensor, product: Tensor, beta: float, alpha: float) -> Tensor:
    """Return ``beta * x + alpha * product``; with beta = 0 x counts for its shape only.

    Raises
    ------
    RuntimeError
        When x has another dtype, or can't be expanded to the product's shape.
    """
    have, want = x._array.shape, product._array.shape
    if not expands(have, want):
        raise RuntimeError(
            f"the input of shape {list(have)} can't be expanded to {list(want)}, the "
            f"product's shape"
        )
    if x._array.dtype != product._array.dtype:
        raise RuntimeError(
            f"expected input and product to have the same dtype, but got {x.dtype} and "
            f"{product.dtype}"
        )
    if product._array.dtype.kind != "f":
        beta, alpha = int(beta), int(alpha)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product
    return apply(ops.add, x if beta == 1 else x * beta, product)


@export(takes="out")
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product over the last two dimensions, ``input @ other``.

    Element (i, j) is ``sum_k input[..., i, k] * other[..., k, j]``. The gradients are matrix
    products too: ``g @ other.mT`` and ``input.mT @ g``. Follows ``torch.matmul``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, k), or a vector of k elements.
    other
        A tensor of shape (..., k, m), or a vector of k elements. The dimensions in front broadcast.

    Returns
    -------
    A tensor of shape (..., n, m), without the dimension of a side that is a vector: matrix times
    vector has shape (n), vector times vector ().

    Raises
    ------
    RuntimeError
        When the lengths k differ, or the dimensions in front don't broadcast.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> w, x = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), torch.tensor([1.0, 10.0])
    >>> w @ x
    tensor([21., 43., 65.])
    >>> batch = torch.ones(32, 10, 2)
    >>> torch.matmul(batch, w.mT).shape
    torch.Size([32, 10, 3])
    """
    if not isinstance(other, TensorBase | np.ndarray):
        raise TypeError(
            f"argument 'other' must be Tensor, not {type(other).__name__}; numbers multiply by *"
        )
    return apply(ops.matmul, input, other)


def _product(input: Tensor, other: Tensor, left: int, right: int) -> Tensor:
    """Return the matrix product, given the numbers of dimensions it is defined for."""
    if not isinstance(other, TensorBase):
        raise TypeError(f"expected a Tensor, not {type(other).__name__}")
    shapes = list(input._array.shape), list(other._array.shape)
    if (len(shapes[0]), len(shapes[1])) != (left, right):
        raise RuntimeError(
            f"expected tensors of {left} and {right} dimensions, got shapes "
            f"{shapes[0]} and {shapes[1]}; matmul takes any"
        )
    if left == 3 and shapes[0][0] != shapes[1][0]:
        raise RuntimeError(f"batches of {shapes[0]} and {shapes[1]} must be equal")
    return apply(ops.matmul, input, other)


@export(takes="out")
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices. Follows ``torch.mm``.

    Parameters
    ----------
    input
        A matrix of shape (n, k).
    mat2
        A matrix of shape (k, m).

    Returns
    -------
    A matrix of shape (n, m).

    Raises
    ------
    RuntimeError
        When one is no matrix (:func:`matmul` takes any), or the lengths k differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.mm(torch.tensor([[1, 2], [3, 4]]), torch.tensor([[0, 1], [1, 0]]))
    tensor([[2, 1],
            [4, 3]])
    """
    return _product(input, mat2, 2, 2)


@export(takes="out")
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two batches of matrices. Follows ``torch.bmm``.

    Parameters
    ----------
    input
        A tensor of shape (b, n, k).
    mat2
        A tensor of shape (b, k, m).

    Returns
    -------
    A tensor of shape (b, n, m).

    Raises
    ------
    RuntimeError
        When the batches b or the lengths k differ.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> queries, keys = torch.ones(8, 5, 16), torch.ones(8, 7, 16)
    >>> torch.bmm(queries, keys.mT).shape
    torch.Size([8, 5, 7])
    """
    return _product(input, mat2, 3, 3)


@export(takes="out")
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector. Follows ``torch.mv``.

    Parameters
    ----------
    input
        A matrix of shape (n, k).
    vec
        A vector of k elements.

    Returns
    -------
    A vector of n elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.mv(torch.tensor([[1, 2], [3, 4]]), torch.tensor([1, 10]))
    tensor([21, 43])
    """
    return _product(input, vec, 2, 1)


@export(takes="out")
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the inner product of two vectors: ``sum_i x_i * y_i``. Follows ``torch.dot``.

    Parameters
    ----------
    input, tensor
        Vectors of shape (n).

    Returns
    -------
    A tensor of shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.dot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return _product(input, tensor, 1, 1)


@export(takes="out")
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the inner product of two vectors: of real numbers it is :func:`dot`.

    Follows ``torch.vdot``.

    Parameters
    ----------
    input, other
        Vectors of shape (n).

    Returns
    -------
    A tensor of shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.vdot(torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0]))
    tensor(11.)
    """
    return _product(input, other, 1, 1)


@export(takes="out")
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the inner products of all vectors in the last dimensions. Follows ``torch.inner``.

    Parameters
    ----------
    input
        A tensor of shape (..., k), or a number as a tensor of shape ().
    other
        A tensor whose last dimension is k too.

    Returns
    -------
    A tensor whose shape is input's and other's, both without k, one after the other.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([[1, 0], [1, 1]])
    >>> torch.inner(x, torch.tensor([[1, 2], [3, 4], [5, 6]]))
    tensor([[ 1,  3,  5],
            [ 3,  7, 11]])
    """
    shapes = input._array.shape, other._array.shape
    if not shapes[0] or not shapes[1]:
        return apply(ops.mul, input, other)
    if shapes[0][-1] != shapes[1][-1]:
        raise RuntimeError(
            f"the last dimension must match on both input tensors but got shapes "
            f"{list(shapes[0])} and {list(shapes[1])}"
        )
    rows = apply(ops.reshape, other, to=(math.prod(shapes[1][:-1]), shapes[1][-1]))
    out = apply(ops.matmul, input, rows.mT)
    return out.reshape(shapes[0][:-1] + shapes[1][:-1])


@export(takes="out")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the outer product of two vectors: element (i, j) is ``x_i * y_j``.

    Follows ``torch.outer``.

    Parameters
    ----------
    input
        A vector of shape (n).
    vec2
        A vector of m elements.

    Returns
    -------
    A matrix of shape (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.outer(torch.tensor([1, 2, 3]), torch.tensor([1, 10]))
    tensor([[ 1, 10],
            [ 2, 20],
            [ 3, 30]])
    """
    if input._array.ndim != 1 or vec2._array.ndim != 1:
        raise RuntimeError(
            f"expected two vectors, got shapes {list(input.shape)} and {list(vec2.shape)}"
        )
    return apply(ops.mul, apply(ops.reshape, input, to=(-1, 1)), vec2)


ger = outer


@export(takes="out", inplace=True, first=beta_first)
@in_float32
@node_name("AddmmBackward0")
def addmm(
    input: Tensor, mat1: Tensor, mat2: Tensor, *older: Any, beta: float = 1, alpha: float = 1
) -> Tensor:
    """Return ``beta * input + alpha * mat1 @ mat2``. Follows ``torch.addmm``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts to (n, m): the bias of a layer is a vector of m.
    mat1
        A matrix of shape (n, k).
    mat2
        A matrix of shape (k, m).
    beta
        A factor of input; with 0 its values don't matter.
    alpha
        A factor of the product.

    Returns
    -------
    A matrix of shape (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> b, x, w = torch.tensor([0.5, 0.0]), torch.tensor([[1.0, 2.0]]), torch.eye(2)
    >>> torch.addmm(b, x, w)
    tensor([[1.5000, 2.0000]])
    """
    if older:
        return number_first(input.addmm, (mat1, mat2, *older), "beta", "alpha")
    product = _product(need_tensor("mat1", mat1), mat2, 2, 2)
    return added(input, product, beta, alpha)


@export(takes="out", inplace=True, first=beta_first)
@in_float32
@node_name("AddmvBackward0")
def addmv(
    input: Tensor, mat: Tensor, vec: Tensor, *older: Any, beta: float = 1, alpha: float = 1
) -> Tensor:
    """Return ``beta * input + alpha * mat @ vec``. Follows ``torch.addmv``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts to (n).
    mat
        A matrix of shape (n, k).
    vec
        A vector of k elements.
    beta
        A factor of input; with 0 its values don't matter.
    alpha
        A factor of the product.

    Returns
    -------
    A vector of n elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.addmv(torch.tensor([1.0, 1.0]), torch.eye(2), torch.tensor([2.0, 3.0]), alpha=10)
    tensor([21., 31.])
    """
    if older:
        return number_first(input.addmv, (mat, vec, *older), "beta", "alpha")
    product = _product(need_tensor("mat", mat), vec, 2, 1)
    return added(input, product, beta, alpha)


@export(takes="out", inplace=True, first=beta_first)
@node_name("AddrBackward0")
def addr(
    input: Tensor, vec1: Tensor, vec2: Tensor, *older: Any, beta: float = 1, alpha: float = 1
) -> Tensor:
    """Return ``beta * input + alpha * outer(vec1, vec2)``. Follows ``torch.addr``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts to (n, m).
    vec1
        A vector of n elements.
    vec2
        A vector of m elements.
    beta
        A factor of input; with 0 its values don't matter.
    alpha
        A factor of the product.

    Returns
    -------
    A matrix of shape (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.addr(torch.eye(2), torch.tensor([1.0, 2.0]), torch.tensor([0.0, 10.0]))
    tensor([[ 1., 10.],
            [ 0., 21.]])
    """
    if older:
        return number_first(input.addr, (vec1, vec2, *older), "beta", "alpha")
    product = vec1.outer(vec2)
    common = dtypes.result_type(input._array, product._array)
    return added(input.to(common), product.to(common), beta, alpha)


@export(takes="out", inplace=True, first=beta_first)
@in_float32
@node_name("BaddbmmBackward0")
def baddbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *older: Any, beta: float = 1, alpha: float = 1
) -> Tensor:
    """Return ``beta * input + alpha * batch1 @ batch2``, for batches of matrices.

    Follows ``torch.baddbmm``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts to (b, n, m).
    batch1
        A tensor of shape (b, n, k).
    batch2
        A tensor of shape (b, k, m).
    beta
        A factor of input; with 0 its values don't matter.
    alpha
        A factor of the product.

    Returns
    -------
    A tensor of shape (b, n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> q, k = torch.ones(2, 1, 4), torch.ones(2, 3, 4)
    >>> torch.baddbmm(torch.zeros(1), q, k.mT, alpha=0.5)  # scaled scores
    tensor([[[2., 2., 2.]],
    <BLANKLINE>
            [[2., 2., 2.]]])
    """
    if older:
        return number_first(input.baddbmm, (batch1, batch2, *older), "beta", "alpha")
    return added(input, batch1.bmm(batch2), beta, alpha)


@export(takes="out", inplace=True, first=beta_first)
@in_float32
def addbmm(
    input: Tensor, batch1: Tensor, batch2: Tensor, *older: Any, beta: float = 1, alpha: float = 1
) -> Tensor:
    """Return ``beta * input`` plus alpha times the sum of a batch of matrix products.

    Follows ``torch.addbmm``.

    Parameters
    ----------
    input
        A tensor whose shape broadcasts to (n, m).
    batch1
        A tensor of shape (b, n, k).
    batch2
        A tensor of shape (b, k, m).
    beta
        A factor of input; with 0 its values don't matter.
    alpha
        A factor of the sum.

    Returns
    -------
    A matrix of shape (n, m).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.addbmm(torch.zeros(1), torch.ones(10, 2, 3), torch.ones(10, 3, 2))
    tensor([[30., 30.],
            [30., 30.]])
    """
    if older:
        return number_first(input.addbmm, (batch1, batch2, *older), "beta", "alpha")
    return added(input, batch1.bmm(batch2).sum(0), beta, alpha)


@export
@node_name("TraceBackward0")
def trace(input: Tensor) -> Tensor:
    """Return the sum of a matrix's diagonal: ``sum_i x_ii``. Follows ``torch.trace``.

    Parameters
    ----------
    input
        A matrix of shape (n, m).

    Returns
    -------
    A tensor of shape ().

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.trace(torch.tensor([[1, 2], [3, 4]]))
    tensor(5)
    """
    if input._array.ndim != 2:
        raise RuntimeError(
            f"expected a matrix, but got a tensor with {input._array.ndim} dimensions"
        )
    i = np.arange(min(input._array.shape))
    return apply(ops.getitem, input, index=(i, i)).sum()


@export(takes="out")
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: a block ``input[i, j] * other`` for each element.

    Follows ``torch.kron``.

    Parameters
    ----------
    input
        A tensor of shape (n, m), or of any number of dimensions.
    other
        A tensor of shape (p, q), likewise.

    Returns
    -------
    A tensor of shape (n p, m q): the lengths' products, aligned from the right.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.kron(torch.tensor([[1, 2]]), torch.tensor([[1, 1], [0, 1]]))
    tensor([[1, 1, 2, 2],
            [0, 1, 0, 2]])
    """
    ndim = max(input._array.ndim, other._array.ndim)
    a, b = ((1,) * (ndim - x._array.ndim) + x._array.shape for x in (input, other))
    left = apply(ops.reshape, input, to=tuple(itertools.chain(*((n, 1) for n in a))))
    right = apply(ops.reshape, other, to=tuple(itertools.chain(*((1, n) for n in b))))
    to = tuple(n * m for n, m in zip(a, b, strict=True))
    return apply(ops.reshape, apply(ops.mul, left, right), to=to)


@export(takes="out")
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross products of vectors of three elements. Follows ``torch.cross``.

    Parameters
    ----------
    input, other
        Tensors of one shape, with a dimension of length 3.
    dim
        That dimension. None: the first of length 3.

    Returns
    -------
    A tensor of their shape; each vector is at right angles to both.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cross(torch.tensor([1, 0, 0]), torch.tensor([0, 1, 0]), dim=0)
    tensor([0, 0, 1])
    """
    if dim is None:
        if 3 not in input._array.shape:
            raise RuntimeError(f"no dimension of size 3 in input of shape {list(input.shape)}")
        dim = input._array.shape.index(3)
    if input._array.ndim != other._array.ndim:
        raise RuntimeError(
            f"inputs must have the same number of dimensions, got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    if input._array.dtype != other._array.dtype:
        raise RuntimeError(
            f"inputs must have the same dtype, got {input._array.dtype} and "
            f"{other._array.dtype}; convert one of them"
        )
    d = as_dim(dim, input._array.ndim)
    if input._array.shape[d] != 3 or other._array.shape[d] != 3:
        raise RuntimeError(
            f"inputs' dimension {dim} must have length 3, got shapes "
            f"{list(input.shape)} and {list(other.shape)}"
        )
    (a1, a2), (b1, b2) = (
        [apply(ops.roll, x, shifts=(-s,), dims=(d,)) for s in (1, 2)] for x in (input, other)
    )
    return a1 * b2 - a2 * b1


@export
def cov(
    input: Tensor,
    *,
    correction: int = 1,
    fweights: Tensor | None = None,
    aweights: Tensor | None = None,
) -> Tensor:
    """Return the covariances of variables (rows), each observed several times (columns).

    ``C_ij = sum_k (x_ik - mean_i) * (x_jk - mean_j) / (n - correction)``. Follows ``torch.cov``.

    Parameters
    ----------
    input
        A tensor of shape (m, n), or (n) for one variable.
    correction
        What is subtracted from the number of observations.
    fweights
        How often each observation counts: a vector of n integers.
    aweights
        How much each observation counts: a vector of n numbers.

    Returns
    -------
    A matrix of shape (m, m), or () for one variable.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> heights_and_weights = torch.tensor([[1.6, 1.7, 1.8], [60.0, 70.0, 80.0]])
    >>> heights_and_weights.cov()
    tensor([[1.0000e-02, 1.0000e+00],
            [1.0000e+00, 1.0000e+02]])
    """
    if input._array.ndim > 2:
        raise RuntimeError(
            f"expected input to have two or fewer dimensions but got an input with "
            f"{input._array.ndim} dimensions"
        )
    x = input if input._array.dtype.kind == "f" else input.float()
    x = x if x.ndim == 2 else x.reshape(1, -1)
    weights: Tensor | None = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        if given.shape != x.shape[1:] or (given._array < 0).any():
            raise RuntimeError(
                f"{name} must be a vector of {x.shape[1]} numbers that are not negative, "
                f"got shape {list(given.shape)}"
            )
        weights = given if weights is None else weights * given
    if weights is None:
        total: float | Tensor = x.shape[1]
        mean = x.sum(1, keepdim=True) / np.array(total, x._array.dtype)
    else:
        total = weights.sum()
        mean = (x * weights).sum(1, keepdim=True) / total
    spread = x - mean
    if aweights is None or weights is None:
        degrees = total - correction
    else:
        degrees = total - correction * (weights * aweights).sum() / total
    product = (spread if weights is None else spread * weights) @ spread.mT
    if not isinstance(degrees, TensorBase):
        degrees = wrap(np.array(degrees, x._array.dtype))
    covariances = product / degrees.clamp(min=0)
    return covariances.squeeze()


@export
def corrcoef(input: Tensor) -> Tensor:
    """Return the correlation coefficients of variables (rows).

    They are covariances, divided by both deviations. Follows ``torch.corrcoef``.

    Parameters
    ----------
    input
        A tensor of shape (m, n): m variables, observed n times; or (n).

    Returns
    -------
    A matrix of shape (m, m), of numbers from -1 to 1; or () for one variable.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [3.0, 1.0, 2.0]]).corrcoef()
    tensor([[ 1.0000,  1.0000, -0.5000],
            [ 1.0000,  1.0000, -0.5000],
            [-0.5000, -0.5000,  1.0000]])
    """
    c = input.cov()
    if not c.ndim:
        return c / c
    i = np.arange(c.shape[0])
    deviation = c[i, i].sqrt()
    scaled = c / deviation.reshape(-1, 1) / deviation
    return scaled.clamp(-1, 1)


if not TYPE_CHECKING:
    __all__ = publish(globals())
