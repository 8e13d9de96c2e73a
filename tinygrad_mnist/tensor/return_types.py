"""Named results: what ``x.max(dim)`` or ``x.sort()`` return, printed as PyTorch prints them."""

from __future__ import annotations

from collections import namedtuple
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import NamedTuple

    from tinygrad_mnist.tensor.core import Tensor

    class ValuesIndices(NamedTuple):
        """Values chosen along a dimension, and where they were."""

        values: Tensor
        indices: Tensor

    class MinMax(NamedTuple):
        """The smallest and the largest element."""

        min: Tensor
        max: Tensor

    class Histogram(NamedTuple):
        """How many elements are in each bin, and the bins' edges."""

        hist: Tensor
        bin_edges: Tensor

    class HistogramOfPoints(NamedTuple):
        """How many points are in each box, and the boxes' edges along each coordinate."""

        hist: Tensor
        bin_edges: tuple[Tensor, ...]


_FIELDS = {
    **dict.fromkeys(
        ("max", "min", "sort", "topk", "kthvalue", "median", "nanmedian", "mode", "cummax",
         "cummin"),
        "values indices",
    ),
    "aminmax": "min max",
    "histogram": "hist bin_edges",
    "histogramdd": "hist bin_edges",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Make the class of a named result when it is first asked for."""
    if name not in _FIELDS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def show(self: Any) -> str:
        pairs = ",\n".join(f"{field}={value!r}" for field, value in self._asdict().items())
        return f"torch.return_types.{name}(\n{pairs})"

    make: Any = namedtuple  # to mypy, a call of it is a definition, of fields that it must know
    kind = make(name, _FIELDS[name])
    kind.__repr__ = show
    kind.__module__ = __name__
    kind.__doc__ = f"The named result of ``{name}``."
    globals()[name] = kind
    return kind
