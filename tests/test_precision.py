"""float16 adds up in float32, and running sums and variances of float32 in float64."""

from __future__ import annotations

from typing import Any

import cases
import numpy as np
import pytest
from cases import Case

import tinygrad_mnist as tg
from tinygrad_mnist import ops
from tinygrad_mnist.autograd import grad

HALF = np.float16


def run(case: Case, arrays: list[Any], dtype: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs of a case in a dtype, and the gradients that ones lead to."""
    given = [a.astype(dtype) if getattr(a, "dtype", None) == HALF else a for a in arrays]
    tensors = cases.tensors(case, given)
    outs = cases.outputs(case, *tensors)
    tracked = [t for i, t in enumerate(tensors) if cases.is_tracked(case, i)]
    found = [out.detach().numpy() for out in outs]
    if not case.op.differentiable:
        return found, []
    gradients = grad(outs, tracked, [tg.ones_like(out) for out in outs])
    return found, [g.numpy() for g in gradients]


@pytest.mark.parametrize("case", list(cases.cases(differentiable=True)), ids=repr)
def test_float16_is_computed_in_float32_and_rounded_once(case: Case) -> None:
    if case.op is ops.cast:
        pytest.skip("it changes the dtype")
    drawn = cases.symmetrized(case, cases.inputs(case, 0))
    arrays = [x.astype(HALF) if getattr(x, "dtype", None) == np.float64 else x for x in drawn]
    outs, gradients = run(case, arrays, HALF)
    wide_outs, wide_gradients = run(case, arrays, np.float32)
    for a, b in zip(outs, wide_outs, strict=True):
        assert a.dtype == HALF
        np.testing.assert_array_equal(a, b.astype(HALF))
    # A rule may read the output, which is rounded; nothing else is.
    off = 1e-2 if reads_output(case.op) else 6e-4
    for a, b in zip(gradients, wide_gradients, strict=True):
        assert a.dtype == HALF
        np.testing.assert_allclose(a, b, rtol=off, atol=off)


def reads_output(op: ops.Op) -> bool:
    return any({*op.outputs} & {*rule.arrays} for rule in op.rules.values())


EXAMPLES = [
    ("torch.tensor([40000.0] * 3, dtype=torch.float16).mean()", 40000.0),
    ("torch.ones(70000, dtype=torch.float16).mean()", 1.0),
    ("torch.ones(5000, dtype=torch.float16).cumsum(0)[-1]", 5000.0),
    ("torch.tensor([0.1]).repeat(10**7).cumsum(0)[-1]", 1000000.0),
    ("torch.tensor([1e30, 0.0]).std()", 7.071067565216947e29),
    ("torch.tensor([1e-30, 0.0]).std()", 7.071067777540908e-31),
    ("torch.tensor([1e30, 0.0]).var()", float("inf")),
    ("torch.std_mean(torch.tensor([1e30, 0.0]))[0]", 7.071067565216947e29),
]


@pytest.mark.parametrize(("program", "expected"), EXAMPLES)
def test_sums_are_as_exact_as_pytorchs(program: str, expected: float) -> None:
    assert eval(program, {"torch": tg}).item() == expected


def test_all_of_many_equal_elements_share_the_gradient_of_the_largest() -> None:
    x = tg.ones(70000, dtype=tg.float16, requires_grad=True)
    x.max().backward()
    assert x.grad[0].item() == 1.430511474609375e-05
