"""ArrayOptimizer: an optimizer that is a formula on arrays.

Here is what the algorithms of this package share: the walk over parameters, weight decay,
the cut into pieces that stay in the cache, and the checks of their settings. A subclass gives
the state to begin with, :meth:`ArrayOptimizer.start`, and the formula in place,
:meth:`ArrayOptimizer.update`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NoReturn, TypeAlias, TypeVar, cast

import numpy as np

from tinygrad_mnist.autograd import enable_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.optim.optimizer import Optimizer, ParamsT
from tinygrad_mnist.tensor import Tensor

R = TypeVar("R")

Group: TypeAlias = dict[str, Any]
"""The settings of a group of parameters."""

State: TypeAlias = dict[str, Any]
"""The state that an optimizer keeps of a parameter."""

BLOCK = 2**17
"""Elements that are updated together: few enough for their arrays to stay in the cache, and so many
that computing takes longer than calling NumPy."""

LONG_BLOCK = 2**20
"""The same for plain SGD, where starting a block costs more than it gains by the cache."""


class ArrayOptimizer(Optimizer):
    """Base of the optimizers whose step is a formula for each parameter alone.

    Parameters
    ----------
    params
        Tensors or groups.
    defaults
        The settings of groups that don't give them: what :func:`options` returns. Those below mean
        the same in each optimizer.
    weight_decay
        The factor of the L2 penalty, whose gradient is added to g.
    decoupled_weight_decay
        Shrink the parameters themselves instead.
    maximize
        Climb instead of descend.
    foreach, fused, capturable
        PyTorch's choices between ways to compute the same numbers: there is one way here.
    differentiable
        Must be False, because the formula is computed outside of the graph.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, options
    >>> class SignSGD(ArrayOptimizer):
    ...     def __init__(self, params, lr=0.1, weight_decay=0):
    ...         super().__init__(params, options(locals()))
    ...     def update(self, p, g, state, group):
    ...         for p_, g_, one, _ in self.blocks(p, g, decay=group["weight_decay"]):
    ...             np.sign(g_, out=one)
    ...             one *= group["lr"]
    ...             p_ -= one
    >>> w = tensor([3.0], requires_grad=True)
    >>> optimizer = SignSGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([2.5000], requires_grad=True)
    """

    _scratch: dict[Any, tuple[np.ndarray, ...]]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        check(defaults)
        super().__init__(params, defaults)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over settings and state; what older settings lack is the default."""
        super().__setstate__(state)
        self.__dict__.setdefault("_scratch", {})
        for group in self.param_groups:
            for name, value in self.defaults.items():
                group.setdefault(name, value)

    def start(self, p: np.ndarray, group: Group) -> State:
        """Return a parameter's state before its first step."""
        return {}

    def update(self, p: np.ndarray, g: np.ndarray, state: State, group: Group) -> None:
        """Change a parameter's array in place, given its gradient: the optimizer's formula."""
        raise NotImplementedError(f"{type(self).__name__}: define update() in the subclass")

    def step(self, closure: Callable[[], R] | None = None) -> R | None:
        """Change every parameter that has a gradient, by one step.

        Parameters
        ----------
        closure
            A function that computes the loss and its gradients anew; its result is returned.
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with np.errstate(all="ignore"):
            try:
                for group in self.param_groups:
                    maximize = group.get("maximize")
                    for p in group["params"]:
                        gradient = p._grad
                        if gradient is None:
                            continue
                        g = -gradient._array if maximize else gradient._array
                        if modes.tracer is None:
                            self._change(p, group, g, p._array)
                        else:
                            modes.tracer.one_call(self._change, (p, group, g), {"out": p._array})
            except (ValueError, TypeError) as error:
                _explain(p, self.state.get(p) or {}, error)
        return loss

    def _change(self, p: Tensor, group: Group, g: np.ndarray, out: np.ndarray) -> None:
        """Change a parameter, whose array is out."""
        self.update(out, g, self.state.get(p) or self._started(p, out, group), group)
        p._version.count += 1
        p._version.changed_by = type(self).__name__

    def ready(self, number: int, members: Sequence[int] | None = None) -> tuple[Group, list[State]]:
        """Return a group, and the states of its parameters or of those at some positions."""
        group = self.param_groups[number]
        params: list[Tensor] = group["params"]
        if members is not None:
            params = [params[i] for i in members]
        states = list(map(self.state.get, params))
        if all(states):
            return group, cast(list[State], states)
        if not any(states) and not self.start(params[0]._array, group):
            return group, [{} for _ in params]
        return group, [self.state.get(p) or self._started(p, p._array, group) for p in params]

    def _started(self, p: Tensor, array: np.ndarray, group: Group) -> State:
        """Begin a parameter's state."""
        state = self.start(array, group)
        if state:
            self.state[p] = state
        return state

    def blocks(
        self,
        p: np.ndarray,
        g: np.ndarray,
        *state: Tensor,
        decay: float = 0,
        kept: float = 1,
        length: int = BLOCK,
    ) -> Iterable[tuple[np.ndarray, ...]]:
        """Cut a parameter, its gradient and state into pieces, with two scratch arrays for each.

        The pieces stay in the cache. With a decay, the gradient is that of the loss and an L2
        penalty; the parameter is multiplied by what is kept of it. Arrays in row-major order are
        cut; others come whole. The scratch arrays are reused: what is in them lasts until the next
        piece.
        """
        arrays = (p, g, *[s._array for s in state])
        if p.size > length:
            if all([a.flags.c_contiguous for a in arrays]):
                return self._cut([a.reshape(-1) for a in arrays], decay, kept, length)
        return (self._piece(arrays, decay, kept),)

    def _cut(
        self, flat: list[np.ndarray], decay: float, kept: float, length: int
    ) -> Iterator[tuple[np.ndarray, ...]]:
        for i in range(0, flat[0].size, length):
            yield self._piece(tuple([a[i : i + length] for a in flat]), decay, kept)

    def _piece(
        self, arrays: tuple[np.ndarray, ...], decay: float, kept: float
    ) -> tuple[np.ndarray, ...]:
        """Add a penalty's gradient to the second of the arrays, and two scratch arrays to all."""
        p = arrays[0]
        key = (p.shape, p.strides, p.dtype.char)
        scratch = self._scratch.get(key)
        if scratch is None:  # in the parameter's memory order: then all are walked in one run
            scratch = self._scratch[key] = self._new_scratch(p)
        one, two, three = scratch
        if kept != 1:
            p *= kept
        if decay:
            np.multiply(p, decay, out=three)
            g = np.add(three, arrays[1], out=three)
            return (p, g, *arrays[2:], one, two)
        return (*arrays, one, two)

    def _new_scratch(self, p: np.ndarray) -> tuple[np.ndarray, ...]:
        """Return scratch arrays like an array; all pieces of one dtype share them."""
        if p.ndim != 1 or p.size > BLOCK or not p.flags.c_contiguous:
            return tuple(np.empty_like(p) for _ in range(3))
        whole = self._scratch.get(p.dtype.char)
        if whole is None or whole[0].size < p.size:
            whole = self._scratch[p.dtype.char] = tuple(np.empty_like(p) for _ in range(3))
        return tuple(a[: p.size] for a in whole)

    @staticmethod
    def decay(group: Group) -> dict[str, Any]:
        """Return how :meth:`blocks` is to decay the weights: by a penalty, or by themselves."""
        decay = group["weight_decay"]
        if group["decoupled_weight_decay"]:
            return {"kept": 1 - float(group["lr"]) * decay}
        return {"decay": decay}

    @staticmethod
    def zeros(p: np.ndarray) -> Tensor:
        """Return zeros in a parameter's shape and memory order, for its state."""
        made = wrap(zeros := np.zeros_like(p))
        made._array = zeros  # of whatever class: a backend's array that stands for another too
        return made

    @staticmethod
    def count(state: State) -> float:
        """Count a step, and return its number: the first is 1."""
        step: np.ndarray = state["step"]._array
        step += 1
        return float(step)

    @staticmethod
    def follow(mean: np.ndarray, x: np.ndarray, weight: float, scratch: np.ndarray) -> None:
        r"""Move a running mean towards x: :math:`m \leftarrow m + w (x - m)`."""
        np.subtract(x, mean, out=scratch)
        scratch *= weight
        mean += scratch

    @staticmethod
    def follow_square(mean: np.ndarray, x: np.ndarray, beta: float, scratch: np.ndarray) -> None:
        r"""Move a running mean towards x²: :math:`v \leftarrow \beta v + (1-\beta) x^2`."""
        mean *= beta
        if x.dtype.char == "e":  # the square of 300 is infinite there, a thousandth of it isn't
            np.multiply(x, 1 - beta, out=scratch)
            scratch *= x
        else:
            np.multiply(x, x, out=scratch)
            scratch *= 1 - beta
        mean += scratch


