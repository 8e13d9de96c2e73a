"""Optimizer: parameters in groups, their settings and their state.

The base owns the bookkeeping. An optimizer of this package adds a formula, as a method on
arrays: :meth:`Optimizer.update`. Code from outside may instead override :meth:`Optimizer.step`
and work on ``param_groups`` and ``state``, as it would with PyTorch.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import enable_grad, no_grad
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.tensor import Tensor

BLOCK = 16384
"""Elements that are updated together: few enough for all their arrays to stay in the cache."""

LONG_BLOCK = 131072
"""The same for formulas of one or two operations, where starting a block costs more."""


class Optimizer:
    """Base of all optimizers.

    Parameters
    ----------
    params
        Tensors, or pairs of name and tensor, or dictionaries: groups with settings of their own.
    defaults
        The settings of groups that don't give them.

    Raises
    ------
    ValueError, TypeError
        When there are no parameters, one is listed twice, or one is not a leaf tensor.

    Examples
    --------
    An optimizer from outside, written as for PyTorch:

    >>> from tinygrad_mnist import tensor, no_grad
    >>> class SignSGD(Optimizer):
    ...     def __init__(self, params, lr):
    ...         super().__init__(params, {"lr": lr})
    ...     @no_grad()
    ...     def step(self, closure=None):
    ...         for group in self.param_groups:
    ...             for p in group["params"]:
    ...                 p.add_(p.grad.sign(), alpha=-group["lr"])
    >>> w = tensor([3.0], requires_grad=True)
    >>> optimizer = SignSGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([2.5000], requires_grad=True)
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                "but got a Tensor; put it into a list"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        self._scratch: dict[Any, tuple[np.ndarray, np.ndarray]] = {}
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; missing settings are the defaults."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be ordered; use a list, not a set")
        listed = [params] if isinstance(params, Tensor) else list(params)
        listed = [p[1] if isinstance(p, tuple) else p for p in listed]
        for p in listed:
            if not isinstance(p, Tensor):
                raise TypeError(f"optimizer can only optimize Tensors, but got {type(p).__name__}")
            if not (p.is_leaf and p._array.dtype.kind == "f"):
                raise ValueError(
                    f"can't optimize a non-leaf or integer Tensor, of shape {list(p.shape)}; give "
                    f"the parameters themselves, not what is computed from them"
                )
        present = {p for group in self.param_groups for p in group["params"]}
        if len(set(listed)) != len(listed):
            raise ValueError("some parameters appear more than once in one parameter group")
        if present & set(listed):
            raise ValueError("some parameters appear in more than one parameter group")
        group = {**param_group, "params": listed}
        for name, value in self.defaults.items():
            group.setdefault(name, value)
        self.check(group)
        self.param_groups.append(group)

    def check(self, group: dict[str, Any]) -> None:
        """Refuse settings that make no sense; subclasses add theirs."""
        for name, what in (("lr", "learning rate"), ("weight_decay", "weight_decay value")):
            if name in group and not float(group[name]) >= 0:
                raise ValueError(f"Invalid {what}: {group[name]}; it must not be negative")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p._grad = None
                elif p._grad is not None:
                    p._grad = p._grad.detach()
                    p._grad.zero_()

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
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
        name = type(self).__name__
        with np.errstate(all="ignore"):
            for group in self.param_groups:
                for p in group["params"]:
                    gradient = p._grad
                    if gradient is None:
                        continue
                    g = gradient._array
                    if group.get("maximize"):
                        g = -g
                    self.update(p._array, g, self.state[p], group)
                    p._version.count += 1
                    p._version.changed_by = name
        return loss

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Change a parameter's array in place, given its gradient: the optimizer's formula."""
        raise NotImplementedError(
            f"{type(self).__name__}: define step(), or update() on arrays, in the subclass"
        )

    def blocks(self, *arrays: np.ndarray, length: int = BLOCK) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield cache-sized pieces of arrays of one shape, with two scratch arrays.

        Arrays that lie in memory without gaps and in one order are cut; others come whole. The
        scratch arrays are reused: what is in them lasts until the next piece.
        """
        first = arrays[0]
        if first.flags.c_contiguous:
            in_order = all(a.flags.c_contiguous for a in arrays)
        else:
            in_order = all(a.flags.f_contiguous for a in arrays)
            arrays = tuple(a.T for a in arrays)
        if first.size <= length or not in_order:
            yield (*arrays, *self._two(arrays[0].shape, first.dtype))
            return
        flat = [a.reshape(-1) for a in arrays]
        one, two = self._two((length,), first.dtype)
        for start in range(0, first.size, length):
            pieces = [a[start : start + length] for a in flat]
            size = pieces[0].size
            yield (*pieces, one[:size], two[:size])

    def _two(self, shape: tuple[int, ...], dtype: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return two scratch arrays of a shape."""
        found = self._scratch.get((shape, dtype))
        if found is None:
            found = self._scratch[shape, dtype] = (np.empty(shape, dtype), np.empty(shape, dtype))
        return found

    @staticmethod
    def zeros(p: np.ndarray) -> Tensor:
        """Return zeros in a parameter's shape and memory order, for its state."""
        return wrap(np.zeros_like(p))  # type: ignore[no-any-return]

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and the state, with parameters numbered in their order."""
        numbers = {p: i for i, p in enumerate(self._parameters())}
        groups = [
            {**{k: v for k, v in group.items() if k != "params"},
             "params": [numbers[p] for p in group["params"]]}
            for group in self.param_groups
        ]  # fmt: skip
        state = {numbers[p]: dict(values) for p, values in self.state.items() if p in numbers}
        return {"state": state, "param_groups": groups}

    def _parameters(self) -> Iterable[Tensor]:
        return [p for group in self.param_groups for p in group["params"]]

    @no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore settings and state, copied; nothing is changed if they don't fit.

        Raises
        ------
        ValueError
            When the groups or the numbers of parameters in them differ.
        """
        groups, saved = self.param_groups, state_dict["param_groups"]
        if len(groups) != len(saved):
            raise ValueError(
                f"load_state_dict: the loaded state has {len(saved)} parameter groups, but the "
                f"optimizer has {len(groups)}"
            )
        for i, (group, other) in enumerate(zip(groups, saved, strict=True)):
            if len(group["params"]) != len(other["params"]):
                raise ValueError(
                    f"load_state_dict: group {i} of the loaded state has {len(other['params'])} "
                    f"parameters, but the optimizer's has {len(group['params'])}"
                )
        numbers = [i for group in saved for i in group["params"]]
        by_number = dict(zip(numbers, self._parameters(), strict=True))
        state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        for number, values in state_dict["state"].items():
            p = by_number.get(int(number))
            if p is None:
                continue
            state[p] = {name: _restored(name, value, p) for name, value in values.items()}
        for group, other in zip(groups, saved, strict=True):
            for name, value in other.items():
                if name != "params":
                    group[name] = copy.deepcopy(value)
        self.state = state

    def __getstate__(self) -> dict[str, Any]:
        """Leave the scratch arrays out of a copy or pickle."""
        return {**self.__dict__, "_scratch": {}}

    def __repr__(self) -> str:
        """Print the settings of each group."""
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
            lines.append("")
        lines[-1] = ")"
        return "\n".join(lines)


def _restored(name: str, value: Any, p: Tensor) -> Any:
    """Copy one piece of state; what has the parameter's shape takes its dtype and order too."""
    if not isinstance(value, Tensor):
        return copy.deepcopy(value)
    if name == "step" or value._array.shape != p._array.shape:
        return value.detach().clone()
    array = np.empty_like(p._array)
    array[...] = value._array
    return wrap(array)
