"""The check that mutants have to fail, and the operations of the table have to pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import GradcheckError, grad, gradcheck, gradgradcheck
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.mutation import cases
from tinygrad_mnist.mutation.cases import Case
from tinygrad_mnist.mutation.mutants import Mutant
from tinygrad_mnist.ops.contract import Op, Point

SEED = 3


def caught(what: Mutant | Op) -> str | None:
    """Return what the check says of an operation as it stands; None if it passes.

    On every sample of its entry, for each input that has a rule on its own,

    * every element of its Jacobians is compared with central differences; of an operation with
      several outputs also those of a weighted sum of them all;
    * the gradient of a backward pass that is recorded is compared with a plain one's;
    * second derivatives are compared with central differences of the first.

    Of a point where differences can't tell, its entry says what the gradient is.

    Parameters
    ----------
    what
        The operation, or a mutant of one.

    Returns
    -------
    The error's text, or None.

    Examples
    --------
    >>> from tinygrad_mnist.ops import exp
    >>> from tinygrad_mnist.mutation import caught
    >>> print(caught(exp))
    None
    """
    op, arguments = (what.op, what.rules) if isinstance(what, Mutant) else (what, what.rules)
    for check in (first_derivatives, second_derivatives):
        for case in cases.all_of(op):
            for argument in arguments:
                if said := check(case, argument):
                    return said
    return None


def first_derivatives(case: Case, argument: str) -> str | None:
    """Return what is wrong with the derivative for one input at one sample; None if nothing is."""
    return _said(_check_first, case, argument)


def second_derivatives(case: Case, argument: str) -> str | None:
    """Return what is wrong with the second derivative; None if nothing is, and at points."""
    return None if isinstance(case.sample, Point) else _said(_check_second, case, argument)


def _said(check: Callable[[Case, list[Any]], None], case: Case, argument: str) -> str | None:
    tensors = cases.tensors(case, cases.inputs(case, SEED), argument=argument)
    if not _tracked(tensors):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check(case, tensors)
    except Exception as error:  # a mutant may raise anything; any error is noticed
        return str(error) or type(error).__name__
    return None


def _check_first(case: Case, tensors: list[Any]) -> None:
    slopes = case.sample.slopes if isinstance(case.sample, Point) else {}
    if slopes:
        _compare_with_given(case, tensors, slopes)
        return
    for function in _functions(case):
        gradcheck(function, tensors)
    _compare_with_recorded(case, tensors)


def _check_second(case: Case, tensors: list[Any]) -> None:
    gradgradcheck(lambda *args: cases.call(case, *args), tensors)


def _functions(case: Case) -> Iterator[Any]:
    yield lambda *args: cases.call(case, *args)
    if len(case.op.outputs) > 1:

        def weighted(*args: Any) -> Any:
            outs = cases.outputs(case, *args)
            products = [(out * g).sum() for out, g in zip(outs, _arriving(outs), strict=True)]
            return sum(products[1:], products[0])

        yield weighted


def _compare_with_recorded(case: Case, tensors: list[Any]) -> None:
    outs, tracked = cases.outputs(case, *tensors), _tracked(tensors)
    plain, recorded = (
        grad(outs, tracked, _arriving(outs), retain_graph=True, create_graph=create)
        for create in (False, True)
    )
    for x, y in zip(plain, recorded, strict=True):
        if not np.allclose(x._array, y._array, rtol=1e-9, atol=1e-12, equal_nan=True):
            raise GradcheckError("a backward pass that is recorded gives another gradient")


def _compare_with_given(case: Case, tensors: list[Any], slopes: Mapping[str, Any]) -> None:
    (out,) = cases.outputs(case, *tensors)
    for position, x in enumerate(tensors):
        name = case.op.input_name(position)
        if not getattr(x, "requires_grad", False) or name not in slopes:
            continue
        found = grad(out.sum(), x)[0]._array
        if not np.allclose(found, slopes[name], equal_nan=True):
            raise GradcheckError(
                f"at {case.sample!r} the gradient for {name} is {found.tolist()}; it should be "
                f"{slopes[name]}"
            )


def _arriving(outs: list[Any]) -> list[Any]:
    """Return gradients to arrive at outputs, the same each time."""
    source = np.random.default_rng(SEED)
    return [wrap(np.asarray(source.standard_normal(out.shape))) for out in outs]


def _tracked(tensors: list[Any]) -> list[Any]:
    return [t for t in tensors if getattr(t, "requires_grad", False)]
