"""The limits of dtypes: finfo and iinfo, as in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.ops import dtypes


class finfo:
    """The limits of a floating-point dtype. Follows ``torch.finfo``.

    Raises
    ------
    TypeError
        When the dtype isn't a floating-point one.

    Examples
    --------
    >>> finfo(dtypes.float32).max
    3.4028234663852886e+38
    """

    def __init__(self, type: Any = None) -> None:
        kind = dtypes.as_float(type)
        if kind.kind != "f":
            raise TypeError(f"finfo: expected a floating-point dtype, got {type}; use iinfo")
        info = np.finfo(kind)
        self.dtype = kind.name
        self.bits = int(info.bits)
        self.eps = float(info.eps)
        self.max = float(info.max)
        self.min = float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        numbers = ("resolution", "min", "max", "eps", "smallest_normal", "tiny")
        shown = ", ".join(f"{name}={getattr(self, name):.6g}" for name in numbers)
        return f"finfo({shown}, dtype={self.dtype})"


class iinfo:
    """The limits of an integer dtype. Follows ``torch.iinfo``.

    Raises
    ------
    TypeError
        When the dtype isn't an integer one.

    Examples
    --------
    >>> iinfo(dtypes.uint8).max
    255
    """

    def __init__(self, type: Any) -> None:
        kind = dtypes.as_numpy(type)
        if kind.kind not in "iu":
            raise TypeError(f"iinfo: expected an integer dtype, got {type}; use finfo")
        info = np.iinfo(kind)
        self.dtype = kind.name
        self.bits = int(info.bits)
        self.max = int(info.max)
        self.min = int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min:.6g}, max={self.max:.6g}, dtype={self.dtype})"


__all__ = ["finfo", "iinfo"]
