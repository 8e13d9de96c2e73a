"""The checker: derivatives against central differences, with a diagnosis where they disagree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import named_if_nameless
from tinygrad_mnist.autograd.api import grad
from tinygrad_mnist.autograd.diagnosis import Comparison
from tinygrad_mnist.autograd.functional import one_hot_rows
from tinygrad_mnist.autograd.graph import TensorBase, is_tracked, wrap
from tinygrad_mnist.autograd.modes import recording


def _distance(x: np.ndarray, y: np.ndarray) -> float:
    """Return the largest difference of two arrays."""
    with np.errstate(all="ignore"):
        return float(np.max(np.abs(x - y)))


class GradcheckError(RuntimeError):
    """A derivative disagrees with finite differences.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.autograd import GradcheckError, gradcheck
    >>> x = torch.tensor([0.0], dtype=torch.float64, requires_grad=True)
    >>> try:
    ...     gradcheck(torch.abs, x)  # which has a kink there
    ... except GradcheckError as error:
    ...     print("kink" in str(error))
    True
    """


@named_if_nameless
def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    **unused: Any,
) -> bool:
    r"""Check the gradients of a function against central differences.

    .. math:: J_{ij} \approx (f_i(x + \epsilon e_j) - f_i(x - \epsilon e_j)) / 2\epsilon

    Every element of the Jacobian is compared. Follows ``torch.autograd.gradcheck``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor or a tuple of them.
    inputs
        Its arguments; those that require grad must be float64, or rounding drowns the result.
    eps
        The step of the differences.
    atol, rtol
        Tolerance: ``|analytic - numeric| <= atol + rtol * |numeric|``.
    raise_exception
        Raise on disagreement; otherwise return False.
    nondet_tol
        By how much two backward passes may differ.
    unused
        PyTorch's further options are accepted where they don't change the answer.

    Returns
    -------
    True where everything agrees.

    Raises
    ------
    GradcheckError
        Naming the worst element with both values, and the likely cause where it can be told: a
        kink, a sign, a factor or term that is missing, the wrong array, a transposed gradient, a
        broadcast that wasn't undone, a function that isn't deterministic.
    ValueError
        When no input requires grad, or one is not float64.

    Examples
    --------
    >>> from tinygrad_mnist import tensor, float64
    >>> from tinygrad_mnist.autograd import gradcheck
    >>> x = tensor([0.5, 1.5], dtype=float64, requires_grad=True)
    >>> gradcheck(lambda x: x.exp(), x)
    True
    """
    return _Check(func, _listed(inputs), eps, atol, rtol, nondet_tol).agrees(raise_exception)


@named_if_nameless
def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    **unused: Any,
) -> bool:
    """Check second derivatives: the gradient of the gradient, against central differences.

    The gradients that arrive at the outputs are inputs too, drawn from a fixed seed unless given.
    Follows ``torch.autograd.gradgradcheck``; parameters and errors are those of
    :func:`gradcheck`.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor or a tuple of them.
    inputs
        Its arguments; those that require grad must be float64.
    grad_outputs
        The gradients that arrive at the outputs, of their shapes.
    eps
        The step of the differences.
    atol, rtol
        Tolerance: ``|analytic - numeric| <= atol + rtol * |numeric|``.
    gen_non_contig_grad_outputs
        Accepted; the layout of gradients doesn't matter here.
    raise_exception
        Raise on disagreement; otherwise return False.
    nondet_tol
        By how much two backward passes may differ.
    unused
        PyTorch's further options are accepted where they don't change the answer.

    Returns
    -------
    True where everything agrees.

    Examples
    --------
    >>> from tinygrad_mnist import tensor, float64
    >>> from tinygrad_mnist.autograd import gradgradcheck
    >>> x = tensor([0.5, 1.5], dtype=float64, requires_grad=True)
    >>> gradgradcheck(lambda x: x.exp(), x)
    True
    """
    arguments = _listed(inputs)
    if grad_outputs is None:
        source = np.random.default_rng(0)
        given: list[Any] = []
        for out in _outputs(func, arguments):
            drawn = source.standard_normal(out.shape)
            given.append(wrap(np.asarray(drawn, out._array.dtype)))
            given[-1]._requires_grad = True
    else:
        given = _listed(grad_outputs)
    count = len(arguments)

    def gradients(*all_inputs: Any) -> tuple[Any, ...]:
        own, arriving = all_inputs[:count], all_inputs[count:]
        outputs = _outputs(func, own)
        with recording(True):
            tracked = [x for x in own if is_tracked(x)]
            return grad(outputs, tracked, arriving, create_graph=True, materialize_grads=True)

    check = _Check(gradients, [*arguments, *given], eps, atol, rtol, nondet_tol)
    return check.agrees(raise_exception)


def _listed(x: Any) -> list[Any]:
    return [x] if isinstance(x, TensorBase) else list(x)


def _outputs(func: Callable[..., Any], arguments: Sequence[Any]) -> list[Any]:
    """Return the differentiable outputs of a function."""
    return [out for out in _listed(func(*arguments)) if is_tracked(out)]


def _gradients(out: Any, inputs: list[Any], cotangent: Any) -> list[np.ndarray]:
    """Return the gradients of inputs, checked to have their shapes."""
    found = grad(out, inputs, cotangent, retain_graph=True, materialize_grads=True)
    for x, g in zip(inputs, found, strict=True):
        if g.shape != x.shape:
            raise GradcheckError(
                f"gradient of shape {list(g.shape)} for an input of shape {list(x.shape)}"
            )
    return [np.array(g._array, np.float64) for g in found]


@dataclass
class _Check:
    """One comparison of all Jacobians of a function."""

    func: Callable[..., Any]
    arguments: list[Any]
    eps: float
    atol: float
    rtol: float
    nondet_tol: float

    def __post_init__(self) -> None:
        arguments = self.arguments
        self.checked = [i for i, x in enumerate(arguments) if is_tracked(x)]
        if not self.checked:
            raise ValueError("expects at least one input tensor to require grad, but none does")
        for i in self.checked:
            dtype = arguments[i]._array.dtype
            if dtype != np.float64:
                raise ValueError(
                    f"input {i} is {dtype}; use float64, since in lower precision the "
                    f"differences are drowned by rounding"
                )
            if not arguments[i]._array.flags.writeable:
                raise ValueError(
                    f"input {i} is expanded or read-only, so that its elements can't be "
                    f"changed one by one; check a clone() of it"
                )

    def values(self) -> list[np.ndarray]:
        """Evaluate the function without recording it."""
        return [np.array(out._array, np.float64) for out in self._floats()]

    def agrees(self, raise_exception: bool) -> bool:
        """Compare; where something disagrees raise, or return False."""
        try:
            self.run()
        except GradcheckError:
            if raise_exception:
                raise
            return False
        return True

    def run(self) -> None:
        """Compare, or raise."""
        outputs = _outputs(self.func, self.arguments)
        if not outputs:
            with recording(False):
                numeric = [self.numeric(i) for i in self.checked]
            for i, jacobians in zip(self.checked, numeric, strict=True):
                for k, jacobian in enumerate(jacobians):
                    if np.any(np.abs(jacobian) > self.atol):
                        raise GradcheckError(
                            f"output {k} does not require grad, but changes with input "
                            f"{i}: numerical Jacobian\n{jacobian}"
                        )
            return
        first, second = self.analytic(outputs), self.analytic(_outputs(self.func, self.arguments))
        for i, once, again in zip(self.checked, first, second, strict=True):
            for k, (x, y) in enumerate(zip(once, again, strict=True)):
                if x.size and _distance(x, y) > self.nondet_tol:
                    raise GradcheckError(
                        f"the backward of output {k} for input {i} is not deterministic: two runs "
                        f"differ by {_distance(x, y):.3g}; fix the seed, or remove the randomness"
                    )
        with recording(True):
            tracked = [k for k, out in enumerate(self._floats()) if is_tracked(out)]
        for i, analytic in zip(self.checked, first, strict=True):
            differences = self.numeric(i)
            for k, a in zip(tracked, analytic, strict=True):
                self.compare(i, k, a, differences[k])
        self.check_linearity(outputs, first)

    def check_linearity(self, outputs: list[Any], jacobians: list[list[np.ndarray]]) -> None:
        """Raise where a rule doesn't multiply by what arrives, which ones alone don't show."""
        source = np.random.default_rng(0)
        inputs = [self.arguments[i] for i in self.checked]
        for k, out in enumerate(outputs):
            arriving = np.asarray(source.standard_normal(out.shape), out._array.dtype)
            found = _gradients(out, inputs, wrap(arriving))
            for i, x, part in zip(self.checked, found, jacobians, strict=True):
                with np.errstate(all="ignore"):
                    expected = (arriving.reshape(-1) @ part[k]).reshape(x.shape)
                if not np.allclose(x, expected, self.rtol, self.atol, equal_nan=True):
                    raise GradcheckError(
                        f"the gradient of output {k} for input {i} is not proportional to what "
                        f"arrives. Likely cause: the rule doesn't multiply by the gradient of the "
                        f"output"
                    )

    def _floats(self) -> list[Any]:
        outputs = _listed(self.func(*self.arguments))
        return [out for out in outputs if out._array.dtype.kind == "f"]

    def analytic(self, outputs: list[Any]) -> list[list[np.ndarray]]:
        """Return the Jacobian of each output for each input, row by row by backward."""
        inputs = [self.arguments[i] for i in self.checked]
        rows = [[_gradients(out, inputs, row) for row in one_hot_rows(out)] for out in outputs]
        return [
            [
                np.array([row[n] for row in part]).reshape(out._array.size, x._array.size)
                for out, part in zip(outputs, rows, strict=True)
            ]
            for n, x in enumerate(inputs)
        ]

    def numeric(self, i: int, side: int = 0) -> list[np.ndarray]:
        """Return the Jacobian of each output for one input, column by column by differences.

        ``side`` is 0 for central differences, 1 or -1 for those to one side.
        """
        array = self.arguments[i]._array
        columns: list[list[np.ndarray]] = []
        with recording(True):
            for position in np.ndindex(array.shape):
                value = array[position]
                try:
                    array[position] = value + self.eps * (side >= 0)
                    high = self.values()
                    array[position] = value - self.eps * (side <= 0)
                    low = self.values()
                finally:
                    array[position] = value
                step = self.eps * (2 if side == 0 else 1)
                with np.errstate(all="ignore"):
                    columns.append(
                        [((h - w) / step).reshape(-1) for h, w in zip(high, low, strict=True)]
                    )
            outputs = self.values()
        return [
            np.array([column[k] for column in columns]).T.reshape(out.size, array.size)
            for k, out in enumerate(outputs)
        ]

    def compare(self, i: int, k: int, analytic: np.ndarray, numeric: np.ndarray) -> None:
        """Raise where two Jacobians differ, with the worst element and the likely cause."""
        if not analytic.size:
            return
        off = np.abs(analytic - numeric) - (self.atol + self.rtol * np.abs(numeric))
        off = np.where(np.isnan(analytic) & np.isnan(numeric), -1.0, off)
        off = np.where(np.isnan(off), np.inf, off)
        if np.all(off <= 0):
            return
        row, column = np.unravel_index(int(np.argmax(off)), off.shape)
        element = np.unravel_index(int(column), self.arguments[i]._array.shape)
        place = f"[{', '.join(map(str, element))}]" if element else ""
        cause = self.diagnose(i, k, analytic, numeric, int(row), int(column))
        raise GradcheckError(
            f"the Jacobian of output {k} for input {i} is wrong: worst at output element "
            f"{int(row)}, input element {place or 0}: analytic {analytic[row, column]:.6g}, "
            f"numeric {numeric[row, column]:.6g} ({int(np.sum(off > 0))} of {off.size} elements "
            f"differ). {'Likely cause: ' + cause if cause else 'No simple cause fits.'}"
        )

    def diagnose(
        self, i: int, k: int, analytic: np.ndarray, numeric: np.ndarray, row: int, column: int
    ) -> str:
        """Say what kind of mistake explains the difference, where one does."""

        def close(a: np.ndarray, b: np.ndarray) -> bool:
            return bool(np.allclose(a, b, rtol=max(self.rtol, 1e-3), atol=max(self.atol, 1e-4)))

        right, left = self.numeric(i, 1)[k], self.numeric(i, -1)[k]
        gap = abs(right[row, column] - left[row, column])
        if gap > 100 * (self.eps + self.atol) * max(1.0, abs(numeric[row, column])):
            return (
                f"a kink: the slope is {left[row, column]:.4g} on the left and "
                f"{right[row, column]:.4g} on the right; move the input away from it"
            )
        values = self.values()
        arrays = {
            f"input {n}": np.array(x._array)
            for n, x in enumerate(self.arguments) if isinstance(x, TensorBase)
        } | {f"output {n}": value for n, value in enumerate(values)}  # fmt: skip
        shape = self.arguments[i]._array.shape
        return Comparison(analytic, numeric, shape, values[k].shape, arrays, close).cause()
