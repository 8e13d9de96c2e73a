"""Tensor methods: products of vectors and matrices."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import as_dim, expands, named_methods, number_first
from tinygrad_mnist.tensor.factorization import FactorizationMethods
from tinygrad_mnist.tensor.precision import in_float32

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


def added(name: str, x: Any, product: Any, beta: float, alpha: float) -> Tensor:
    """Return ``beta * x + alpha * product``; with beta = 0 x counts for its shape only.

    Raises
    ------
    RuntimeError
        When x has another dtype, or can't be expanded to the product's shape.
    """
    have, want = x._array.shape, product._array.shape
    if not expands(have, want):
        raise RuntimeError(
            f"{name}: the input of shape {list(have)} can't be expanded to {list(want)}, the "
            f"product's shape"
        )
    if x._array.dtype != product._array.dtype:
        raise RuntimeError(
            f"{name}: expected input and product to have the same dtype, but got {x.dtype} and "
            f"{product.dtype}"
        )
    if product._array.dtype.kind != "f":
        beta, alpha = int(beta), int(alpha)
    if alpha != 1:
        product = product * alpha
    if beta == 0:
        return product  # type: ignore[no-any-return]
    return apply(ops.add, x if beta == 1 else x * beta, product)


@named_methods
class LinalgMethods(FactorizationMethods):
    """What Tensor can do as a vector or a matrix."""

    def matmul(self, other: Any) -> Tensor:
        """Return the matrix product over the last two dimensions."""
        if not isinstance(other, TensorBase | np.ndarray):
            raise TypeError(
                f"matmul(): argument 'other' must be Tensor, not {type(other).__name__}; numbers "
                f"multiply by *"
            )
        return apply(ops.matmul, self, other)

    def _product(self, name: str, other: Any, left: int, right: int) -> Tensor:
        """Return the matrix product, given the numbers of dimensions it is defined for."""
        if not isinstance(other, TensorBase):
            raise TypeError(f"{name}(): expected a Tensor, not {type(other).__name__}")
        shapes = list(self._array.shape), list(other._array.shape)
        if (len(shapes[0]), len(shapes[1])) != (left, right):
            raise RuntimeError(
                f"{name}: expected tensors of {left} and {right} dimensions, got shapes "
                f"{shapes[0]} and {shapes[1]}; matmul takes any"
            )
        if name == "bmm" and shapes[0][0] != shapes[1][0]:
            raise RuntimeError(f"{name}: batches of {shapes[0]} and {shapes[1]} must be equal")
        return apply(ops.matmul, self, other)

    def mm(self, mat2: Any) -> Tensor:
        """Return the product of two matrices."""
        return self._product("mm", mat2, 2, 2)

    def bmm(self, mat2: Any) -> Tensor:
        """Return the products of two batches of matrices."""
        return self._product("bmm", mat2, 3, 3)

    def mv(self, vec: Any) -> Tensor:
        """Return the product of a matrix and a vector."""
        return self._product("mv", vec, 2, 1)

    def dot(self, tensor: Any) -> Tensor:
        """Return the inner product of two vectors."""
        return self._product("dot", tensor, 1, 1)

    def vdot(self, other: Any) -> Tensor:
        """Return the inner product of two vectors."""
        return self._product("vdot", other, 1, 1)

    def inner(self, other: Any) -> Tensor:
        """Return the inner products of all vectors in the last dimensions."""
        shapes = self._array.shape, other._array.shape
        if not shapes[0] or not shapes[1]:
            return apply(ops.mul, self, other)
        if shapes[0][-1] != shapes[1][-1]:
            raise RuntimeError(
                f"inner: the last dimension must match on both input tensors but got shapes "
                f"{list(shapes[0])} and {list(shapes[1])}"
            )
        rows = apply(ops.reshape, other, to=(math.prod(shapes[1][:-1]), shapes[1][-1]))
        out: Tensor = apply(ops.matmul, self, rows.mT)
        return out.reshape(shapes[0][:-1] + shapes[1][:-1])

    def outer(self, vec2: Any) -> Tensor:
        """Return the outer product of two vectors."""
        if self._array.ndim != 1 or vec2._array.ndim != 1:
            raise RuntimeError(
                f"outer: expected two vectors, got shapes {list(self.shape)} and {list(vec2.shape)}"
            )
        return apply(ops.mul, apply(ops.reshape, self, to=(-1, 1)), vec2)

    ger = outer

    @in_float32
    @one_node("AddmmBackward0")
    def addmm(self, mat1: Any, mat2: Any, *older: Any, beta: float = 1, alpha: float = 1) -> Tensor:
        """Return ``beta * self + alpha * mat1 @ mat2``."""
        if older:
            return number_first(self.addmm, (mat1, mat2, *older), "beta", "alpha")  # type: ignore[no-any-return]
        return added("addmm", self, mat1._product("addmm", mat2, 2, 2), beta, alpha)

    @in_float32
    @one_node("AddmvBackward0")
    def addmv(self, mat: Any, vec: Any, *older: Any, beta: float = 1, alpha: float = 1) -> Tensor:
        """Return ``beta * self + alpha * mat @ vec``."""
        if older:
            return number_first(self.addmv, (mat, vec, *older), "beta", "alpha")  # type: ignore[no-any-return]
        return added("addmv", self, mat._product("addmv", vec, 2, 1), beta, alpha)

    @one_node("AddrBackward0")
    def addr(self, vec1: Any, vec2: Any, *older: Any, beta: float = 1, alpha: float = 1) -> Tensor:
        """Return ``beta * self + alpha * outer(vec1, vec2)``."""
        if older:
            return number_first(self.addr, (vec1, vec2, *older), "beta", "alpha")  # type: ignore[no-any-return]
        product = vec1.outer(vec2)
        common = dtypes.result_type(self._array, product._array)
        x: Any = self
        return added("addr", x.to(common), product.to(common), beta, alpha)

    @in_float32
    @one_node("BaddbmmBackward0")
    def baddbmm(
        self, batch1: Any, batch2: Any, *older: Any, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """Return ``beta * self + alpha * batch1 @ batch2``, for batches of matrices."""
        if older:
            return number_first(self.baddbmm, (batch1, batch2, *older), "beta", "alpha")  # type: ignore[no-any-return]
        return added("baddbmm", self, batch1.bmm(batch2), beta, alpha)

    @in_float32
    def addbmm(
        self, batch1: Any, batch2: Any, *older: Any, beta: float = 1, alpha: float = 1
    ) -> Tensor:
        """Return ``beta * self`` plus alpha times the sum of a batch of matrix products."""
        if older:
            return number_first(self.addbmm, (batch1, batch2, *older), "beta", "alpha")  # type: ignore[no-any-return]
        return added("addbmm", self, batch1.bmm(batch2).sum(0), beta, alpha)

    @one_node("TraceBackward0")
    def trace(self) -> Tensor:
        """Return the sum of a matrix's diagonal."""
        if self._array.ndim != 2:
            raise RuntimeError(
                f"trace: expected a matrix, but got a tensor with {self._array.ndim} dimensions"
            )
        i = np.arange(min(self._array.shape))
        return apply(ops.getitem, self, index=(i, i)).sum()

    def kron(self, other: Any) -> Tensor:
        """Return the Kronecker product: a block ``self[i, j] * other`` for each element."""
        ndim = max(self._array.ndim, other._array.ndim)
        a, b = ((1,) * (ndim - x._array.ndim) + x._array.shape for x in (self, other))
        left = apply(ops.reshape, self, to=tuple(itertools.chain(*((n, 1) for n in a))))
        right = apply(ops.reshape, other, to=tuple(itertools.chain(*((1, n) for n in b))))
        to = tuple(n * m for n, m in zip(a, b, strict=True))
        return apply(ops.reshape, apply(ops.mul, left, right), to=to)

    def cross(self, other: Any, dim: int | None = None) -> Tensor:
        """Return the cross products of vectors along a dimension, the first of length 3 if None."""
        if dim is None:
            if 3 not in self._array.shape:
                raise RuntimeError(
                    f"cross: no dimension of size 3 in input of shape {list(self.shape)}"
                )
            dim = self._array.shape.index(3)
        if self._array.ndim != other._array.ndim:
            raise RuntimeError(
                f"cross: inputs must have the same number of dimensions, got shapes "
                f"{list(self.shape)} and {list(other.shape)}"
            )
        if self._array.dtype != other._array.dtype:
            raise RuntimeError(
                f"cross: inputs must have the same dtype, got {self._array.dtype} and "
                f"{other._array.dtype}; convert one of them"
            )
        d = as_dim("cross", dim, self._array.ndim)
        if self._array.shape[d] != 3 or other._array.shape[d] != 3:
            raise RuntimeError(
                f"cross: inputs' dimension {dim} must have length 3, got shapes "
                f"{list(self.shape)} and {list(other.shape)}"
            )
        (a1, a2), (b1, b2) = (
            [apply(ops.roll, x, shifts=(-s,), dims=(d,)) for s in (1, 2)] for x in (self, other)
        )
        return a1 * b2 - a2 * b1

    def cov(self, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Tensor:
        """Return the covariances of variables (rows), each observed several times (columns).

        ``fweights`` says how often each observation counts, ``aweights`` how much.
        """
        if self._array.ndim > 2:
            raise RuntimeError(
                f"cov: expected input to have two or fewer dimensions but got an input with "
                f"{self._array.ndim} dimensions"
            )
        x: Any = self if self._array.dtype.kind == "f" else self.float()  # type: ignore[attr-defined]
        x = x if x.ndim == 2 else x.reshape(1, -1)
        weights: Any = None
        for name, given in (("fweights", fweights), ("aweights", aweights)):
            if given is None:
                continue
            if given.shape != x.shape[1:] or (given._array < 0).any():
                raise RuntimeError(
                    f"cov: {name} must be a vector of {x.shape[1]} numbers that are not negative, "
                    f"got shape {list(given.shape)}"
                )
            weights = given if weights is None else weights * given
        if weights is None:
            total: Any = x.shape[1]
            mean = x.sum(1, keepdim=True) / np.array(total, x._array.dtype)
        else:
            total = weights.sum()
            mean = (x * weights).sum(1, keepdim=True) / total
        spread = x - mean
        if aweights is None:
            degrees: Any = total - correction
        else:
            degrees = total - correction * (weights * aweights).sum() / total
        product = (spread if weights is None else spread * weights) @ spread.mT
        if not isinstance(degrees, TensorBase):
            degrees = wrap(np.array(degrees, x._array.dtype))
        return (product / degrees.clamp(min=0)).squeeze()  # type: ignore[no-any-return]

    def corrcoef(self) -> Tensor:
        """Return the correlation coefficients of variables (rows)."""
        c: Any = self.cov()
        if not c.ndim:
            return c / c  # type: ignore[no-any-return]
        i = np.arange(c.shape[0])
        deviation = c[i, i].sqrt()
        scaled = c / deviation.reshape(-1, 1) / deviation
        return scaled.clamp(-1, 1)  # type: ignore[no-any-return]
