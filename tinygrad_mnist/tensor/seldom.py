"""Tensor methods and properties that are seldom asked for, some of which are imported then."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.compat.unsupported import METHODS, missing
from tinygrad_mnist.tensor import random
from tinygrad_mnist.tensor.arguments import as_tensor, named
from tinygrad_mnist.tensor.layout import strided


class _Late:
    """Stands for a method until it is first asked for."""

    def __init__(self, module: str) -> None:
        self.module = f"tinygrad_mnist.tensor.{module}"

    def __set_name__(self, owner: type, name: str) -> None:
        self.owner, self.name = owner, name

    def __get__(self, instance: Any, owner: type) -> Any:
        """Import the method, and return it as if it had been there."""
        method = getattr(importlib.import_module(self.module), self.name)
        setattr(self.owner, self.name, method)
        return method if instance is None else method.__get__(instance, owner)


_LATE = {
    "histogram": "histogram",
    "functions": "aminmax argwhere",
    "more": """copysign ldexp logaddexp2 gcd lcm nextafter angle isreal diagflat conj conj_physical
    resolve_conj resolve_neg real is_conj is_neg is_inference is_shared is_pinned is_distributed
    is_same_size adjoint dsplit narrow_copy split_with_sizes unsafe_split_with_sizes select_scatter
    slice_scatter diagonal_scatter put renorm matrix_exp mvlgamma logcumsumexp copysign_ ldexp_
    nextafter_ gcd_ lcm_ conj_physical_ mvlgamma_ put_ renorm_""",
}

if TYPE_CHECKING:

    class LateMethods(TensorBase):
        """What Tensor can do that is imported when it is asked for."""

    class MissingMethods:
        """What PyTorch's Tensor can do that this one can't."""

else:
    LateMethods = type(
        "LateMethods",
        (TensorBase,),
        {name: _Late(module) for module, names in _LATE.items() for name in names.split()},
    )
    MissingMethods = missing("Tensor", METHODS)


class SeldomMethods(TensorBase):
    """What Tensor can do that is seldom asked for."""

    is_cpu = True
    is_meta = is_mps = is_quantized = is_xpu = is_mkldnn = is_vulkan = is_nested = False
    is_sparse_csr = is_ipu = is_mtia = is_maia = is_xla = False
    name: str | None = None
    output_nr = 0

    @property
    def H(self) -> Any:
        """The matrix with rows and columns exchanged."""
        x: Any = self
        if self._array.ndim not in (0, 2):
            raise RuntimeError(
                f"H: is only there for matrices, but the shape is {list(self._array.shape)}; "
                f"use mH for batches of them"
            )
        return x.mH if self._array.ndim else x

    @property
    def layout(self) -> Any:
        """How elements lie in memory: always strided."""
        return strided

    @named
    def unsafe_split(self, split_size: Any, dim: int = 0) -> Any:
        """Cut a dimension into parts. Follows ``torch.Tensor.unsafe_split``."""
        return self.split(split_size, dim)  # type: ignore[attr-defined]

    @named
    def unsafe_chunk(self, chunks: int, dim: int = 0) -> Any:
        """Cut a dimension into so many parts. Follows ``torch.Tensor.unsafe_chunk``."""
        return self.chunk(chunks, dim)  # type: ignore[attr-defined]

    def _uniform(self, name: str, generator: Any, kinds: str = "f") -> np.ndarray:
        if self._array.dtype.kind not in kinds:
            raise NotImplementedError(f"{name}: the tensor must be floating point; use float()")
        source = random.source_of(generator)
        drawn: np.ndarray = source.uniform(self._array.shape, np.dtype(np.float64), 0.0, 1.0)
        return drawn

    @named
    def geometric_(self, p: float, *, generator: Any = None) -> Any:
        """Fill self with counts of trials until the first success, of probability p."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_: expects p to be in (0, 1), but got p={p}")
        counts = np.ceil(np.log(self._uniform("geometric_", generator, "fiu")) / math.log1p(-p))
        return self._draw("geometric_", counts)  # type: ignore[attr-defined]

    @named
    def cauchy_(self, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
        """Fill self with numbers drawn from a Cauchy distribution."""
        if sigma <= 0:
            raise RuntimeError(f"cauchy_: expects sigma > 0.0, but found sigma={sigma}")
        angles = np.pi * (self._uniform("cauchy_", generator) - 0.5)
        return self._draw("cauchy_", median + sigma * np.tan(angles))  # type: ignore[attr-defined]

    @named
    def map_(self, other: Any, callable: Any) -> Any:
        """Replace each element by what a Python function makes of it and another tensor's."""
        x: Any = self
        theirs = as_tensor("map_", "other", other)._array
        numbers = zip(
            self._array.flat, np.broadcast_to(theirs, self._array.shape).flat, strict=True
        )
        values = [callable(a.item(), b.item()) for a, b in numbers]
        return x.copy_(wrap(np.array(values, self._array.dtype).reshape(self._array.shape)))

    @named
    def as_subclass(self, cls: Any) -> Any:
        """Return the tensor as one of a subclass of Tensor, on the same memory."""
        if not (isinstance(cls, type) and issubclass(cls, TensorBase)):
            raise RuntimeError(f"as_subclass: expected a subclass of Tensor, got {cls!r}")
        out = self.view_as(self)  # type: ignore[attr-defined]
        out.__class__ = cls
        return out
