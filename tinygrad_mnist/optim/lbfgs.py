"""L-BFGS: a quasi-Newton method of limited memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd import enable_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.optim.array_optimizer import R, check, options
from tinygrad_mnist.optim.optimizer import Optimizer, ParamsT
from tinygrad_mnist.tensor import Tensor


class LBFGS(Optimizer):
    r"""Newton's method with a Hessian that is guessed from the last steps (Nocedal, 1980).

    .. math:: p \leftarrow p - t H g

    H is never formed: its product with the gradient follows from the last changes of position
    and gradient (Nocedal and Wright, Numerical Optimization, algorithm 7.4). One call of
    :meth:`step` does up to ``max_iter`` iterations. Follows ``torch.optim.LBFGS``.

    Parameters
    ----------
    params
        Tensors, in one group.
    lr
        The step size t, or the first one to try.
    max_iter, max_eval
        The most iterations, and evaluations of the closure (5/4 of max_iter), in a step.
    tolerance_grad, tolerance_change
        Stop when no slope is steeper, or when loss or position change less.
    history_size
        The number of changes to remember.
    line_search_fn
        ``"strong_wolfe"`` to look for a good t, or None to take lr.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim import LBFGS
    >>> w = tensor([3.0, -2.0], requires_grad=True)
    >>> optimizer = LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = (w[0] - 1) ** 2 + 10 * (w[1] - w[0]) ** 2
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure).item()
    254.0
    >>> w
    tensor([1.0000, 1.0000], requires_grad=True)
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        defaults = options(locals())
        check(defaults)
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")

    def step(self, closure: Callable[[], R] | None = None) -> R:
        """Iterate until a tolerance or a limit is reached; return the loss before.

        Parameters
        ----------
        closure
            A function that clears the gradients, computes the loss, calls ``backward()`` on it,
            and returns it. It is called several times.
        """
        if closure is None:
            raise TypeError("LBFGS.step: needs a closure that computes the loss and its gradients")
        (group,) = self.param_groups
        if group["line_search_fn"] not in (None, "strong_wolfe"):
            raise RuntimeError(
                f"only 'strong_wolfe' is supported as line_search_fn, not "
                f"{group['line_search_fn']!r}"
            )
        with np.errstate(all="ignore"):
            loss: R = self._minimise(_Function(closure, group["params"]), group)
        return loss

    def _minimise(self, function: _Function, group: dict[str, Any]) -> Any:
        lr, tiny = float(group["lr"]), group["tolerance_change"]
        state = self.state[group["params"][0]]
        f, g = function()
        initial_loss = function.loss
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        if np.abs(g).max() <= group["tolerance_grad"] or group["max_iter"] < 1:
            return initial_loss
        memory = _Memory(state, group["history_size"])
        d, t, g_before, f_before = (
            _array(state.get(name)) for name in ("d", "t", "prev_flat_grad", "prev_loss")
        )
        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            if state["n_iter"] == 1:
                d, t = -g, min(1.0, 1.0 / np.abs(g).sum()) * lr
            else:
                memory.remember(g - g_before, d * t)
                d, t = memory.direction(g), lr
            g_before, f_before = g, f
            slope = g.dot(d)
            if slope > -tiny:
                break
            calls = function.calls
            if group["line_search_fn"]:
                here = _Point(0, f, g, slope)
                most = group["max_eval"] - function.calls
                t, f, g, _ = _strong_wolfe(function, here, t, d, most, tiny)
                function.move(t, d)
            else:
                function.move(t, d)
                if iteration < group["max_iter"]:
                    f, g = function()
            state["func_evals"] += function.calls - calls
            if (
                function.calls >= group["max_eval"]
                or np.abs(g).max() <= group["tolerance_grad"]
                or np.abs(d * t).max() <= tiny
                or abs(f - f_before) < tiny
            ):
                break
        state.update(
            d=wrap(d), t=float(t), prev_flat_grad=wrap(g_before), prev_loss=float(f_before)
        )
        state.update(memory.state())
        return initial_loss


def _array(value: Any) -> Any:
    """Return a tensor's array, or a number as it is."""
    return value._array if isinstance(value, Tensor) else value


class _Function:
    """The loss as a function of all parameters, joined in one vector."""

    def __init__(self, closure: Callable[[], Any], params: list[Any]) -> None:
        self.closure, self.params, self.calls = closure, params, 0
        self.loss: Any = None

    def __call__(self) -> tuple[float, np.ndarray]:
        """Return the loss here, and its gradient."""
        self.calls += 1
        with enable_grad():
            self.loss = self.closure()
        pieces = [
            np.zeros(p.numel(), p._array.dtype) if p._grad is None else p._grad._array.reshape(-1)
            for p in self.params
        ]
        return float(self.loss), np.concatenate(pieces)

    def move(self, t: Any, d: np.ndarray) -> None:
        """Add t times a direction to the parameters."""
        start = 0
        for p in self.params:
            p._array += (t * d[start : start + p.numel()]).reshape(p._array.shape)
            p._version.bump("LBFGS")
            start += p.numel()

    def ahead(self, t: Any, d: np.ndarray) -> _Point:
        """Evaluate at t times a direction from here, and come back."""
        here = [p._array.copy() for p in self.params]
        self.move(t, d)
        try:
            f, g = self()
        finally:
            for p, array in zip(self.params, here, strict=True):
                p._array[...] = array
        return _Point(t, f, g, g.dot(d))


