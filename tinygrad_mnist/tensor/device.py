"""Devices: there is one, the CPU, under PyTorch's name."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeAlias, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class device:
    """Where a tensor's memory is. Only ``"cpu"`` holds tensors.

    Follows ``torch.device``.

    Examples
    --------
    >>> device("cpu")
    device(type='cpu')
    """

    type: str
    index: int | None

    def __init__(self, type: str | device, index: int | None = None) -> None:
        if isinstance(type, device):
            index = type.index
        name, _, number = str(type).partition(":")
        if name not in ("cpu", "cuda", "mps", "meta"):
            by_xla = f"; compile(step, backend='xla', device={name!r}) runs steps there"
            raise RuntimeError(
                f"device: expected a device such as 'cpu', got {type!r}"
                f"{by_xla if name in ('gpu', 'tpu') else ''}"
            )
        self.type = name
        self.index = int(number) if number else index

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type='{self.type}'{index})"

    def __str__(self) -> str:
        """Return the short form, such as ``cpu``."""
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __enter__(self) -> device:
        """Make new tensors on this device, which must be the CPU."""
        check_device(self)
        return self

    def __exit__(self, *error: object) -> None:
        """Leave the block: new tensors are on the CPU, as they were."""

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function, whose new tensors are then on this device."""
        check_device(self)
        return function


CPU = device("cpu")
DeviceLike: TypeAlias = device | str
"""A device, or its name, in an argument."""


def check_device(where: DeviceLike | None) -> None:
    """Refuse a device that is not the CPU.

    Raises
    ------
    RuntimeError
        For any other device.
    """
    if where is not None and device(where).type != "cpu":
        raise RuntimeError(
            f"device '{where}' is not available: tensors live on the CPU here; use device='cpu'; "
            f"compile(step, backend='xla', device='gpu') has a GPU run the steps"
        )
