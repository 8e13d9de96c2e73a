"""Mixed precision: disabled with a warning, as in PyTorch without a GPU.

Scripts keep the lines of mixed precision, and choose ``enabled`` by whether there is a GPU.

>>> with autocast("cuda", enabled=False):
...     pass
>>> GradScaler(enabled=False).get_scale()
1.0
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import ContextDecorator
from typing import Any


class autocast(ContextDecorator):
    """Accept ``torch.autocast``'s arguments, and change no dtype: it is never enabled here.

    Follows ``torch.autocast``: for a GPU, which isn't there, it warns and is off.

    Parameters
    ----------
    device_type
        The device: ``"cuda"`` or ``"cpu"``.
    dtype, cache_enabled
        Accepted, and without effect.
    enabled
        Whether it is on; False for the CPU.

    Raises
    ------
    NotImplementedError
        When it is enabled for the CPU, where PyTorch would compute in bfloat16.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> with torch.autocast("cpu", enabled=False):
    ...     (torch.ones(1) * 2).dtype
    torch.float32
    """

    def __init__(
        self,
        device_type: str,
        dtype: Any = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        if not enabled:
            return
        if device_type == "cpu":
            raise NotImplementedError(
                "autocast: NumPy has no bfloat16; pass enabled=False, or leave autocast out, and "
                "compute in float32"
            )
        warnings.warn(
            f"autocast: there is no device of type {device_type!r}; it is disabled", stacklevel=3
        )

    def __enter__(self) -> None:
        """Change nothing."""

    def __exit__(self, *error: Any) -> None:
        """Change nothing."""


class GradScaler:
    """Accept ``torch.amp.GradScaler``'s calls, and scale nothing: it is never enabled here.

    Follows ``torch.amp.GradScaler`` without a GPU: it warns, and :meth:`step` steps the optimizer.

    Parameters
    ----------
    device
        The device: ``"cuda"`` or ``"cpu"``.
    init_scale, growth_factor, backoff_factor, growth_interval
        Accepted, and without effect.
    enabled
        Whether it is on; without a GPU it never is.

    Raises
    ------
    NotImplementedError
        When it is enabled for the CPU.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> scaler = torch.amp.GradScaler(enabled=False)
    >>> scaler.scale(torch.ones(1)), scaler.get_scale()
    (tensor([1.]), 1.0)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and str(device) == "cpu":
            raise NotImplementedError(
                "GradScaler: gradients of float32 need no scaling; pass enabled=False"
            )
        if enabled:
            warnings.warn(f"GradScaler: there is no {device!r}; it is disabled", stacklevel=3)

    def is_enabled(self) -> bool:
        """Return False: losses aren't scaled."""
        return False

    def get_scale(self) -> float:
        """Return 1, the factor."""
        return 1.0

    def scale(self, outputs: Any) -> Any:
        """Return a loss, or several, as they are."""
        return outputs

    def unscale_(self, optimizer: Any) -> None:
        """Leave the gradients as they are."""

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Return ``optimizer.step()``."""
        return optimizer.step(*args, **kwargs)

    def update(self, new_scale: Any = None) -> None:
        """Leave the factor as it is."""

    def state_dict(self) -> dict[str, Any]:
        """Return an empty state."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Accept a state, and ignore it."""


def custom_fwd(
    fwd: Any = None, *, device_type: str = "cpu", cast_inputs: Any = None
) -> Callable[..., Any]:
    """Return a Function's forward as it is: no dtype is chosen.

    Follows ``torch.amp.custom_fwd``.

    Parameters
    ----------
    fwd
        The function.
    device_type, cast_inputs
        Accepted, and without effect.

    Returns
    -------
    The function.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.amp.custom_fwd(abs, device_type="cuda")(-1)
    1
    """
    return fwd if fwd is not None else lambda function: function


def custom_bwd(bwd: Any = None, *, device_type: str = "cpu") -> Callable[..., Any]:
    """Return a Function's backward as it is.

    Follows ``torch.amp.custom_bwd``.

    Parameters
    ----------
    bwd
        The function.
    device_type
        Accepted, and without effect.

    Returns
    -------
    The function.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.amp.custom_bwd(abs, device_type="cuda")(-1)
    1
    """
    return bwd if bwd is not None else lambda function: function
