"""Every operation of the table, as a compiled step: outputs and gradients are the step's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases
import numpy as np
import pytest
from cases import Case

import tinygrad_mnist as tg
from tinygrad_mnist import ops
from tinygrad_mnist.compiler.compiled import Compiled

SEEDS = (3, 4, 5, 6, 7)
"""The numbers change with each call: one before the recordings, two recorded, two afterwards."""

KERNELS = set(
    """
convolution convolution_input convolution_weight cross_entropy gru lstm max_pool_index median
nll_loss rnn
""".split()
)
"""Operations that are one call each of a program: they look at numbers, to check or to choose, use
what has no protocol, or fill memory in many small steps. All others are recorded as NumPy's calls."""

KERNEL_RULES = set(
    """
convolution convolution_input convolution_weight cross_entropy cumprod gru lstm max
max_pool median min nll_loss prod read_region rnn scatter
""".split()
)
"""Operations of whose rules the same is true; of convolution the part that is an
operation of those above."""


def outcomes(case: Case, dtype: Any, layout: Any, compiled: bool) -> tuple[list[Any], Any]:
    """Return outputs and gradients of each call, and the compiled step."""
    arrays = [cases.inputs(case, seed, dtype) for seed in SEEDS]
    first = [np.array(a) if isinstance(a, np.ndarray) else a for a in arrays[0]]
    given = cases.tensors(case, first, layout)
    leaves = [x for i, x in enumerate(given) if cases.is_tracked(case, i)]

    name, number = case.op.name, case.number

    def step() -> list[Any]:
        for x in leaves:
            x.grad = None
        outs = cases.outputs(Case(ops.TABLE[name], number), *given)
        roots = [o for o in outs if o.requires_grad]
        if roots:
            sum((o * o).sum() for o in roots).backward()
        return outs

    run: Any = Compiled(step) if compiled else step
    found = []
    for now in arrays:
        for x, array in zip(given, now, strict=True):
            if isinstance(x, tg.Tensor):
                x._array[...] = array
        outs = [o.detach().numpy().copy() for o in run()]
        found.append(outs + [x.grad.numpy().copy() for x in leaves if x.grad is not None])
    return found, run


def compare(case: Case, dtype: Any, layout: Callable[[Any], Any] | None = None) -> Any:
    """Compare a compiled step with itself uncompiled, bit for bit; return its program."""
    expected, _ = outcomes(case, dtype, layout, compiled=False)
    found, run = outcomes(case, dtype, layout, compiled=True)
    (made,) = run.steps.values()
    assert made.built is not None, made.stopped
    for call, (some, others) in enumerate(zip(expected, found, strict=True)):
        for a, b in zip(some, others, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b, err_msg=f"{case} at call {call}")
    return made.built.program


@pytest.mark.parametrize("op", list(ops.TABLE.values()), ids=lambda op: op.name)
def test_operation_is_recorded_call_by_call_or_listed_as_a_kernel(op: ops.Op) -> None:
    for case in list(cases.all_of(op))[:2]:
        program = compare(case, np.float32)
        kernels = {call.operation for call in program.calls if call.kind == "kernel"}
        if op.name not in KERNELS:
            assert op.name not in kernels
        if op.name not in KERNEL_RULES:
            assert f"{op.name}'s rule" not in kernels


@pytest.mark.parametrize("name", sorted(KERNELS | KERNEL_RULES))
def test_what_is_listed_as_a_kernel_is_one(name: str) -> None:
    found: set[str] = set()
    for case in cases.all_of(ops.TABLE[name]):
        program = compare(case, np.float32)
        found.update(call.operation for call in program.calls if call.kind == "kernel")
    assert (name in found) is (name in KERNELS)
    assert (f"{name}'s rule" in found) is (name in KERNEL_RULES)


LAYOUTS = {
    "row by row": None,
    "column-major": lambda a: np.asfortranarray(a) if a.ndim else a,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2] if a.ndim else a,
    "reversed": lambda a: np.flip(np.flip(a).copy()) if a.ndim else a,
}


@pytest.mark.slow
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64], ids=lambda d: d.__name__)
@pytest.mark.parametrize("op", list(ops.TABLE.values()), ids=lambda op: op.name)
def test_compiled_operation_gives_the_same_bits_for_each_dtype_and_memory_order(
    op: ops.Op, dtype: Any, layout: Any
) -> None:
    for case in cases.all_of(op):
        if dtype is np.float16 and op.name in UNABLE:
            continue
        compare(case, dtype, layout)


UNABLE = set("cholesky cofactor det eigh inv pinv qr slogdet solve solve_triangular svd".split())
"""LAPACK has no float16."""
