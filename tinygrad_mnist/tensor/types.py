"""Names for what arguments may be, for type checkers and readers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor

Operand: TypeAlias = "Tensor | float | np.ndarray | np.generic"
"""A tensor, or a number or array to combine it with."""

Number: TypeAlias = "float | Tensor | np.generic"
"""One number: Python's, NumPy's, or a tensor of one element."""

Dims: TypeAlias = "int | Sequence[int] | None"
"""Dimensions: one, several, or all of them."""
