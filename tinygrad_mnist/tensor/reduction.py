"""Tensor methods: reductions along dimensions, and running sums."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, apply_multi, wrap
from tinygrad_mnist.autograd.names import give
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import as_dim, as_dims, named_methods, need_floats
from tinygrad_mnist.tensor.indexing import values_at

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.return_types import ValuesIndices


def _need_dim(name: str, keepdim: bool) -> None:
    if keepdim:
        raise TypeError(f"{name}(): keepdim needs a dim; amax and amin keep all dimensions")


@named_methods
class ReductionMethods(TensorBase):
    """What Tensor can do along dimensions."""

    def _in(self, dtype: Any) -> Any:
        """Return self in a dtype, if one is named."""
        return self if dtype is None else self.to(dtype)  # type: ignore[attr-defined]

    def _reduce(self, op: ops.Op, dim: Any, keepdim: bool, dtype: Any = None, **kw: Any) -> Tensor:
        x = self._in(dtype)
        dims = as_dims(op.name, dim, self._array.ndim)
        if op.name in ("amax", "amin"):
            named: Any = (dims,) if isinstance(dims, int) else dims
            named = range(self._array.ndim) if dims is None else named
            if any(self._array.shape[d] == 0 for d in named):
                kind = RuntimeError if dims is None else IndexError
                raise kind(
                    f"{op.name}: expected the reduced dimensions to have elements, but the shape "
                    f"is {list(self._array.shape)}"
                )
        out = apply(op, x, dim=dims, keepdim=bool(keepdim), **kw)
        return out if dtype is None else out._in(dtype)

    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the sum, of integers as int64."""
        return self._reduce(ops.sum, dim, keepdim, dtype)

    def mean(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the mean.

        Raises
        ------
        RuntimeError
            For integers, unless a floating dtype is given.
        """
        kind = self._array.dtype if dtype is None else dtypes.as_numpy(dtype)
        if kind.kind != "f":
            raise RuntimeError(
                f"mean: could not infer output dtype; it must be floating point, but is "
                f"{dtypes.of(kind)}; convert the input with float(), or pass a floating dtype"
            )
        return self._reduce(ops.mean, dim, keepdim, dtype)

    def prod(self, dim: Any = None, keepdim: bool = False, *, dtype: Any = None) -> Tensor:
        """Return the product, along one dimension or of all elements."""
        x = self._in(dtype)
        if dim is None:
            return apply(ops.prod, x, dim=None, keepdim=False)._in(dtype)  # type: ignore[no-any-return]
        return self._along(ops.prod, x, dim, bool(keepdim))._in(dtype)  # type: ignore[no-any-return]

    def _along(self, op: ops.Op, x: Any, dim: Any, keepdim: bool) -> Tensor:
        """Reduce one dimension; of a 0-d tensor it is the only element."""
        if self._array.ndim == 0:
            as_dim(op.name, dim, 0)
            return apply(op, x.reshape(1), dim=0, keepdim=False)
        return apply(op, x, dim=as_dim(op.name, dim, self._array.ndim), keepdim=keepdim)

    def var(
        self,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: int | None = 1,
    ) -> Tensor:
        """Return the variance: the sum of squares is divided by n - correction."""
        dim, correction = _spread_arguments(dim, unbiased, correction)
        need_floats("var", self)
        return self._reduce(ops.var, dim, keepdim, correction=correction)

    def std(
        self,
        dim: Any = None,
        unbiased: bool | None = None,
        keepdim: bool = False,
        *,
        correction: int | None = 1,
    ) -> Tensor:
        """Return the standard deviation: the root of :meth:`var`."""
        dim, correction = _spread_arguments(dim, unbiased, correction)
        need_floats("std", self)
        return self._reduce(ops.std, dim, keepdim, correction=correction)

    def norm(
        self, p: Any = "fro", dim: Any = None, keepdim: bool = False, dtype: Any = None
    ) -> Tensor:
        """Return the p-norm: of all elements, or along dimensions."""
        need_floats("norm", self)
        if dtype is not None:
            return self.to(dtype).norm(p, dim, keepdim)  # type: ignore[attr-defined,no-any-return]
        if p == "nuc":
            return self._nuclear_norm(dim, keepdim)
        if p in ("fro", 2, None):
            return self._reduce(ops.norm, dim, keepdim)
        if isinstance(p, str):
            raise RuntimeError(f"norm: unsupported p={p!r}; expected 'fro', 'nuc' or a number")
        if p == 1:
            return apply(ops.abs, self).sum(dim, keepdim)
        if p in (math.inf, -math.inf) and not self._array.size:
            if 0 not in self.sum(dim, True).shape:
                raise RuntimeError(
                    f"norm: there is no norm p={p} of no elements; the shape is "
                    f"{list(self._array.shape)}"
                )
        return self._reduce(ops.power_norm, dim, keepdim, ord=float(p))

    def _nuclear_norm(self, dim: Any, keepdim: bool) -> Tensor:
        """Return the sum of the singular values of the matrices in two dimensions."""
        dims = as_dims("norm", tuple(range(self._array.ndim)) if dim is None else dim,
                       self._array.ndim)  # fmt: skip
        if not isinstance(dims, tuple) or len(dims) != 2:
            raise RuntimeError(f"norm: the nuclear norm is one of matrices, but dim is {dim}")
        x: Any = self
        values = apply_multi(ops.svd, x.movedim(dims, (-2, -1)), full_matrices=False)[1]
        out: Tensor = values.sum(-1)
        return out.unsqueeze(min(dims)).unsqueeze(max(dims)) if keepdim else out

    def logsumexp(self, dim: Any, keepdim: bool = False) -> Tensor:
        """Return the logarithm of the sum of exponentials, without overflow."""
        return self._reduce(ops.logsumexp, dim, keepdim)

    def cumsum(self, dim: int, *, dtype: Any = None) -> Tensor:
        """Return the running sum along a dimension."""
        return running("cumsum", ops.cumsum, self, dim, dtype)

    def amax(self, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the largest element; where several are, they share the gradient."""
        return self._reduce(ops.amax, dim, keepdim)

    def amin(self, dim: Any = (), keepdim: bool = False) -> Tensor:
        """Return the smallest element; where several are, they share the gradient."""
        return self._reduce(ops.amin, dim, keepdim)

    def max(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Return the largest element; along a dimension, a pair of values and indices.

        Given another tensor instead of a dimension, return the elementwise maximum of the two.
        """
        dim = other if dim is None else dim
        if dim is None:
            _need_dim("max", keepdim)
            return self._extreme(ops.max)
        if isinstance(dim, TensorBase):
            return apply(ops.maximum, self, dim)
        return give("MaxBackward0", self._choose("max", np.argmax, dim, keepdim))

    def min(self, dim: Any = None, keepdim: bool = False, *, other: Any = None) -> Any:
        """Return the smallest element; along a dimension, a pair of values and indices.

        Given another tensor instead of a dimension, return the elementwise minimum of the two.
        """
        dim = other if dim is None else dim
        if dim is None:
            _need_dim("min", keepdim)
            return self._extreme(ops.min)
        if isinstance(dim, TensorBase):
            return apply(ops.minimum, self, dim)
        return give("MinBackward0", self._choose("min", np.argmin, dim, keepdim))

    def _extreme(self, op: ops.Op) -> Tensor:
        if not self._array.size:
            raise RuntimeError(
                f"{op.name}: expected elements to choose from, but the shape is "
                f"{list(self._array.shape)}"
            )
        return apply(op, self)

    def _choose(self, name: str, pick: Any, dim: int, keepdim: bool) -> ValuesIndices:
        """Pick one element along a dimension: only that one gets the gradient."""
        d = as_dim(name, dim, self._array.ndim)
        if self._array.ndim and self._array.shape[d] == 0:
            raise IndexError(f"{name}: expected dimension {d} to have elements, but it is empty")
        index = pick(self._array, axis=d, keepdims=True) if self._array.ndim else np.zeros(0)
        return values_at(getattr(return_types, name), self, d, index, keepdim)  # type: ignore[no-any-return]

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the position of the largest element, the first of several."""
        return self._arg("argmax", np.argmax, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Tensor:
        """Return the position of the smallest element, the first of several."""
        return self._arg("argmin", np.argmin, dim, keepdim)

    def _arg(self, name: str, pick: Any, dim: int | None, keepdim: bool) -> Tensor:
        if self._array.dtype.kind == "b":
            raise RuntimeError(f"{name}: does not support bools; convert the tensor with int()")
        d = None if dim is None else as_dim(name, dim, self._array.ndim)
        if (self._array.size if d is None or not self._array.ndim else self._array.shape[d]) == 0:
            raise IndexError(f"{name}: expected elements to choose from, but there are none")
        if self._array.ndim == 0:
            d = None
        return wrap(np.asarray(pick(self._array, axis=d, keepdims=keepdim), np.int64))

    def any(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return whether some element is true (not 0)."""
        return self._truth(np.any, dim, keepdim)

    def all(self, dim: Any = None, keepdim: bool = False) -> Tensor:
        """Return whether every element is true (not 0)."""
        return self._truth(np.all, dim, keepdim)

    def _truth(self, ask: Any, dim: Any, keepdim: bool) -> Tensor:
        """Return an answer as bool; of bytes it is a byte, as in PyTorch."""
        along = as_dims(ask.__name__, dim, self._array.ndim)
        none = isinstance(dim, tuple | list) and not dim  # then each element is asked
        answer = ask(self._array, axis=() if none else along, keepdims=keepdim)
        kind = np.uint8 if self._array.dtype == np.uint8 else np.bool_
        return wrap(np.asarray(answer, kind))

    def softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """Return exponentials divided by their sum along a dimension."""
        x = self._in(dtype)
        return apply(ops.softmax, x, dim=as_dim("softmax", dim, self._array.ndim))

    def log_softmax(self, dim: int, dtype: Any = None) -> Tensor:
        """Return the logarithm of :meth:`softmax`, exact where that would round to 0."""
        x = self._in(dtype)
        return apply(ops.log_softmax, x, dim=as_dim("log_softmax", dim, self._array.ndim))


def running(name: str, op: ops.Op, x: Any, dim: Any, dtype: Any) -> Tensor:
    """Return a running sum or product; of integers as int64, unless a dtype is named."""
    x = x._in(dtype)
    if dtype is not None and x._array.dtype.kind == "b":
        raise NotImplementedError(f"{name}: not implemented for dtype=bool; take int64")
    d = as_dim(name, dim, x._array.ndim)
    if not x._array.ndim:
        return apply(op, x.reshape(1), dim=0).reshape(())._in(dtype)  # type: ignore[no-any-return]
    return apply(op, x, dim=d)._in(dtype)  # type: ignore[no-any-return]


def _spread_arguments(dim: Any, unbiased: bool | None, correction: int | None) -> tuple[Any, int]:
    """Read ``var(dim, unbiased)`` and ``var(unbiased)``, PyTorch's older forms."""
    correction = 1 if correction is None else correction
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    return dim, correction if unbiased is None else int(unbiased)
