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


def _result(name: str, fields: str = "values indices") -> Any:
    """Make the class of a named result."""

    def show(self: Any) -> str:
        pairs = ",\n".join(f"{field}={value!r}" for field, value in self._asdict().items())
        return f"torch.return_types.{name}(\n{pairs})"

    kind: Any = namedtuple(name, fields)  # type: ignore[misc]
    kind.__repr__ = show  # type: ignore[method-assign]
    kind.__module__ = __name__
    kind.__doc__ = f"What ``{name}`` returns along a dimension."
    return kind


max = _result("max")  # noqa: A001
min = _result("min")  # noqa: A001
sort = _result("sort")
topk = _result("topk")
kthvalue = _result("kthvalue")
median = _result("median")
nanmedian = _result("nanmedian")
mode = _result("mode")
cummax = _result("cummax")
cummin = _result("cummin")
aminmax = _result("aminmax", "min max")
histogram = _result("histogram", "hist bin_edges")
histogramdd = _result("histogramdd", "hist bin_edges")
