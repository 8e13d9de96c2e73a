"""Optimizer: parameters in groups, their settings and their state.

The base that outside code subclasses, as it would with PyTorch: call
``super().__init__(params, defaults)``, override :meth:`Optimizer.step`, and work on
``param_groups`` and ``state``. The optimizers of this package are formulas on arrays:
:class:`~tinygrad_mnist.optim.array_optimizer.ArrayOptimizer`.
"""

from __future__ import annotations

import copy
import functools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np

from tinygrad_mnist._runtime.naming import NamedInit, named, warn
from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.autograd.api import clear_gradients
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.hooks import RemovableHandle
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor

ParamsT: TypeAlias = Iterable[Tensor | dict[str, Any] | tuple[str, Tensor]]
"""The parameters of an optimizer: tensors, pairs of name and tensor, or dicts (groups)."""


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""A default that every group has to replace."""

SCALARS = {"step", "mu_product", "eta", "mu"}
"""State that is one number for a whole parameter, and keeps its own dtype."""


def scalar(value: float) -> Tensor:
    """Return a number as state: float32, unless the default dtype is float64."""
    wide = dtypes.default_float() == np.float64
    return wrap(np.asarray(value, np.float64 if wide else np.float32))


_global_pre_hooks: dict[int, Any] = {}
_global_post_hooks: dict[int, Any] = {}


def register_optimizer_step_pre_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of any optimizer.

    Follows ``torch.optim.optimizer.register_optimizer_step_pre_hook``; see
    :meth:`Optimizer.register_step_pre_hook`.

    Parameters
    ----------
    hook
        The function; what it returns, unless None, replaces args and kwargs.

    Returns
    -------
    A handle with ``remove()``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.optim import optimizer
    >>> handle = optimizer.register_optimizer_step_pre_hook(lambda *_: print("before a step"))
    >>> torch.optim.SGD([torch.ones(1, requires_grad=True)]).step()
    before a step
    >>> handle.remove()
    """
    return RemovableHandle(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable[..., Any]) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of any optimizer.

    Follows ``torch.optim.optimizer.register_optimizer_step_post_hook``.

    Parameters
    ----------
    hook
        The function.

    Returns
    -------
    A handle with ``remove()``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.optim import optimizer
    >>> handle = optimizer.register_optimizer_step_post_hook(lambda *_: print("after a step"))
    >>> torch.optim.SGD([torch.ones(1, requires_grad=True)]).step()
    after a step
    >>> handle.remove()
    """
    return RemovableHandle(_global_post_hooks, hook)


def _with_hooks(step: Callable[..., Any]) -> Callable[..., Any]:
    """Run an optimizer's hooks around a class's step, and note that it was called."""

    @functools.wraps(step)
    def run(self: Optimizer, *args: Any, **kwargs: Any) -> Any:
        if type(self).step is not run:
            return step(self, *args, **kwargs)  # reached by super(): the outer one runs the hooks
        if "_opt_called" in self.__dict__:
            self._opt_called = True
        everything: tuple[Any, ...] = (self, *args)
        for before in [*_global_pre_hooks.values(), *self._optimizer_step_pre_hooks.values()]:
            changed = before(self, everything, kwargs)
            if changed is None:
                continue
            if not (isinstance(changed, tuple) and len(changed) == 2):
                raise RuntimeError(
                    f"a step pre-hook must return None or a tuple (args, kwargs), got {changed!r}"
                )
            everything, kwargs = changed
        result = step(*everything, **kwargs)
        for after in [*self._optimizer_step_post_hooks.values(), *_global_post_hooks.values()]:
            after(self, everything, kwargs)
        return result

    run.runs_hooks = True  # type: ignore[attr-defined]  # a mark on the function
    return run


class Optimizer(NamedInit):
    """Base of all optimizers.

    Follows ``torch.optim.Optimizer``.

    Parameters
    ----------
    params
        Tensors, or pairs of name and tensor, or dictionaries: groups with settings of their own.
    defaults
        The settings of groups that don't give them.

    Raises
    ------
    ValueError, TypeError
        When there are no parameters, one is in two groups, or one is not a leaf tensor.

    Examples
    --------
    An optimizer from outside, written as for PyTorch:

    >>> from tinygrad_mnist import tensor, no_grad
    >>> from tinygrad_mnist.optim import Optimizer
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

    _opt_called: bool
    """Whether step was called; a learning-rate scheduler adds it, to see in which order."""

    # An optimizer's own take their places when there is a hook: so a subclass need not make them.
    _optimizer_step_pre_hooks: Mapping[int, Any] = MappingProxyType({})
    _optimizer_step_post_hooks: Mapping[int, Any] = MappingProxyType({})
    _optimizer_state_dict_pre_hooks: Mapping[int, Any] = MappingProxyType({})
    _optimizer_state_dict_post_hooks: Mapping[int, Any] = MappingProxyType({})
    _optimizer_load_state_dict_pre_hooks: Mapping[int, Any] = MappingProxyType({})
    _optimizer_load_state_dict_post_hooks: Mapping[int, Any] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Run the hooks around the subclass's own step."""
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            ours = cls.__module__.startswith("tinygrad_mnist.")
            # the class's own method, wrapped
            cls.step = _with_hooks(named(cls.step) if ours else cls.step)  # type: ignore[method-assign]

    def __init__(self, params: ParamsT, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                "but got a Tensor; put it into a list"
            )
        if not isinstance(params, Iterable):
            raise TypeError(
                f"params must be an iterable of Tensors or dicts, such as model.parameters(), not "
                f"{type(params).__name__}"
            )
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError(
                "optimizer got an empty parameter list; a module finds the layers in its "
                "attributes, in a ModuleList and a ModuleDict, but not in a list or dict"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        self.__setstate__(
            {"defaults": defaults, "state": defaultdict(dict), "param_groups": list[Any]()}
        )
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state of a copy or pickle, which has no hooks."""
        return {name: getattr(self, name) for name in ("defaults", "state", "param_groups")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over settings and state, when copied, unpickled, or loaded."""
        self.defaults: dict[str, Any]
        self.state: defaultdict[Any, Any]
        self.param_groups: list[dict[str, Any]]
        self.__dict__.update(state)

    @named
    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own; missing settings are the defaults.

        Parameters
        ----------
        param_group
            A dictionary with ``"params"`` and settings.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> a, b = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        >>> optimizer = torch.optim.SGD([a], lr=0.1)
        >>> optimizer.add_param_group({"params": [b], "lr": 0.01})
        >>> [group["lr"] for group in optimizer.param_groups]
        [0.1, 0.01]
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        if "params" not in param_group:
            raise KeyError("the group has no 'params'; give it a list of them")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError("optimizer parameters need to be ordered; use a list, not a set")
        if not isinstance(params, Iterable):
            raise TypeError(f"params must be tensors, but got {type(params).__name__}")
        given = [params] if isinstance(params, Tensor) else list(params)
        group = {**param_group, "params": [p[1] if isinstance(p, tuple) else p for p in given]}
        names = [p[0] for p in given if isinstance(p, tuple)]
        if names:
            if len(names) != len(given):
                raise ValueError("all optimizer params should be with/without names; some have one")
            group["param_names"] = names
        for p in group["params"]:
            if not isinstance(p, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is "
                    f"{type(p).__name__}"
                )
            if not (p.is_leaf or p.retains_grad or self.defaults.get("differentiable")):
                raise ValueError(
                    f"can't optimize a non-leaf Tensor, of shape {list(p.shape)}; give the "
                    f"parameters themselves, not what is computed from them"
                )
        for name, value in self.defaults.items():
            if value is required and name not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            group.setdefault(name, value)
        if len(set(group["params"])) != len(given):
            warn(
                "optimizer contains a parameter group with duplicate parameters; each is changed "
                "as often as it is listed"
            )
        for other in self.param_groups:
            if ("param_names" in other) != ("param_names" in group):
                raise ValueError("all optimizer param groups should be with/without names")
            if not set(group["params"]).isdisjoint(other["params"]):
                raise ValueError("some parameters appear in more than one parameter group")
        param_group.update(group)
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros.

        Parameters
        ----------
        set_to_none
            Whether to forget them, instead of filling them with zeros.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.ones(1, requires_grad=True)
        >>> w.sum().backward()
        >>> torch.optim.SGD([w]).zero_grad()
        >>> w.grad is None
        True
        """
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change every parameter that has a gradient, by one step.

        Parameters
        ----------
        closure
            A function that computes the loss and its gradients anew; its result is returned.
        """
        raise NotImplementedError(f"{type(self).__name__}: define step() in the subclass")

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step.

        ``args`` begins with the optimizer. The hook may return a pair that replaces args and
        kwargs. Returns a handle with ``remove()``.
        """
        return self._register("step_pre", hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step; return a handle to remove it."""
        return self._register("step_post", hook)

    def register_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` before :meth:`state_dict`; with prepend before other hooks."""
        return self._register("state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on what :meth:`state_dict` is about to return.

        What the hook returns, unless None, is returned in its place.
        """
        return self._register("state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` before a state is loaded.

        The hook gets a shallow copy of the state; what it returns, unless None, is loaded instead.
        """
        return self._register("load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state was loaded."""
        return self._register("load_state_dict_post", hook, prepend)

    def _register(self, kind: str, hook: Any, prepend: bool = False) -> RemovableHandle:
        hooks = self.__dict__.setdefault(f"_optimizer_{kind}_hooks", {})
        earlier = dict(hooks) if prepend else {}
        for key in earlier:
            del hooks[key]
        handle = RemovableHandle(hooks, hook)
        hooks.update(earlier)
        return handle

    def state_dict(self) -> dict[str, Any]:
        """Return the settings and the state, with parameters numbered in their order.

        The state's tensors are the optimizer's own.
        """
        for before in list(self._optimizer_state_dict_pre_hooks.values()):
            before(self)
        numbers: dict[Tensor, int] = {}
        groups, start = [], 0
        for group in self.param_groups:
            fresh = {p: i for i, p in enumerate(group["params"], start) if p not in numbers}
            numbers.update(fresh)
            start += len(group["params"])
            settings = {name: value for name, value in group.items() if name != "params"}
            groups.append({**settings, "params": [numbers[p] for p in group["params"]]})
        state = {
            numbers[key] if isinstance(key, Tensor) else key: values
            for key, values in self.state.items()
        }
        result = {"state": state, "param_groups": groups}
        for after in list(self._optimizer_state_dict_post_hooks.values()):
            changed = after(self, result)
            result = result if changed is None else changed
        return result

    @named
    @no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore settings, copied, and state; nothing is changed if they don't fit.

        State takes the dtype of its parameter, and shares its memory with what is given where it
        has that dtype, and lies in memory as the parameter does: ``copy.deepcopy`` the state of an
        optimizer that goes on.

        Raises
        ------
        ValueError
            When the groups or the numbers of parameters in them differ.
        """
        if not isinstance(state_dict, dict) or not {"state", "param_groups"} <= set(state_dict):
            raise (KeyError if isinstance(state_dict, dict) else TypeError)(
                "expects what state_dict() returned, a dict of 'state' and 'param_groups'"
            )
        state_dict = state_dict.copy()
        for before in list(self._optimizer_load_state_dict_pre_hooks.values()):
            changed = before(self, state_dict)
            state_dict = state_dict if changed is None else changed
        saved, held = state_dict["param_groups"], state_dict["state"]
        if not isinstance(held, dict) or not all(
            isinstance(group, dict) and isinstance(group.get("params"), list) for group in saved
        ):
            raise TypeError(
                "'state' must be a dict, and 'param_groups' a list of dicts with 'params'"
            )
        if len(self.param_groups) != len(saved):
            raise ValueError(
                f"loaded state dict has a different number of parameter groups: {len(saved)}, but "
                f"the optimizer has {len(self.param_groups)}"
            )
        by_number: dict[int, Tensor] = {}
        groups = []
        for i, (group, other) in enumerate(zip(self.param_groups, saved, strict=True)):
            params, numbers = group["params"], other["params"]
            if len(params) != len(numbers):
                raise ValueError(
                    f"loaded state dict contains a parameter group that doesn't match the size of "
                    f"optimizer's group: group {i} has {len(numbers)} parameters, but the "
                    f"optimizer's has {len(params)}"
                )
            by_number.update(zip(numbers, params, strict=True))
            names = {"param_names": group["param_names"]} if "param_names" in group else {}
            groups.append({**names, **copy.deepcopy(other), "params": params})
        state: defaultdict[Any, Any] = defaultdict(dict)
        for number, values in held.items():
            p = by_number.get(number)
            if p is None:
                state[number] = values
            else:
                state[p] = _restored(values, p)
        self.__setstate__({"state": state, "param_groups": groups})
        for after in list(self._optimizer_load_state_dict_post_hooks.values()):
            after(self)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {name}: {group[name]}" for name in sorted(group) if name != "params"]
            lines.append("")
        lines[-1] = ")"
        return "\n".join(lines)


def _restored(value: Any, p: Tensor, name: Any = None) -> Any:
    """Return a piece of a parameter's state in the parameter's dtype and memory order.

    What is so already is not copied, as in PyTorch.
    """
    if name == "step" and not isinstance(value, Tensor):
        return scalar(value)
    if isinstance(value, dict):
        return {name: _restored(item, p, name) for name, item in value.items()}
    if isinstance(value, list | tuple | set):
        return type(value)(_restored(item, p) for item in value)
    if not isinstance(value, Tensor) or name in SCALARS or p._array.dtype.kind != "f":
        return value
    like, array = p._array, value._array
    if array.dtype == like.dtype and (array.shape != like.shape or array.strides == like.strides):
        return value
    made = np.empty_like(like) if like.shape == array.shape else np.empty(array.shape, like.dtype)
    made[...] = array
    return wrap(made)
