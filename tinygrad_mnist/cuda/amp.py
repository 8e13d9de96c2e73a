"""Mixed precision under its older names: disabled, since there is no GPU."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import amp
from tinygrad_mnist.amp import custom_bwd as custom_bwd
from tinygrad_mnist.amp import custom_fwd as custom_fwd


class autocast(amp.autocast):
    """Disabled mixed precision on a GPU.

    Follows ``torch.cuda.amp.autocast``.

    Parameters
    ----------
    enabled, dtype, cache_enabled
        As in :class:`amp.autocast`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> with torch.cuda.amp.autocast(enabled=False):
    ...     (torch.ones(1) * 2).dtype
    torch.float32
    """

    def __init__(self, enabled: bool = True, dtype: Any = None, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """Disabled scaling of losses on a GPU.

    Follows ``torch.cuda.amp.GradScaler``.

    Parameters
    ----------
    init_scale, growth_factor, backoff_factor, growth_interval, enabled
        As in :class:`amp.GradScaler`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cuda.amp.GradScaler(enabled=False).get_scale()
    1.0
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__(
            "cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled
        )
