"""Module: a part of a model, with its parameters, buffers and submodules by name."""

from __future__ import annotations

import builtins
import inspect
import itertools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn, ParamSpec, Protocol, Self, TypeVar

import numpy as np

from tinygrad_mnist._runtime.naming import NamedInit, complain_unnamed
from tinygrad_mnist.autograd.api import clear_gradients
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.hooks import RemovableHandle
from tinygrad_mnist.compat.unsupported import explain, lookup
from tinygrad_mnist.nn import state
from tinygrad_mnist.nn.hooks import BackwardHooks
from tinygrad_mnist.nn.parameter import Buffer, Parameter, check_tensor
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import DeviceLike, check_device

_REGISTERS = (
    "_parameters", "_buffers", "_modules", "_pre_hooks", "_post_hooks", "_backward_hooks",
    "_backward_pre_hooks", "_state_pre_hooks", "_state_hooks", "_load_pre_hooks", "_load_hooks",
)  # fmt: skip

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

if TYPE_CHECKING:

    class _Forward(Protocol[P, R_co]):
        """A module, to type checkers: a call takes and returns what its forward does."""

        _hooked: bool

        @property
        def forward(self) -> Callable[P, R_co]: ...
        def _call_as_it_is(self, *args: Any, **kwargs: Any) -> Any: ...


def refuse_module(given: Any) -> NoReturn:
    """Raise for something that was given in place of a module."""
    if isinstance(given, type):
        name = given.__name__
        raise TypeError(f"expected a module, got the class {name}; make one, as in {name}(...)")
    unpack = "; unpack it, as in Sequential(*layers)" if isinstance(given, list | tuple) else ""
    raise TypeError(f"{type(given).__name__} is not a Module subclass{unpack}")


