"""Module: a part of a model, with its parameters, buffers and submodules by name."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

import numpy as np

from tinygrad_mnist.autograd.function import Function
from tinygrad_mnist.autograd.graph import Variable
from tinygrad_mnist.autograd.hooks import RemovableHandle
from tinygrad_mnist.nn.parameter import Buffer, Parameter, check_tensor
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import check_device


class IncompatibleKeys(NamedTuple):
    """What :meth:`Module.load_state_dict` did not find, and what it did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        """Say so where all keys matched."""
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"{type(self).__name__}{tuple(self)!r}"


class Module:
    """Base of all models: define ``__init__`` and ``forward``.

    Parameters, buffers and modules assigned to attributes are registered in order. Follows
    ``torch.nn.Module``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> net = Net()
    >>> net
    Net(
      (fc): Linear(in_features=4, out_features=2, bias=True)
    )
    >>> net(ones(3, 4)).shape, [name for name, _ in net.named_parameters()]
    (torch.Size([3, 2]), ['fc.weight', 'fc.bias'])
    """

    training: bool
    forward: Callable[..., Any]
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]
    _transient: set[str]
    _hooked = False
    """Whether any hook was registered: a call without hooks goes straight to forward."""

    def __init__(self) -> None:
        own = self.__dict__
        own["training"] = True
        own["_parameters"] = {}
        own["_buffers"] = {}
        own["_modules"] = {}
        own["_transient"] = set()
        own["_pre_hooks"] = {}
        own["_post_hooks"] = {}
        own["_backward_hooks"] = {}

    # Calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run :meth:`forward`, and the hooks around it."""
        if self._hooked:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        own = self.__dict__
        for hook, with_kwargs in list(own["_pre_hooks"].values()):
            if with_kwargs:
                returned = hook(self, args, kwargs)
                if returned is not None:
                    args, kwargs = returned
                continue
            returned = hook(self, args)
            if returned is not None:
                args = returned if isinstance(returned, tuple) else (returned,)
        backward_hooks = list(own["_backward_hooks"].values())
        received: list[Any] = []
        if backward_hooks:
            args = _watch_inputs(self, args, backward_hooks, received)
        waiting = list(own["_post_hooks"].values())
        try:
            out = self.forward(*args, **kwargs)
            while waiting:
                hook, with_kwargs, _ = waiting.pop(0)
                returned = hook(self, args, kwargs, out) if with_kwargs else hook(self, args, out)
                if returned is not None:
                    out = returned
        except Exception:
            for hook, with_kwargs, always in waiting:
                if always:
                    hook(self, args, kwargs, None) if with_kwargs else hook(self, args, None)
            raise
        if backward_hooks:
            _watch_outputs(out, received)
        return out

    def __forward_missing(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    forward = __forward_missing

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        """Register parameters, buffers and modules; anything else is an ordinary attribute."""
        own = self.__dict__
        registered = isinstance(value, Parameter | Module | Buffer)
        if not registered and name not in own.get("_parameters", ()):
            if name in own.get("_buffers", ()):
                check_tensor(name, value)
                own["_buffers"][name] = value
            elif name in own.get("_modules", ()):
                if value is not None:
                    raise TypeError(
                        f"cannot assign '{type(value).__name__}' as child module '{name}': a "
                        f"Module or None is required"
                    )
                own["_modules"][name] = None
            else:
                object.__setattr__(self, name, value)
            return
        if "_parameters" not in own:
            raise AttributeError(
                f"cannot assign '{name}' before Module.__init__() call: call super().__init__() "
                f"first"
            )
        if isinstance(value, Module):
            self._forget(name, "_modules")
            self._modules[name] = value
        elif isinstance(value, Buffer):
            self.register_buffer(name, value, value.persistent)
        elif isinstance(value, Parameter):
            self._forget(name, "_parameters")
            self._parameters[name] = value
        elif value is None:
            self._parameters[name] = None
        else:
            raise TypeError(
                f"cannot assign '{type(value).__name__}' object to parameter '{name}': a Parameter "
                f"or None is required"
            )

    def _forget(self, name: str, kept: str) -> None:
        """Remove a name from all registers but one, so that it stands for one thing."""
        own = self.__dict__
        own.pop(name, None)
        for register in ("_parameters", "_buffers", "_modules"):
            if register != kept:
                own[register].pop(name, None)
        own["_transient"].discard(name)

    def __getattr__(self, name: str) -> Any:
        """Find what was registered; a typo is an AttributeError."""
        own = self.__dict__
        for register in ("_parameters", "_buffers", "_modules"):
            found = own.get(register)
            if found is not None and name in found:
                return found[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        """Unregister, or delete an ordinary attribute."""
        for register in (self._parameters, self._buffers, self._modules):
            if name in register:
                del register[name]
                self._transient.discard(name)
                return
        object.__delattr__(self, name)

    def __dir__(self) -> list[str]:
        """List the registered names too."""
        own = self.__dict__
        return [*super().__dir__(), *own["_parameters"], *own["_buffers"], *own["_modules"]]

    def _check_name(self, kind: str, name: str) -> None:
        if "_parameters" not in self.__dict__:
            raise AttributeError(f"cannot assign {kind} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string; got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f'{kind} name can\'t contain "." or be empty; got {name!r}')
        if hasattr(self, name) and name not in getattr(self, f"_{kind}s"):
            raise KeyError(f"attribute '{name}' already exists")

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Register a parameter, or None for one that is switched off."""
        self._check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}': wrap it in "
                f"nn.Parameter"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is part of the state but not learned."""
        self._check_name("buffer", name)
        check_tensor(name, tensor)
        self._buffers[name] = tensor
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a submodule under a name."""
        self._check_name("module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self._modules[name] = module

    register_module = add_module

    # Walking

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the direct submodules with their names, each once."""
        seen: set[Module] = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the direct submodules."""
        for _, module in self.named_children():
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield this module and all below it with their dotted names, each once."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                inner = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, inner, remove_duplicate)

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yield this module and all below it, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def _named(
        self, register: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[Any] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in getattr(module, register).items():
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield parameters with their dotted names; one that is shared comes once."""
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield parameters; one that is shared comes once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield buffers with their dotted names."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def get_submodule(self, target: str) -> Module:
        """Return the submodule of a dotted name; the module itself for an empty one."""
        module: Any = self
        for name in target.split(".") if target else ():
            found = module._modules.get(name)
            if found is None:
                raise AttributeError(f"{type(module).__name__} has no submodule '{name}'")
            module = found
        return module  # type: ignore[no-any-return]

    def _get_registered(self, register: str, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in getattr(module, register):
            raise AttributeError(f"{type(module).__name__} has no {kind} '{name}'")
        return getattr(module, register)[name]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a dotted name."""
        return self._get_registered("_parameters", "parameter", target)  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of a dotted name."""
        return self._get_registered("_buffers", "buffer", target)  # type: ignore[no-any-return]

    # Changing all at once

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call a function on every submodule, then on this module."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, or to evaluation."""
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say for all parameters whether gradients are to be computed."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros."""
        for parameter in self.parameters():
            if set_to_none:
                parameter._grad = None
            elif parameter._grad is not None:
                parameter._grad = parameter._grad.detach()
                parameter._grad.zero_()

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Convert the floating-point parameters and buffers to a dtype, in place."""
        check_device(kwargs.pop("device", None))
        target = kwargs.pop("dtype", None)
        for arg in args:
            if isinstance(arg, Tensor):
                target = arg.dtype
            elif isinstance(arg, dtypes.dtype | np.dtype):
                target = arg
            elif not isinstance(arg, bool):
                check_device(arg)
        if target is None:
            return self
        kind = dtypes.as_numpy(target)
        if kind.kind != "f":
            raise TypeError(
                f"Module.to only accepts floating point dtypes, but got desired dtype={target}"
            )
        for tensor in itertools.chain(self.parameters(), self.buffers()):
            for held in (tensor, tensor._grad):
                if held is not None and held._array.dtype.kind == "f":
                    held._array = held._array.astype(kind, copy=False)
                    held._version.bump("to")
        return self

    def float(self) -> Self:
        """Convert the floating-point parameters and buffers to float32."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Convert the floating-point parameters and buffers to float64."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Convert the floating-point parameters and buffers to float16."""
        return self.to(dtypes.float16)

    def cpu(self) -> Self:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise: there is no GPU here."""
        check_device("cuda")
        return self

    def share_memory(self) -> Self:
        """Return the module: threads of one process share memory anyway."""
        return self

    # State

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Tensor]:
        """Return parameters and persistent buffers by their dotted names.

        The tensors share memory with the module's.
        """
        state: dict[str, Tensor] = {} if destination is None else destination
        for name, value in self._own_state().items():
            state[prefix + name] = value if keep_vars else value.detach()
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        return state

    def _own_state(self) -> dict[str, Tensor]:
        buffers = {k: v for k, v in self._buffers.items() if k not in self._transient}
        both = {**self._parameters, **buffers}
        return {name: value for name, value in both.items() if value is not None}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values of a state into parameters and buffers of the same names.

        Raises
        ------
        RuntimeError
            Listing every missing, unexpected and misshapen key at once; nothing is changed then.
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"expected state_dict to be dict-like, got {type(state_dict).__name__}")
        own = self.state_dict(keep_vars=True)
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        problems = []
        if strict and unexpected:
            names = ", ".join(f'"{name}"' for name in unexpected)
            problems.append(f"Unexpected key(s) in state_dict: {names}.")
        if strict and missing:
            names = ", ".join(f'"{name}"' for name in missing)
            problems.append(f"Missing key(s) in state_dict: {names}.")
        for name, target in own.items():
            if name not in state_dict:
                continue
            value = state_dict[name]
            if not isinstance(value, Variable):
                problems.append(
                    f'"{name}" is a {type(value).__name__} in the state_dict, not a Tensor.'
                )
            elif value.shape != target.shape:
                problems.append(
                    f"size mismatch for {name}: copying a param with shape {value.shape} from "
                    f"checkpoint, the shape in current model is {target.shape}."
                )
        if problems:
            lines = "\n\t".join(problems)
            raise RuntimeError(
                f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}"
            )
        for name, target in own.items():
            if name in state_dict:
                if assign:
                    target._array = state_dict[name]._array
                else:
                    target._array[...] = state_dict[name]._array
                target._version.bump("load_state_dict")
        return IncompatibleKeys(missing, unexpected)

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or copied module."""
        self.__dict__.update(state)

    # Hooks

    def _register(self, register: str, entry: Any, prepend: bool) -> RemovableHandle:
        self.__dict__["_hooked"] = True
        hooks = self.__dict__[register]
        earlier = dict(hooks) if prepend else {}
        for key in earlier:
            del hooks[key]
        handle = RemovableHandle(hooks, entry)
        hooks.update(earlier)
        return handle

    def register_forward_pre_hook(
        self, hook: Callable[..., Any], *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, args)`` before forward; what it returns replaces the arguments.

        With prepend it is called before the hooks that are there; with_kwargs hands it the keyword
        arguments too, as a dict.
        """
        return self._register("_pre_hooks", (hook, with_kwargs), prepend)

    def register_forward_hook(
        self,
        hook: Callable[..., Any],
        *,
        prepend: bool = False,
        with_kwargs: bool = False,
        always_call: bool = False,
    ) -> RemovableHandle:
        """Call ``hook(module, args, output)`` after forward; what it returns replaces output.

        With always_call it is called, with None as output, even when forward raises an error.
        """
        return self._register("_post_hooks", (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the module's gradients are known.

        What it returns replaces the gradients of the inputs.
        """
        return self._register("_backward_hooks", hook, prepend)

    # Printing

    def extra_repr(self) -> str:
        """Return what is printed between the parentheses; subclasses say their settings."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        """Print as PyTorch prints."""
        extra = self.extra_repr()
        lines = extra.split("\n") if extra else []
        children = [
            f"({name}): " + repr(module).replace("\n", "\n  ")
            for name, module in self._modules.items()
        ]
        head = f"{self._get_name()}("
        if not children and len(lines) <= 1:
            return head + extra + ")"
        return head + "\n  " + "\n  ".join(lines + children) + "\n)"


class _Watch(Function):
    """The identity on a module's inputs; its backward has the gradients that hooks are told."""

    @staticmethod
    def forward(ctx: Any, call: Any, *inputs: Any) -> Any:
        """Hand the inputs through."""
        ctx.call = call
        return tuple(x.detach() for x in inputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Call the hooks; what one returns replaces the gradients."""
        return (None, *ctx.call(gradients))


def _watch_inputs(
    module: Module, args: tuple[Any, ...], hooks: list[Any], received: list[Any]
) -> tuple[Any, ...]:
    """Put an identity in front of the module, whose backward calls the module's hooks."""
    positions = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if not positions:
        # No gradient goes on to the inputs, so the hooks are called when the outputs' is known.
        received.append(lambda: _run_hooks(module, (None,) * len(args), hooks, received[1:]))
        return args

    def call(gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        full: list[Any] = [None] * len(args)
        for i, g in zip(positions, gradients, strict=True):
            full[i] = g
        full = list(_run_hooks(module, tuple(full), hooks, received[1:]))
        return tuple(full[i] for i in positions)

    received.append(None)
    watched = iter(_Watch.apply(call, *[args[i] for i in positions]))
    return tuple(next(watched) if i in positions else x for i, x in enumerate(args))


def _run_hooks(
    module: Module, grad_input: tuple[Any, ...], hooks: list[Any], grad_output: list[Any]
) -> tuple[Any, ...]:
    for hook in hooks:
        returned = hook(module, grad_input, tuple(grad_output))
        if returned is not None:
            grad_input = returned if isinstance(returned, tuple) else (returned,)
    return grad_input


def _watch_outputs(out: Any, received: list[Any]) -> None:
    """Note the gradients of a module's outputs as they become known."""
    for x in out if isinstance(out, tuple) else (out,):
        if isinstance(x, Tensor) and x.requires_grad:
            position = len(received)
            received.append(None)

            def note(g: Tensor, position: int = position) -> None:
                received[position] = g
                if received[0] is not None and all(r is not None for r in received[1:]):
                    received[0]()

            x.register_hook(note)
