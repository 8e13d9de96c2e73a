"""The check that mutants have to fail."""

from __future__ import annotations

import warnings

from tinygrad_mnist.autograd import gradcheck
from tinygrad_mnist.mutation import cases
from tinygrad_mnist.mutation.mutants import Mutant
from tinygrad_mnist.ops.contract import Op

SEED = 3


def caught(what: Mutant | Op) -> str | None:
    """Return what the gradient check says of an operation as it stands; None if it passes.

    Every element of its Jacobians is compared with central differences, on every sample of its
    entry.

    Examples
    --------
    >>> from tinygrad_mnist.ops import exp
    >>> print(caught(exp))
    None
    """
    op = what.op if isinstance(what, Mutant) else what
    for number in range(len(op.samples)):
        case = cases.Case(op, number)
        tensors = cases.tensors(case, cases.inputs(case, SEED))
        if not any(cases.is_tracked(case, i) for i in range(len(tensors))):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                gradcheck(lambda *args, case=case: cases.call(case, *args), tensors)
        except Exception as error:  # a mutant may raise anything; any error is noticed
            return str(error)
    return None
