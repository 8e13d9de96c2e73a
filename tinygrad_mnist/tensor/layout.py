"""PyTorch's names for the order of elements in memory, which scripts hand around.

Here they are accepted and change nothing: NumPy keeps each array's own order.
"""

from __future__ import annotations


class memory_format:
    """How dimensions follow each other in memory. It prints as PyTorch's."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        """Print as PyTorch prints."""
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        """Pickle by name, so that there is one of each."""
        return self.name


class layout(memory_format):
    """How the elements of a tensor are stored: by strides."""


contiguous_format = memory_format("contiguous_format")
preserve_format = memory_format("preserve_format")
channels_last = memory_format("channels_last")
channels_last_3d = memory_format("channels_last_3d")
strided = layout("strided")

__all__ = [
    "channels_last", "channels_last_3d", "contiguous_format", "layout", "memory_format",
    "preserve_format", "strided",
]  # fmt: skip