def _explain(p: Any, state: dict[str, Any], error: Exception) -> NoReturn:
    """Say why a parameter could not be changed, if it can be told; else raise the error again."""
    shape = list(p._array.shape)
    if not p._array.flags.writeable:
        raise RuntimeError(
            f"a parameter of shape {shape} can't be written to: it was made from a read-only "
            f"array, or is expanded; make it of the tensor's clone()"
        ) from error
    for name, held in state.items():
        if isinstance(held, Tensor) and held._array.ndim and held.shape != p.shape:
            raise RuntimeError(
                f"the state '{name}' has shape {list(held.shape)}, but its parameter has "
                f"{shape}; was the state of another model loaded?"
            ) from error
    raise error


def options(given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings among a constructor's arguments, given its ``locals()``.

    Parameters
    ----------
    given
        The arguments by name.

    Returns
    -------
    The settings by name.

    Examples
    --------
    >>> from tinygrad_mnist.optim.array_optimizer import options
    >>> options({"self": None, "params": [], "lr": 0.1})
    {'lr': 0.1}
    """
    return {k: v for k, v in given.items() if k not in ("self", "params", "__class__")}


_NAMES = {"lr": "learning rate", "eps": "epsilon value"}
_NOT_NEGATIVE = (
    "lr", "eps", "weight_decay", "momentum", "alpha", "rho", "lr_decay", "momentum_decay",
    "initial_accumulator_value",
)  # fmt: skip


def check(settings: dict[str, Any]) -> None:
    """Raise for invalid settings of an optimizer.

    Parameters
    ----------
    settings
        Those of a group of parameters, by name, such as ``lr`` and ``betas``.

    Raises
    ------
    ValueError, TypeError, RuntimeError
        Naming the setting.
    NotImplementedError
        For ``differentiable=True``.

    Examples
    --------
    >>> from tinygrad_mnist.optim.array_optimizer import check
    >>> check({"lr": -0.1})
    Traceback (most recent call last):
    ValueError: Invalid learning rate: -0.1; it must not be negative
    """
    if isinstance(settings.get("lr"), Tensor) and settings["lr"].numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    for key in _NOT_NEGATIVE:
        value = settings.get(key, 0)
        if isinstance(value, str):
            raise TypeError(f"the text {value!r} is no number: convert {key} with float()")
        if not float(value) >= 0:
            what = _NAMES.get(key, f"{key} value")
            raise ValueError(f"Invalid {what}: {value}; it must not be negative")
    for i, beta in enumerate(settings.get("betas", ())):
        if not 0 <= float(beta) < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}; use 0 <= beta < 1")
    if settings.get("differentiable"):
        raise NotImplementedError(
            "differentiable=True can't be offered, because steps are computed in place, "
            "outside of the graph; to differentiate through an update, write it as operations: "
            "grads = autograd.grad(loss, weights, create_graph=True), then w - lr * g"
        )
    if settings.get("fused") and settings.get("foreach"):
        raise RuntimeError("`fused` and `foreach` cannot be `True` together; neither is needed")
