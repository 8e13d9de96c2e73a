"""Anomaly mode: find the operation that made the first NaN."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.modes import SwitchNow, modes
from tinygrad_mnist.autograd.multi_output import CustomNode
from tinygrad_mnist.autograd.node import Node
from tinygrad_mnist.autograd.observer import Call, Observer


class detect_anomaly(Observer):
    """Find the operation that made a NaN: backward raises where a gradient becomes NaN.

    While it is on, the module and the line that computed an operation are remembered, and the
    error names them. Follows ``torch.autograd.detect_anomaly``, but for ``check_forward``.

    Parameters
    ----------
    check_nan
        Whether NaN in a gradient is an error.
    check_forward
        Whether an operation that computes NaN, or infinity from finite numbers, is one too. Where
        NaN was there before (in data, or in a parameter), the first operation that is given it is
        named.
    check_infinity
        Whether a rule that makes infinity of a finite gradient is one too.

    Raises
    ------
    RuntimeError
        Where the first of them is made: it names the operation, the module and the line.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd import detect_anomaly
    >>> x = tensor(0.0, requires_grad=True)
    >>> with detect_anomaly():  # doctest: +ELLIPSIS
    ...     (x.sqrt() * 0).backward()
    Traceback (most recent call last):
    RuntimeError: sqrt: Function 'SqrtBackward0' returned nan values in its 0th output...
    >>> with detect_anomaly(check_forward=True):  # doctest: +ELLIPSIS
    ...     y = tensor(0.0).log()
    Traceback (most recent call last):
    RuntimeError: log: computed an infinity from finite numbers; it was called at ...
    """

    def __init__(
        self, check_nan: bool = True, *, check_forward: bool = False, check_infinity: bool = False
    ) -> None:
        super().__init__()
        self.check_nan = check_nan
        self.check_forward = check_forward
        self.check_infinity = check_infinity
        self._calls: weakref.WeakKeyDictionary[Node, Call] = weakref.WeakKeyDictionary()

    def computed(self, call: Call) -> None:
        """Raise if an operation has computed NaN, or infinity from finite numbers."""
        if not self.check_forward:
            return
        outputs = call.outputs[: len(call.op.outputs)]
        if all(map(_finite, outputs)):
            return
        taken = (*call.inputs, *call.settings.values())
        if any(map(_has_nan, outputs)):
            places = [
                call.op.input_name(i) for i, x in enumerate(call.inputs) if _has_nan(x)
            ]  # what an operation before had computed would have been told of there
            what = (
                f"its input '{places[0]}' has NaN from before"
                if places
                else "computed a NaN from finite numbers"
                if all(map(_finite, taken))
                else "computed a NaN from infinities"
            )
        elif all(map(_finite, taken)):
            what = "computed an infinity from finite numbers"
        else:
            return
        raise RuntimeError(f"{call.op.name}: {what}; {_called_at(call)}")

    def recorded(self, call: Call) -> None:
        """Remember where a node's operation was called, without its arrays."""
        assert call.node is not None
        self._calls[call.node] = call.place()

    def ran(self, node: Node, gradient: Any, results: Sequence[tuple[Any, Any]]) -> None:
        """Raise where a node's rule has returned NaN, and say where its operation was called."""
        came = gradient if isinstance(gradient, list) else [gradient]
        for parent, result in results:
            array = getattr(result, "_array", result)
            if self.check_nan and _has_nan(array):
                what = "nan"
            elif self.check_infinity and not _finite(array) and all(map(_finite, came)):
                what = "infinite"
            else:
                continue
            position = next(i for i, p in enumerate(node.parents) if p is parent)
            own = isinstance(node, CustomNode)
            of = "" if own else f", the gradient of '{node.op.input_name(position)}'"
            call = self._calls.get(node)
            place = "" if call is None else f"; {_called_at(call)}"
            raise RuntimeError(
                f"{node.op.name}: Function '{node.name()}' returned {what} values in its "
                f"{position}th output{of}{place}"
            )


class set_detect_anomaly(SwitchNow):
    """Switch anomaly mode on or off, at once, and back if used as a context manager.

    Follows ``torch.autograd.set_detect_anomaly``.

    Parameters
    ----------
    mode
        Whether it is on.
    check_nan
        Whether NaN in a gradient is an error.

    Examples
    --------
    >>> from tinygrad_mnist import is_anomaly_enabled
    >>> from tinygrad_mnist.autograd import set_detect_anomaly
    >>> with set_detect_anomaly(True):
    ...     is_anomaly_enabled()
    True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        others = tuple(x for x in modes.observers if not isinstance(x, detect_anomaly))
        super().__init__(observers=(*others, detect_anomaly(check_nan)) if mode else others)


def is_anomaly_enabled() -> bool:
    """Return whether anomaly mode is on in this thread.

    Follows ``torch.is_anomaly_enabled``.

    Returns
    -------
    True or False.

    Examples
    --------
    >>> from tinygrad_mnist import is_anomaly_enabled
    >>> is_anomaly_enabled()
    False
    """
    return any(isinstance(x, detect_anomaly) for x in modes.observers)


def _floats(x: Any) -> bool:
    return isinstance(x, float | np.floating) or (isinstance(x, np.ndarray) and x.dtype.kind == "f")


def _finite(x: Any) -> bool:
    return not _floats(x) or bool(np.isfinite(x).all())


def _has_nan(x: Any) -> bool:
    return _floats(x) and bool(np.isnan(x).any())


def _called_at(call: Call) -> str:
    module = f", in module {call.path}" if call.path else ""
    return f"it was called at {call.line}{module}"
