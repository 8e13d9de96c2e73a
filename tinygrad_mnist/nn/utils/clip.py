"""Clipping of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.tensor import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p._grad for p in listed if p._grad is not None]


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale all gradients together so that their norm is at most max_norm; return the norm.

    Raises
    ------
    RuntimeError
        When the norm isn't finite and error_if_nonfinite is set.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> clip_grad_norm_(x, 1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    gradients = _gradients(parameters)
    if not gradients:
        return wrap(np.zeros((), np.float32))  # type: ignore[no-any-return]
    norms = np.array([np.linalg.norm(g._array.reshape(-1), norm_type) for g in gradients])
    total = np.linalg.norm(norms, norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"clip_grad_norm_: the total norm of order {norm_type} is {total}, so the gradients "
            f"can't be clipped; pass error_if_nonfinite=False to scale them anyway"
        )
    factor = float(max_norm) / (float(total) + 1e-6)
    if not factor >= 1:
        for g in gradients:
            g._array *= g._array.dtype.type(factor)
            g._version.bump("clip_grad_norm_")
    return wrap(np.asarray(total, gradients[0]._array.dtype))  # type: ignore[no-any-return]


def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Bring every element of every gradient into [-clip_value, clip_value].

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([3.0, 0.5], requires_grad=True)
    >>> x.square().sum().backward()
    >>> clip_grad_value_(x, 2.0)
    >>> x.grad
    tensor([2., 1.])
    """
    for g in _gradients(parameters):
        np.clip(g._array, -clip_value, clip_value, out=g._array)
        g._version.bump("clip_grad_value_")
