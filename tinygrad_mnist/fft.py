"""``torch.fft``: helpers for frequencies; transforms raise, since there are no complex dtypes.

What arranges frequencies is real, and is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_mnist.compat.unsupported import watch
from tinygrad_mnist.tensor.arguments import named, need_tensor
from tinygrad_mnist.tensor.rare_creation import of_numbers

if TYPE_CHECKING:
    from typing import Unpack

    from tinygrad_mnist.tensor import Tensor
    from tinygrad_mnist.tensor.creation import Settings
    from tinygrad_mnist.tensor.types import Dims


@named
def fftfreq(n: int, d: float = 1.0, **settings: Unpack[Settings]) -> Tensor:
    """Return the frequencies of a transform of n samples, d apart. Follows ``torch.fft.fftfreq``.

    Parameters
    ----------
    n
        How many samples.
    d
        How far apart they are, in seconds, say; then frequencies are in hertz.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of n elements: those from 0 up first, then the negative ones.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return of_numbers(np.fft.fftfreq(n, d), settings)


@named
def rfftfreq(n: int, d: float = 1.0, **settings: Unpack[Settings]) -> Tensor:
    """Return the frequencies that aren't negative. Follows ``torch.fft.rfftfreq``.

    Parameters
    ----------
    n
        How many samples.
    d
        How far apart they are, in seconds, say; then frequencies are in hertz.
    dtype, device, requires_grad
        The dtype (default: float32, see :func:`set_default_dtype`); the device, ``"cpu"``; whether
        gradients are recorded.

    Returns
    -------
    A vector of n // 2 + 1 elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    return of_numbers(np.fft.rfftfreq(n, d), settings)


@named
def fftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Move the frequency 0 to the middle. Follows ``torch.fft.fftshift``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple. None: all.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fft.fftshift(torch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted(need_tensor("input", input), dim, 0)


@named
def ifftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Undo :func:`fftshift`. Follows ``torch.fft.ifftshift``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    dim
        The dimensions, an integer or a tuple. None: all.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.fft.fftfreq(5)
    >>> torch.equal(torch.fft.ifftshift(torch.fft.fftshift(x)), x)
    True
    """
    return _shifted(need_tensor("input", input), dim, 1)


def _shifted(x: Tensor, dim: Dims, odd: int) -> Tensor:
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return x.roll([(x.shape[d] + odd) // 2 for d in dims], dims)


watch("fft")