class Module(NamedInit):
    """Base of all models: define ``__init__`` and ``forward``.

    Parameters, buffers and modules assigned to attributes are registered in order, so that
    :meth:`parameters`, :meth:`state_dict` and :meth:`train` find them. Shapes are those of
    ``forward``, which a call runs. Follows ``torch.nn.Module``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
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
    >>> net(torch.ones(3, 4)).shape, [name for name, _ in net.named_parameters()]
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
        own["training"], own["_transient"] = True, set()
        for register in _REGISTERS:
            own[register] = {}

    # Calling

    def __call__(self: _Forward[P, R_co], *args: P.args, **kwargs: P.kwargs) -> R_co:
        """Run :meth:`forward`, and the hooks around it."""
        if self._hooked:
            compiled = self.__dict__.get("_compiled_call") or self._call_as_it_is
            out: R_co = compiled(*args, **kwargs)
            return out
        try:
            return self.forward(*args, **kwargs)
        except Exception as error:
            if type(self) is not Module and type(self).__module__.startswith("tinygrad_mnist."):
                complain_unnamed(type(self).__name__, error, self.forward, args, kwargs)
            raise

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Make a program of the module's calls, in place. Follows ``torch.nn.Module.compile``.

        Parameters
        ----------
        args, kwargs
            What :func:`~tinygrad_mnist.compiler.compile` takes besides the module.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> layer.compile(fullgraph=True)
        >>> layer(torch.ones(3, 2)).shape
        torch.Size([3, 1])
        """
        compiler = lookup("", "compiler")
        self.__dict__["_compiled_call"] = compiler._compile_in_place(self, *args, **kwargs)
        self.__dict__["_hooked"] = True

    def _call_as_it_is(self, *args: Any, **kwargs: Any) -> Any:
        return self._call_with_hooks(args, kwargs)

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
        before, after = own["_backward_pre_hooks"].values(), own["_backward_hooks"].values()
        watch = BackwardHooks(self, before, after) if before or after else None
        if watch is not None:
            args = watch.watch_inputs(args)
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
        return out if watch is None else watch.watch_outputs(out)

    def _forward_unimplemented(self, *args: Any, **kwargs: Any) -> Any:
        """Compute what a call of the module returns."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    forward = _forward_unimplemented

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
            self.register_parameter(name, value)
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
        kind = type(self).__name__
        raise AttributeError(f"{kind!r} object has no attribute {name!r}{explain('Module', name)}")

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
        registered = [*own["_parameters"], *own["_buffers"], *own["_modules"]]
        return [*super().__dir__(), *(name for name in registered if not name[:1].isdigit())]

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
        """Register a parameter, or None for one that is switched off.

        Parameters
        ----------
        name
            The attribute's name, without a dot.
        param
            The parameter, of any shape.
        """
        self._check_name("parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"cannot assign '{type(param).__name__}' object to parameter '{name}': wrap it in "
                f"nn.Parameter"
            )
        self._parameters[name] = param

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Register a tensor that is part of the state but not learned.

        Parameters
        ----------
        name
            The attribute's name, without a dot.
        tensor
            The tensor, of any shape, or None.
        persistent
            Whether it is part of the ``state_dict``.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> from tinygrad_mnist import nn
        >>> module = nn.Module()
        >>> module.register_buffer("mean", torch.zeros(2))
        >>> module.mean, list(module.parameters()), list(module.state_dict())
        (tensor([0., 0.]), [], ['mean'])
        """
        self._check_name("buffer", name)
        check_tensor(name, tensor)
        self._buffers[name] = tensor
        (self._transient.discard if persistent else self._transient.add)(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Register a submodule under a name."""
        self._check_name("module", name)
        if module is not None and not isinstance(module, Module):
            refuse_module(module)
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
        """Yield this module and all below it with their dotted names, each once.

        Parameters
        ----------
        memo
            Modules that are left out.
        prefix
            What comes before each name.
        remove_duplicate
            Whether one that is there twice comes once.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
        >>> [name for name, _ in net.named_modules()]
        ['', '0', '1', '1.0']
        """
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
        """Yield parameters with their dotted names; one that is shared comes once.

        Parameters
        ----------
        prefix
            What comes before each name.
        recurse
            Whether those of submodules come too.
        remove_duplicate
            Whether one that is shared comes once.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
        >>> {name: tuple(p.shape) for name, p in net.named_parameters()}
        {'0.weight': (3, 4), '0.bias': (3,), '2.weight': (2, 3), '2.bias': (2,)}
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield parameters; one that is shared comes once.

        Parameters
        ----------
        recurse
            Whether those of submodules come too.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> sum(p.numel() for p in nn.Linear(4, 3).parameters())
        15
        """
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
        """Return the submodule of a dotted name; the module itself for an empty one.

        Parameters
        ----------
        target
            The name, with dots.

        Raises
        ------
        AttributeError
            When there is none.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> nn.Sequential(nn.Sequential(nn.ReLU())).get_submodule("0.0")
        ReLU()
        """
        module: Module = self
        for name in target.split(".") if target else ():
            found = module._modules.get(name)
            if found is None:
                raise AttributeError(f"{type(module).__name__} has no submodule '{name}'")
            module = found
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place of a dotted name; with strict there must be one already."""
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if not name or (strict and name not in parent._modules):
            raise AttributeError(f"{type(parent).__name__} has no submodule '{name}'")
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule: a {type(module).__name__} is not a Module")
        parent._modules[name] = module

    def _get_registered(self, register: str, kind: str, target: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if name not in getattr(module, register):
            raise AttributeError(f"{type(module).__name__} has no {kind} '{name}'")
        return getattr(module, register)[name]

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a dotted name."""
        found: Parameter = self._get_registered("_parameters", "parameter", target)
        return found

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of a dotted name."""
        found: Tensor = self._get_registered("_buffers", "buffer", target)
        return found

    # Changing all at once

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call a function on every submodule, then on this module.

        Parameters
        ----------
        fn
            A function of a module.

        Returns
        -------
        The module.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> def zero(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.zeros_(module.weight)
        >>> nn.Sequential(nn.Linear(2, 1)).apply(zero)[0].weight.sum().item()
        0.0
        """
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch this module and all below it to training, or to evaluation.

        Parameters
        ----------
        mode
            True for training, False for evaluation.

        Returns
        -------
        The module.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> from tinygrad_mnist import nn
        >>> net = nn.Sequential(nn.Dropout(0.5)).train(False)  # or eval()
        >>> net.training, net(torch.ones(2))
        (False, tensor([1., 1.]))
        """
        if not isinstance(mode, bool):
            raise ValueError("training mode is expected to be boolean")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Switch this module and all below it to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Say for all parameters whether gradients are to be computed.

        Parameters
        ----------
        requires_grad
            Whether gradients are computed.

        Returns
        -------
        The module.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> nn.Linear(2, 1).requires_grad_(False).weight.requires_grad
        False
        """
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or fill them with zeros.

        Parameters
        ----------
        set_to_none
            Whether to forget them, instead of filling them with zeros.
        """
        clear_gradients(self.parameters(), set_to_none)

    def to(
        self,
        *args: DTypeLike | DeviceLike | Tensor | bool | None,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
        non_blocking: bool = False,
        memory_format: object = None,
    ) -> Self:
        """Convert the floating-point parameters and buffers to a dtype, in place.

        Parameters
        ----------
        args
            A dtype, a device (the CPU), or a tensor that has them.
        device, dtype
            The same by name.
        non_blocking, memory_format
            Without effect.

        Returns
        -------
        The module.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.nn.Linear(2, 1).to(torch.float64).weight.dtype
        torch.float64
        """
        check_device(device)
        for arg in args:
            if isinstance(arg, Tensor):
                dtype = arg.dtype
            elif isinstance(arg, dtypes.dtype | np.dtype | builtins.type):
                dtype = arg
            elif not isinstance(arg, bool):
                check_device(arg)
        if dtype is None:
            return self
        kind = dtypes.as_numpy(dtype)
        if kind.kind != "f":
            raise TypeError(
                f"Module.to only accepts floating point dtypes, but got desired dtype={dtype}"
            )
        for tensor in itertools.chain(self.parameters(), self.buffers()):
            for held in (tensor, tensor._grad):
                if held is not None and held._array.dtype.kind == "f" and held._array.dtype != kind:
                    held._version.bump("to")  # what has saved it can't be differentiated any more
                    held.data = wrap(held._array.astype(kind))
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

    def bfloat16(self) -> Self:
        """Raise: NumPy has no bfloat16; float32 is as exact or more."""
        return self.to(dtypes.bfloat16)

    def type(self, dst_type: DTypeLike) -> Self:
        """Convert the floating-point parameters and buffers to a dtype."""
        return self.to(dtypes.as_numpy(dst_type))

    def cpu(self) -> Self:
        """Return the module: it is on the CPU."""
        return self

    def cuda(self, device: DeviceLike | int | None = None) -> Self:
        """Raise: there is no GPU here."""
        check_device("cuda")
        return self

    def share_memory(self) -> Self:
        """Raise: other processes get copies of the parameters; threads share them anyway."""
        raise NotImplementedError(
            "share_memory: a module that is sent to another process is copied; train in threads, "
            "or keep the parameters in multiprocessing.shared_memory"
        )

    # State

    _version = 1
    """The version of the state's layout, which goes into its metadata."""

    def _upgrade_state(self, values: dict[str, Any], prefix: str, version: int | None) -> None:
        """Add to a state, before it is loaded, what its version of the layout didn't have."""

    def state_dict(
        self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> dict[str, Any]:
        """Return parameters and persistent buffers by their dotted names.

        The tensors share memory with the module's. What :meth:`get_extra_state` returns, where a
        module defines it, comes under the name ``_extra_state``.

        Parameters
        ----------
        destination
            A dictionary to add to.
        prefix
            What comes before each name.
        keep_vars
            Whether parameters come as such, instead of as tensors without a graph.

        Returns
        -------
        An ordered dictionary of tensors.

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> net = nn.Sequential(nn.Linear(2, 1))
        >>> {name: tuple(x.shape) for name, x in net.state_dict().items()}
        {'0.weight': (1, 2), '0.bias': (1,)}
        """
        return state.collect(self, destination, prefix, keep_vars)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> state.IncompatibleKeys:
        """Copy the values of a state into parameters and buffers of the same names.

        Parameters
        ----------
        state_dict
            Tensors by name, of the shapes of the module's.
        strict
            Whether missing and unexpected names are an error.
        assign
            Whether the tensors themselves take the place of the module's; so do it before an
            optimizer is made.

        Returns
        -------
        The ``missing_keys`` and the ``unexpected_keys``.

        Raises
        ------
        RuntimeError
            Listing every missing, unexpected and misshapen key at once; nothing is changed then.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> layer.load_state_dict({"weight": torch.ones(1, 2), "bias": torch.zeros(1)})
        <All keys matched successfully>
        >>> layer(torch.ones(3, 2)).tolist()
        [[2.0], [2.0], [2.0]]
        """
        return state.load(self, state_dict, strict, assign)

    def get_extra_state(self) -> Any:
        """Return what else belongs to the state; a module that has such defines it."""
        raise RuntimeError(
            "get_extra_state: define it to put more than parameters and buffers into state_dict()"
        )

    def set_extra_state(self, state: Any) -> None:
        """Take what :meth:`get_extra_state` has returned out of a loaded state."""
        raise RuntimeError(
            "set_extra_state: define it to load what get_extra_state() has put into the state"
        )

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, prefix, keep_vars)`` before the module's state is collected."""
        return RemovableHandle(self.__dict__["_state_pre_hooks"], hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, state_dict, prefix, local_metadata)`` after it was collected."""
        return RemovableHandle(self.__dict__["_state_hooks"], hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook on a state, which it may change, before it is loaded.

        Its arguments are ``(module, state_dict, prefix, local_metadata, strict, missing_keys,
        unexpected_keys, error_msgs)``.
        """
        return RemovableHandle(self.__dict__["_load_pre_hooks"], hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call ``hook(module, incompatible_keys)`` after a state was loaded.

        It may take keys out of the lists, which then are no error.
        """
        return RemovableHandle(self.__dict__["_load_hooks"], hook)

    def __setstate__(self, state: dict[str, Any]) -> None:
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

        Parameters
        ----------
        hook
            The function.
        prepend
            Whether it is called before the hooks that are there.
        with_kwargs
            Whether it is called as ``hook(module, args, kwargs)``.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.
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

        Parameters
        ----------
        hook
            The function.
        prepend
            Whether it is called before the hooks that are there.
        with_kwargs
            Whether it is called as ``hook(module, args, kwargs, output)``.
        always_call
            Whether it is called, with None as output, even when forward raises an error.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> from tinygrad_mnist import nn
        >>> layer = nn.Linear(4, 2)
        >>> handle = layer.register_forward_hook(lambda module, args, out: print(tuple(out.shape)))
        >>> out = layer(torch.ones(3, 4))
        (3, 2)
        >>> handle.remove()
        """
        return self._register("_post_hooks", (hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_input, grad_output)`` when the module's gradients are known.

        What it returns replaces the gradients of the inputs.

        Parameters
        ----------
        hook
            The function.
        prepend
            Whether it is called before the hooks that are there.

        Returns
        -------
        A handle, whose ``remove()`` takes the hook away.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> layer = torch.nn.Linear(2, 1)
        >>> handle = layer.register_full_backward_hook(lambda module, into, out: print(out[0]))
        >>> layer(torch.ones(1, 2)).sum().backward()
        tensor([[1.]])
        """
        return self._register("_backward_hooks", hook, prepend)

    register_backward_hook = register_full_backward_hook

    def register_full_backward_pre_hook(
        self, hook: Callable[..., Any], prepend: bool = False
    ) -> RemovableHandle:
        """Call ``hook(module, grad_output)`` before the module's gradients are computed.

        What it returns replaces the gradients of the outputs.
        """
        return self._register("_backward_pre_hooks", hook, prepend)

    # Printing

    _shown = ""
    """The settings that are printed, such as ``"dim= inplace?"``.

    ``name=`` is printed with its name, ``name`` without it, ``name=!r`` in quotes if it is a word,
    and ``name?`` as ``name=``, but only where it isn't the constructor's default. A parameter is
    printed as True or False: whether there is one.
    """

    def extra_repr(self) -> str:
        """Return what is printed between the parentheses; subclasses say their settings."""
        return ", ".join(filter(None, map(self._setting, self._shown.split())))

    def _setting(self, shown: str) -> str:
        name, quoted = shown.removesuffix("!r").rstrip("=?"), shown.endswith("!r")
        value = getattr(self, name)
        if isinstance(value, Tensor) or name in self._parameters:
            value = value is not None
        if shown.endswith("?"):
            owner = next(kind for kind in type(self).__mro__ if "_shown" in vars(kind))
            default = inspect.signature(owner).parameters[name].default
            value = bool(value) if name == "inplace" else value  # as PyTorch has it
            usual = (default, (default,) * getattr(self, "dims", 0))
            if value is default if isinstance(default, bool) else value in usual:
                return ""
        text = f"{value!r}" if quoted else f"{value}"
        return text if shown == name else f"{name}={text}"

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
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

    def _repr_html_(self) -> str:
        """Show the module in a notebook."""
        from tinygrad_mnist.nn import notebook

        return notebook.shown(self)
