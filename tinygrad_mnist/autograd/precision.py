"""Gradients and saved arrays in the dtype that an operation computes in."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Node, TensorBase
from tinygrad_mnist.ops.precision import computed_in


def upcast(node: Node, g: Any, saved: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Bring a node's gradient, and what it saved, to the dtype that its rules are computed in.

    They may be arrays, or tensors (then it is recorded), and the gradient a list of them.
    """
    wide = computed_in(node.op, node.dtype)

    def bring(x: Any) -> Any:
        if type(x) is list:
            return list(map(bring, x))
        array = x._array if isinstance(x, TensorBase) else x
        narrow = isinstance(array, np.ndarray) and array.dtype == node.dtype
        return ops.cast(x, dtype=wide) if narrow else x

    return bring(g), tuple(map(bring, saved))
