"""Inputs for the operations of the table, drawn as their entries declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.tensor.creation import from_numpy


class Case(NamedTuple):
    """An operation and one of its samples."""

    op: ops.Op
    number: int

    @property
    def sample(self) -> ops.Sample:
        """What the entry declares to try it on."""
        return self.op.samples[self.number]

    def __repr__(self) -> str:
        return f"{self.op.name}-{self.number}"


def cases(differentiable: bool | None = None) -> Iterator[Case]:
    """Every sample of every operation, or of those with (or without) derivatives; no points."""
    for op in list(ops.TABLE.values()):
        if differentiable is None or op.differentiable == differentiable:
            yield from (case for case in all_of(op) if not isinstance(case.sample, ops.Point))


def all_of(op: ops.Op) -> Iterator[Case]:
    """Every sample of an operation, points too."""
    return (Case(op, number) for number in range(len(op.samples)))


def draw(
    shape: tuple[int, ...], domain: ops.Domain, source: np.random.Generator, dtype: Any = np.float64
) -> np.ndarray:
    """Draw an array from a domain, well away from its kinks."""
    size = int(np.prod(shape))
    if domain.distinct:
        values = np.linspace(domain.low, domain.high, max(size, 2) * 3)
        values = source.permutation(values)[:size] + source.uniform(-0.01, 0.01, size)
    else:
        values = source.uniform(domain.low, domain.high, size)
    for kink in domain.kinks:
        close = np.abs(values - kink) < 0.1
        values = np.where(close, kink + np.where(values < kink, -0.2, 0.2), values)
    values = values.reshape(shape)
    if domain.diagonal:
        i = np.arange(min(shape[-2:]))
        values[..., i, i] += domain.diagonal * (i + 1)
    return values.astype(dtype)


def inputs(case: Case, seed: int, dtype: Any = np.float64) -> list[Any]:
    """Draw the inputs of a case: arrays for shapes, everything else as it is given."""
    source = np.random.default_rng(seed)
    drawn = []
    for position, given in enumerate(case.sample.inputs):
        if isinstance(given, tuple):
            drawn.append(draw(given, case.op.domain(position), source, dtype))
        elif isinstance(given, list | np.float64):
            drawn.append(np.array(given, dtype))
        elif isinstance(given, np.ndarray) and given.dtype.kind == "f":
            drawn.append(given.astype(dtype))
        else:
            drawn.append(given)
    return drawn


def is_tracked(case: Case, position: int) -> bool:
    """Whether the input at a position is drawn, or given as numbers, and has a derivative."""
    drawn = isinstance(case.sample.inputs[position], tuple | list | np.float64)
    return drawn and case.op.input_name(position) in case.op.rules


def tensors(
    case: Case, arrays: list[Any], layout: Any = None, argument: str | None = None
) -> list[Any]:
    """Make Tensors of the drawn inputs, those with a derivative (or one of them) requiring grad."""
    made = []
    for position, x in enumerate(arrays):
        if isinstance(x, np.ndarray):
            t = from_numpy(x if layout is None else layout(x))
            if is_tracked(case, position) and argument in (None, case.op.input_name(position)):
                t.requires_grad_()
            made.append(t)
        else:
            made.append(x)
    return made


def call(case: Case, *args: Any) -> Any:
    """Apply the operation of a case with its settings."""
    return case.op(*symmetrized(case, args), **case.sample.settings)


def outputs(case: Case, *args: Any) -> list[Any]:
    """Apply the operation of a case, and return its outputs as a list, one or several."""
    out = call(case, *args)
    return list(out) if isinstance(out, tuple) else [out]


def symmetrized(case: Case, args: Any) -> list[Any]:
    """Make those inputs symmetric matrices that have to be."""
    return [
        (x + x.swapaxes(-1, -2)) * 0.5 if case.op.domain(i).symmetric else x
        for i, x in enumerate(args)
    ]
