"""Every operation of the table as a compiled step that XLA runs: outputs and gradients."""

from __future__ import annotations

import cases
import numpy as np
import pytest
from compiler.test_table import outcomes

from tinygrad_mnist import ops
from tinygrad_mnist.compiler.api import compile

pytest.importorskip("jax", reason="JAX isn't installed")

# XLA takes a product with a mask as a choice: what is infinite is 0 there, and NaN in NumPy.
OTHERWISE = {"nan_to_num"}


@pytest.mark.parametrize("op", list(ops.TABLE.values()), ids=lambda op: op.name)
def test_operation_gives_numpys_numbers(op: ops.Op, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "compiler.test_table.Compiled", lambda step: compile(step, backend="xla", fullgraph=True)
    )
    for case in list(cases.all_of(op)):
        if op.name in OTHERWISE and case.number > 0:
            continue
        expected, _ = outcomes(case, np.float64, None, compiled=False)
        found, run = outcomes(case, np.float64, None, compiled=True)
        (made,) = run.steps.values()
        assert made.runs >= 2
        for some, others in zip(expected, found, strict=True):
            for a, b in zip(some, others, strict=True):
                assert a.dtype == b.dtype
                np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-11, err_msg=str(case))
