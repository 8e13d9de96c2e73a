"""Tensor methods: products of vectors and matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Variable, apply
from tinygrad_mnist.tensor.arguments import named_methods

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor


@named_methods
class LinalgMethods(Variable):
    """What Tensor can do as a vector or a matrix."""

    def matmul(self, other: Any) -> Tensor:
        """Return the matrix product over the last two dimensions."""
        return apply(ops.matmul, self, other)  # type: ignore[no-any-return]

    def _product(self, name: str, other: Any, left: int, right: int) -> Tensor:
        """Return the matrix product, given the numbers of dimensions it is defined for."""
        shapes = list(self._array.shape), list(other.shape)
        if (len(shapes[0]), len(shapes[1])) != (left, right):
            raise RuntimeError(
                f"{name}: expected tensors of {left} and {right} dimensions, got shapes "
                f"{shapes[0]} and {shapes[1]}; matmul takes any"
            )
        if name == "bmm" and shapes[0][0] != shapes[1][0]:
            raise RuntimeError(f"{name}: batches of {shapes[0]} and {shapes[1]} must be equal")
        return apply(ops.matmul, self, other)  # type: ignore[no-any-return]

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

    def outer(self, vec2: Any) -> Tensor:
        """Return the outer product of two vectors."""
        if self._array.ndim != 1 or vec2._array.ndim != 1:
            raise RuntimeError(
                f"outer: expected two vectors, got shapes {list(self.shape)} and {list(vec2.shape)}"
            )
        return apply(ops.mul, apply(ops.reshape, self, to=(-1, 1)), vec2)  # type: ignore[no-any-return]

    def addmm(self, mat1: Any, mat2: Any, *, beta: float = 1, alpha: float = 1) -> Tensor:
        """Return ``beta * self + alpha * mat1 @ mat2``."""
        product = mat1.mm(mat2)
        bias: Any = self if beta == 1 else apply(ops.mul, self, beta)
        return apply(ops.add, bias, product if alpha == 1 else product * alpha)  # type: ignore[no-any-return]
