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

    Examples
    --------
    >>> fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    return of_numbers(np.fft.fftfreq(n, d), settings)


@named
def rfftfreq(n: int, d: float = 1.0, **settings: Unpack[Settings]) -> Tensor:
    """Return the frequencies that aren't negative. Follows ``torch.fft.rfftfreq``.

    Examples
    --------
    >>> rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    return of_numbers(np.fft.rfftfreq(n, d), settings)


@named
def fftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Move the frequency 0 to the middle. Follows ``torch.fft.fftshift``.

    Examples
    --------
    >>> fftshift(fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return _shifted(need_tensor("input", input), dim, 0)


@named
def ifftshift(input: Tensor, dim: Dims = None) -> Tensor:
    """Undo :func:`fftshift`. Follows ``torch.fft.ifftshift``."""
    return _shifted(need_tensor("input", input), dim, 1)


def _shifted(x: Tensor, dim: Dims, odd: int) -> Tensor:
    dims = tuple(range(x.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return x.roll([(x.shape[d] + odd) // 2 for d in dims], dims)


watch("fft")
