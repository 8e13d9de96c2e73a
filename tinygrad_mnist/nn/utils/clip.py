"""Clipping of gradients."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import deprecated
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.ops.dtypes import as_array, convert
from tinygrad_mnist.ops.precision import upcast_half
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    listed = [parameters] if isinstance(parameters, Tensor) else parameters
    return [p._grad for p in listed if p._grad is not None]


@named
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    r"""Scale all gradients together so that their norm is at most max_norm; return the norm.

    .. math:: g \leftarrow g \cdot \min(1, \; \text{max\_norm} / (\lVert g \rVert + 10^{-6}))

    Follows ``torch.nn.utils.clip_grad_norm_``.

    Parameters
    ----------
    parameters
        Tensors of any shapes, or one.
    max_norm
        The largest norm.
    norm_type
        The order of the norm; ``float("inf")`` is the largest element's size.
    error_if_nonfinite
        Whether an infinite norm, or NaN, is an error.
    foreach
        PyTorch's choice between ways to do it: there is one way here.

    Returns
    -------
    The norm before, a scalar.

    Raises
    ------
    RuntimeError
        When the norm isn't finite and error_if_nonfinite is set; nothing is changed then.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([3.0, 4.0], requires_grad=True)
    >>> (x * x / 2).sum().backward()
    >>> torch.nn.utils.clip_grad_norm_(x, 1.0), x.grad
    (tensor(5.), tensor([0.6000, 0.8000]))
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_gradients(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


clip_grad_norm = deprecated("utils", clip_grad_norm_)


@named
def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of tensors as if all their elements stood in one vector.

    Follows ``torch.nn.utils.get_total_norm``.

    Parameters
    ----------
    tensors
        Tensors of any shapes, or one.
    norm_type
        The order of the norm.
    error_if_nonfinite
        Whether an infinite norm, or NaN, is an error.
    foreach
        PyTorch's choice between ways to do it: there is one way here.

    Returns
    -------
    The norm, a scalar.

    Raises
    ------
    RuntimeError
        When the norm isn't finite and error_if_nonfinite is set.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.utils.get_total_norm([torch.tensor([3.0]), torch.tensor([4.0])])
    tensor(5.)
    """
    listed = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not listed:
        return wrap(np.zeros((), np.float32))
    with np.errstate(all="ignore"):  # a norm may be infinite
        norms = [np.linalg.norm(upcast_half(x._array).reshape(-1), norm_type) for x in listed]
        total = np.linalg.norm(np.stack(norms), norm_type)
    if error_if_nonfinite and not math.isfinite(total):
        raise RuntimeError(
            f"the total norm of order {norm_type} of the gradients is {total}, so they can't be "
            f"clipped; pass error_if_nonfinite=False to scale them anyway"
        )
    return wrap(convert(as_array(total), listed[0]._array.dtype))


@named
def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    total_norm: Tensor,
    foreach: bool | None = None,
) -> None:
    """Scale all gradients so that a norm which they have had becomes at most max_norm.

    Follows ``torch.nn.utils.clip_grads_with_norm_``.

    Parameters
    ----------
    parameters
        Tensors of any shapes, or one.
    max_norm
        The largest norm.
    total_norm
        The norm that they have had, a scalar.
    foreach
        PyTorch's choice between ways to do it: there is one way here.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> torch.nn.utils.clip_grads_with_norm_(x, 1.0, total_norm=torch.tensor(8.0))
    >>> x.grad  # 4 / 8
    tensor([0.5000])
    """
    found = _gradients(parameters)
    total = total_norm._array if isinstance(total_norm, Tensor) else total_norm
    _clip_norm(float(max_norm), total, outs=[g._array for g in found])
    for g in found:
        g._version.bump("clip_grad_norm_")


@one_call
def _clip_norm(largest: float, norm: Any, *, outs: list[np.ndarray]) -> None:
    """Scale arrays whose common norm is too large."""
    factor = largest / (float(norm) + 1e-6)
    if factor >= 1:
        return
    with np.errstate(all="ignore"):  # an infinite gradient becomes NaN
        for g in outs:
            g *= g.dtype.type(factor)


@named
def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Bring every element of every gradient into [-clip_value, clip_value].

    Follows ``torch.nn.utils.clip_grad_value_``.

    Parameters
    ----------
    parameters
        Tensors of any shapes, or one.
    clip_value
        The largest size.
    foreach
        PyTorch's choice between ways to do it: there is one way here.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([3.0, 0.5], requires_grad=True)
    >>> x.square().sum().backward()
    >>> torch.nn.utils.clip_grad_value_(x, 2.0)
    >>> x.grad
    tensor([2., 1.])
    """
    for g in _gradients(parameters):
        np.clip(g._array, -clip_value, clip_value, out=g._array)
        g._version.bump("clip_grad_value_")
