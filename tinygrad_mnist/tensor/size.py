"""The lengths of a tensor's dimensions."""

from __future__ import annotations

import math
from typing import Any, SupportsIndex, overload


class Size(tuple[int, ...]):
    """The shape of a tensor: a tuple that prints as PyTorch's.

    Examples
    --------
    >>> Size([2, 3]), Size([2, 3]).numel(), Size([2, 3])[:1] + (4,)
    (torch.Size([2, 3]), 6, torch.Size([2, 4]))
    """

    __slots__ = ()

    def numel(self) -> int:
        """Return the number of elements of a tensor of this shape."""
        return math.prod(self)

    def __repr__(self) -> str:
        """Print as PyTorch prints."""
        return f"torch.Size([{', '.join(map(str, self))}])"

    @overload
    def __getitem__(self, index: SupportsIndex) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> Size: ...
    def __getitem__(self, index: SupportsIndex | slice) -> int | Size:
        """Return a length, or a Size of several."""
        found: Any = super().__getitem__(index)
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other: Any) -> Size:
        """Return the lengths of both."""
        return Size(super().__add__(other))

    def __radd__(self, other: Any) -> Size:
        """Return the lengths of both."""
        return Size((*other, *self)) if isinstance(other, tuple) else NotImplemented

    def __mul__(self, count: Any) -> Size:
        """Return the lengths repeated."""
        return Size(super().__mul__(count))

    __rmul__ = __mul__
