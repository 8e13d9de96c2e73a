"""Names for what arguments may be, for type checkers and readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tinygrad_mnist.ops import dtypes

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.device import device as device_type

Operand: TypeAlias = "Tensor | float | np.ndarray | np.generic"
"""A tensor, or a number or array to combine it with."""

Number: TypeAlias = "float | Tensor | np.generic"
"""One number: Python's, NumPy's, or a tensor of one element."""

Dims: TypeAlias = "int | Sequence[int] | None"
"""Dimensions: one, several, or all of them."""

Dtype: TypeAlias = "dtypes.dtype | np.dtype | type"
"""A dtype: PyTorch's, NumPy's, or one of Python's types."""

Device: TypeAlias = "device_type | str | int | None"
"""A device, or its name."""
