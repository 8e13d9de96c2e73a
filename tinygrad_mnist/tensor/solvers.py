"""Solvers and special functions that few programs call; imported when they are first asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.tensor.arguments import as_tensor, named
from tinygrad_mnist.tensor.comparison import where
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.elementwise import xlogy
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.factorization import inv, solve


@export(method=False)
def tensorinv(input: Tensor, ind: int = 2) -> Any:
    """Return the inverse of a tensor as a map, for ``tensordot``. Follows PyTorch's of this name.

    Raises
    ------
    RuntimeError
        When the first ``ind`` lengths and the others don't have one product.
    """
    shape = tuple(input.shape)
    if ind <= 0:
        raise RuntimeError(f"tensorinv: ind must be positive, got {ind}")
    rows, columns = math.prod(shape[:ind]), math.prod(shape[ind:])
    if rows != columns:
        raise RuntimeError(
            f"tensorinv: the products of {list(shape[:ind])} and {list(shape[ind:])} must be equal"
        )
    return inv(input.reshape(rows, columns)).reshape(*shape[ind:], *shape[:ind])


@named
def tensorsolve(A: Tensor, B: Tensor, dims: Any = None) -> Any:  # noqa: N803
    """Return the X for which ``tensordot(A, X, X.ndim) = B``. Follows PyTorch's of this name."""
    a: Any = as_tensor("tensorsolve", "A", A)
    if dims is not None:
        a = a.movedim(tuple(dims), tuple(range(-len(dims), 0)))
    shape = tuple(a.shape)[as_tensor("tensorsolve", "B", B).ndim :]
    count = math.prod(shape)
    if a.numel() != count * count:
        raise RuntimeError(
            f"tensorsolve: A of shape {list(A.shape)} is no square map to shape {list(B.shape)}"
        )
    return solve(a.reshape(count, count), B.flatten()).reshape(shape)


@export(method=False)
def entr(input: Tensor) -> Any:
    """Return ``-x log(x)``, and minus infinity below 0. Follows ``torch.special.entr``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> entr(tensor([0.0, 1.0, -1.0]))
    tensor([-0., -0., -inf])
    """
    low = wrap(np.asarray(input._array < 0))
    return (-xlogy(input, input)).masked_fill(low, -math.inf)


@export(method=False)
def ndtr(input: Tensor) -> Any:
    """Return the normal distribution function. Follows ``torch.special.ndtr``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> ndtr(tensor(0.0))
    tensor(0.5000)
    """
    return (input * -math.sqrt(0.5)).erfc() / 2


@export(method=False)
def ndtri(input: Tensor) -> Any:
    """Return the inverse of the normal distribution function. Follows PyTorch's of this name."""
    return (2 * input - 1).erfinv() * math.sqrt(2)


@named
def xlog1py(input: Any, other: Any) -> Any:
    """Return ``x log(1 + y)``, and 0 where x is 0. Follows ``torch.special.xlog1py``."""
    given = next(p for p in (input, other) if isinstance(p, Tensor))
    kind = given if given.is_floating_point() else given.float()
    x, y = (p if isinstance(p, Tensor) else kind.new_full((), p) for p in (input, other))
    # There 0 times infinity would be NaN; elsewhere x has a slope at 0 too.
    without = (x == 0) & ((y <= -1) | (y == math.inf))
    return x * where(without, 0.0, y).log1p()


if not TYPE_CHECKING:
    __all__ = publish(globals())
