"""Products: which threads compute them is asked at each step, as in eager steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist._runtime import threads
from tinygrad_mnist.compiler.trace import Call, Program, Value


def kernels(program: Program) -> dict[Call, Callable[..., Any]]:
    """Return the kernel for each call of a product that is worth asking."""
    return {call: threads.product for call in program.calls if _is_worthwhile(call)}


def _is_worthwhile(call: Call) -> bool:
    if call.function is not np.matmul or call.keywords:
        return False
    a, b = (x.array if type(x) is Value else None for x in call.arguments)
    return a is not None and b is not None and a.dtype == b.dtype and not threads.is_small(a, b)


threads.product.takes_out = True  # type: ignore[attr-defined]  # the plan asks for it