class _Memory:
    """The last changes of gradient and position, and the product with H that they give."""

    def __init__(self, state: dict[str, Any], size: int) -> None:
        self.size = size
        self.ys, self.ss, self.rhos = (
            [_array(x) for x in state.get(name) or ()] for name in ("old_dirs", "old_stps", "ro")
        )
        self.scale = _array(state.get("H_diag", 1))

    def state(self) -> dict[str, Any]:
        """Return the changes for the optimizer's state."""
        lists = {"old_dirs": self.ys, "old_stps": self.ss, "ro": self.rhos}
        found = {name: [wrap(np.asarray(x)) for x in xs] for name, xs in lists.items()}
        return {**found, "H_diag": wrap(np.asarray(self.scale)) if self.ys else 1}

    def remember(self, y: np.ndarray, s: np.ndarray) -> None:
        """Add a change of the gradient and of the position, unless the curvature is negative."""
        ys = y.dot(s)
        if ys <= 1e-10:
            return
        for changes, new in ((self.ys, y), (self.ss, s), (self.rhos, 1 / ys)):
            if len(changes) == self.size:
                changes.pop(0)
            changes.append(new)
        self.scale = ys / y.dot(y)

    def direction(self, g: np.ndarray) -> np.ndarray:
        """Return -H g, by the two loops over the remembered changes."""
        q = -g
        changes = list(zip(self.ys, self.ss, self.rhos, strict=True))
        alphas = []
        for y, s, rho in reversed(changes):
            alphas.append(s.dot(q) * rho)
            q -= alphas[-1] * y
        q *= self.scale
        for y, s, rho in changes:
            q += (alphas.pop() - y.dot(q) * rho) * s
        return q


class _Point(NamedTuple):
    """A point on the line of a search: position, loss, gradient, slope along the line."""

    t: Any
    f: float
    g: np.ndarray
    slope: Any


def _strong_wolfe(
    function: _Function, here: _Point, t: Any, d: np.ndarray, most: int, tiny: float
) -> _Point:
    """Find a point where the loss is lower and the slope flatter (Nocedal and Wright, 3.5, 3.6).

    The first loop goes ahead until a good point must lie behind; the second narrows down the
    bracket of two points around it. There are no more than ``most`` evaluations after the first.
    """

    def too_high(point: _Point) -> bool:
        return bool(point.f > here.f + 1e-4 * point.t * here.slope)

    def flat(point: _Point) -> bool:
        return bool(abs(point.slope) <= -0.9 * here.slope)

    last, new = here, function.ahead(t, d)
    tries = 0
    bracket = [here, new]
    while tries < most:
        bracket = [last, new]
        if too_high(new) or (tries > 1 and new.f >= last.f):
            break
        if flat(new):
            return new
        if new.slope >= 0:
            break
        ahead = _cubic_minimum(last, new, new.t + 0.01 * (new.t - last.t), new.t * 10)
        last, new = new, function.ahead(ahead, d)
        tries += 1
        bracket = [here, new]

    stuck = False
    low = int(bracket[0].f > bracket[1].f)
    size = np.abs(d).max()
    while tries < most:
        left, right = sorted(point.t for point in bracket)
        if (right - left) * size < tiny:
            break
        t = _cubic_minimum(bracket[0], bracket[1], left, right)
        margin = 0.1 * (right - left)
        close = min(right - t, t - left) < margin
        if close and (stuck or t >= right or t <= left):
            t = right - margin if abs(t - right) < abs(t - left) else left + margin
            close = False
        stuck = close
        new = function.ahead(t, d)
        tries += 1
        if too_high(new) or new.f >= bracket[low].f:
            bracket[1 - low] = new
            low = int(bracket[0].f > bracket[1].f)
            continue
        if flat(new):
            return new
        if new.slope * (bracket[1 - low].t - bracket[low].t) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = new
    return bracket[low]


def _cubic_minimum(a: _Point, b: _Point, left: Any, right: Any) -> Any:
    """Return where the cubic through two points with their slopes is least, within bounds."""
    if a.t > b.t:
        a, b = b, a
    mean = a.slope + b.slope - 3 * (a.f - b.f) / (a.t - b.t)
    square = mean * mean - a.slope * b.slope
    if not square >= 0:
        return (left + right) / 2
    root = np.sqrt(square)
    t = b.t - (b.t - a.t) * ((b.slope + root - mean) / (b.slope - a.slope + 2 * root))
    return min(max(t, left), right)
