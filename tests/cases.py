"""Cases of the table, as the package draws them, and the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.mutation.cases import Case as Case
from tinygrad_mnist.mutation.cases import all_of as all_of
from tinygrad_mnist.mutation.cases import call as call
from tinygrad_mnist.mutation.cases import cases as cases
from tinygrad_mnist.mutation.cases import draw as draw
from tinygrad_mnist.mutation.cases import inputs as inputs
from tinygrad_mnist.mutation.cases import is_tracked as is_tracked
from tinygrad_mnist.mutation.cases import outputs as outputs
from tinygrad_mnist.mutation.cases import symmetrized as symmetrized
from tinygrad_mnist.mutation.cases import tensors as tensors


def invariant(case: Case, outs: list[Any]) -> list[Any]:
    """Return what of the outputs is unique: two libraries may differ in signs of columns."""
    return outs if case.op.invariant is None else list(case.op.invariant(*outs))


def in_torch(case: Case, torch: Any, args: list[Any]) -> list[Any]:
    """Evaluate the PyTorch expression of a case, and return its outputs as a list."""
    args = symmetrized(case, args)
    names: dict[str, Any] = {"torch": torch, "F": torch.nn.functional, **case.sample.settings}
    if case.op.variadic:
        names[case.op.inputs[0]] = args
    else:
        names.update(zip(case.op.inputs, args, strict=False))
        names.update(dict.fromkeys(case.op.inputs[len(args) :]))
    index = names.get("index")
    if isinstance(index, tuple):
        names["index"] = tuple(
            torch.from_numpy(p) if isinstance(p, np.ndarray) else p for p in index
        )
    elif isinstance(index, np.ndarray):
        names["index"] = torch.from_numpy(index)
    out = eval(case.op.torch, names)
    return list(out) if isinstance(out, tuple) else [out]
