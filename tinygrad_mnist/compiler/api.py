"""``compile``, and PyTorch's names around it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Literal, ParamSpec, Protocol, Self, TypeVar, overload

from tinygrad_mnist._runtime.naming import named, warn
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.compiler import compiled as _compiled
from tinygrad_mnist.compiler.backends import FOR_XLA, NUMPY, PLATFORMS, Backend
from tinygrad_mnist.compiler.compiled import LIMIT, Compiled, Settings
from tinygrad_mnist.compiler.module import OptimizedModule, compiled_call
from tinygrad_mnist.compiler.passes import SWITCHES
from tinygrad_mnist.nn.module import Module

P = ParamSpec("P")
R = TypeVar("R")
M = TypeVar("M", bound=Module)
F = TypeVar("F", bound=Callable[..., Any])

BACKENDS: dict[str, frozenset[str]] = {
    "numpy": frozenset(), "eager": SWITCHES, "xla": FOR_XLA, "auto": frozenset()
}  # fmt: skip
"""What runs programs, and the passes that it leaves out: ``"eager"`` makes just the calls that were
recorded."""

PYTORCHS = {
    **dict.fromkeys(("inductor", "cudagraphs", "onnxrt", "tvm", "ipex"), "numpy"),
    "openxla": "xla",
    **dict.fromkeys(
        ("aot_eager", "aot_eager_decomp_partition", "aot_ts", "eager_noexcept",
         "pre_dispatch_eager"), "eager"),
}  # fmt: skip
"""PyTorch's own, and which of ours runs programs in their place."""

PYTORCHS_OPTIONS = frozenset({
    "epilogue_fusion", "fallback_random", "guard_filter_fn", "max_autotune", "shape_padding"
})  # fmt: skip
"""What PyTorch's may be told that is without effect here; so are all names with a dot."""

AUTOTUNED = ("max-autotune", "max-autotune-no-cudagraphs")
"""Modes in which speed may cost memory."""

MODES = ("default", "reduce-overhead", *AUTOTUNED, "lite")


class _Decorator(Protocol):
    @overload
    def __call__(self, model: M, /) -> M: ...  # type: ignore[overload-overlap]  # a module first
    @overload
    def __call__(self, model: Callable[P, R], /) -> Compiled[P, R]: ...


@overload
def compile(  # type: ignore[overload-overlap]  # a module comes first
    model: M,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
    device: str | None = None,
    devices: Any = None,
    shard: str | None = None,
) -> M: ...


@overload
def compile(
    model: Callable[P, R],
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
    device: str | None = None,
    devices: Any = None,
    shard: str | None = None,
) -> Compiled[P, R]: ...


@overload
def compile(
    model: None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
    device: str | None = None,
    devices: Any = None,
    shard: str | None = None,
) -> _Decorator: ...


@named
def compile(
    model: Any = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] | None = None,
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    name: str | None = None,
    disable: bool = False,
    recompile_limit: int | None = None,
    isolate_recompiles: bool = False,
    shapes_spec: Any = None,
    device: str | None = None,
    devices: Any = None,
    shard: str | None = None,
) -> Any:
    r"""Make a NumPy program of a function or a module: its calls give the same numbers, faster.

    The first call runs as ever, the next two are recorded as well, and from then on the program
    takes the function's place. It is used only for calls that it holds for: of the same shapes,
    dtypes and Python values. What depends on numbers in tensors, or does more than compute, is
    run as it is, with one warning that names the line. Follows ``torch.compile``.

    Parameters
    ----------
    model
        A function of tensors or of anything else, which may hold a whole training step; or a
        module, in whose place another is returned. None: return a decorator.
    fullgraph
        Raise an error where a call can't be compiled, instead of running it as it is.
    dynamic
        Whether numbers among the arguments are given to the program anew at each call; None:
        those that change. There is a program for each combination of shapes.
    backend
        ``"numpy"``, which is also taken for PyTorch's own, such as ``"inductor"``. ``"eager"``,
        which is also taken for ``"aot_eager"``, leaves all passes out: a program of just the calls
        that were recorded. ``"xla"``, for which JAX must be installed, gives the program to XLA:
        fused, on its devices, the same numbers to rounding. ``"auto"``: whichever of ``"numpy"``
        and ``"xla"`` is faster. They take turns in the function's first calls, none of which is
        made twice; ``explain`` says what was found. Without JAX it is ``"numpy"``.
    mode
        ``"max-autotune"`` lets two threads each compute half of a batch wherever that is faster;
        by default only where it takes little more memory. The others make no difference.
    isolate_recompiles
        Makes no difference.
    options
        Passes by their names, each with whether it is made: ``{"common_subexpressions": False}``.
        They are ``"dead_code"``, ``"constants"``, ``"writes"``, ``"common_subexpressions"``,
        ``"copies"``, ``"lanes"``, ``"repeated_channels"``, ``"optimizer_formulas"``,
        ``"prepared_kernels"``, ``"flat_updates"``; then ``"reuse"``, to use buffers again,
        ``"chains"``, to run elementwise lines on large arrays together, and ``"economy"``, to have
        lanes only where they take little memory. All give the same numbers, but that lanes add up
        halves of the batch, which rounds otherwise; on one thread, and with
        ``use_deterministic_algorithms(True)``, there are none. PyTorch's are without effect, which
        a warning says.
    name
        What the function is called in messages.
    disable
        Return the function as it is.
    recompile_limit
        How many programs there may be; 8 if None.
    shapes_spec
        None: shapes are taken from the calls.
    device
        For XLA: ``"cpu"``, ``"gpu"`` or ``"tpu"``; None: what JAX prefers.
    devices
        For XLA: how many devices, or a list of JAX's, or a mesh. The batch is split over them: the
        first dimension of the first tensor among the arguments is its size, and every argument
        that begins with a dimension of that size is a part of it. Everything else is on all
        devices. How a step is split changes no more than its rounding: a mean, or batch norm,
        is that of the whole batch.
    shard
        ``"parameters"``: parameters, their gradients and what an optimizer keeps of them are split
        as well, along the first dimension that the number of devices divides; those without one
        are on all devices.

    Returns
    -------
    A function that also has ``source()``, the program as Python; for a module, a module.

    Raises
    ------
    RuntimeError
        With ``fullgraph=True``, naming the line that stands against it; for options that there
        aren't.
    TypeError
        For what can't be called, and for options that are no dictionary.
    ValueError
        For a backend or a mode that there isn't, and for a limit below 1.
    ModuleNotFoundError
        For the backend ``"xla"``, when JAX isn't installed.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> w = torch.ones(3, requires_grad=True)
    >>> optimizer = torch.optim.SGD([w], lr=0.1)
    >>> @torch.compile
    ... def step(x):
    ...     optimizer.zero_grad()
    ...     loss = ((w * x).sum() - 1) ** 2
    ...     loss.backward()
    ...     optimizer.step()
    ...     return loss
    >>> losses = [step(torch.ones(3)).item() for _ in range(6)]
    >>> f"{losses[-1]:.4f}"
    '0.0004'
    """
    settings = Settings(
        fullgraph=bool(fullgraph),
        dynamic=dynamic,
        off=_off(chosen := _backend(backend), mode, options),
        backend=_place(chosen, device, devices, shard),
        limit=_limit(recompile_limit),
        name=name or "",
    )
    if shapes_spec is not None:
        raise NotImplementedError("shapes_spec isn't offered: shapes are taken from the calls")

    def make(model: Any) -> Any:
        if not callable(model):
            raise TypeError(f"expects a function or a module, not {type(model).__name__}")
        if disable:
            return model
        if isinstance(model, Module):
            return OptimizedModule(model, settings)
        return Compiled(model, settings)

    return make if model is None else make(model)


def _backend(backend: str | Callable[..., Any] | None) -> str:
    if backend is None:
        return _default
    if callable(backend):
        raise TypeError(
            "a backend that is a function gets a graph of torch.fx, which there isn't; the program "
            "itself is source() of what compile() returns"
        )
    chosen = PYTORCHS.get(backend, backend)
    if chosen not in BACKENDS:
        raise ValueError(f"there is no backend {backend!r}; choose one of {', '.join(BACKENDS)}")
    if chosen == "auto" and find_spec("jax") is None:
        return "numpy"
    if chosen == "xla" and find_spec("jax") is None:
        raise ModuleNotFoundError(
            f"backend={backend!r} needs JAX, which isn't installed: pip install "
            f"'tinygrad_mnist[xla]', or pip install jax"
        )
    return chosen


def _place(backend: str, device: str | None, devices: Any, shard: str | None) -> Backend:
    """Return what runs programs, and on which devices, which are looked for at once."""
    if backend != "xla":
        for name, x in (("device", device), ("devices", devices), ("shard", shard)):
            if x is not None and not (name == "device" and x == "cpu"):
                raise ValueError(f"{name}={x!r} is for XLA: pass backend='xla' as well")
        return Backend("auto", device) if backend == "auto" else NUMPY
    if device not in (None, *PLATFORMS):
        raise ValueError(f"there is no device {device!r}; choose one of {', '.join(PLATFORMS)}")
    if shard not in (None, "parameters"):
        raise ValueError(f"shard={shard!r} isn't offered; choose 'parameters', or None")
    if isinstance(devices, int) and (devices < 1 or isinstance(devices, bool)):
        raise ValueError(f"devices={devices}: expects how many, at least one")
    if device is not None and not (devices is None or isinstance(devices, int)):
        raise ValueError("devices says which devices there are: leave device out")
    where = Backend("xla", device, devices, shard)
    if (device, devices) != (None, None):
        where.maker()
    return where


def _limit(number: int | None) -> int:
    if number is None:
        return LIMIT
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"recompile_limit is a positive integer or None, not {number!r}")
    return number


def _off(backend: str, mode: str | None, options: dict[str, Any] | None) -> frozenset[str]:
    """Return the passes that are left out."""
    if mode is not None and options:
        raise RuntimeError("either mode or options can be given, but not both at the same time")
    if mode is not None and mode not in MODES:
        raise ValueError(f"there is no mode {mode!r}; choose one of {', '.join(MODES)}")
    if options is not None and not isinstance(options, dict):
        raise TypeError(f"options are a dictionary or None, not {type(options).__name__}")
    off, without = set(BACKENDS[backend]), []
    if mode in AUTOTUNED:
        off.add("economy")
    for name, on in (options or {}).items():
        if name in PYTORCHS_OPTIONS or "." in name:
            without.append(repr(name))
        elif name not in SWITCHES:
            raise RuntimeError(
                f"there is no option {name!r}; the passes that can be switched off are "
                f"{', '.join(sorted(SWITCHES))}"
            )
        elif not isinstance(on, bool):
            raise RuntimeError(f"the option {name!r} is True or False, not {on!r}")
        elif on:
            off.discard(name)
        else:
            off.add(name)
    if without:
        one = len(without) == 1
        what = f"option{'s' * (not one)} {', '.join(without)} {'has' if one else 'have'}"
        warn(f"compile: the {what} no effect here")
    return frozenset(off)


_default = "numpy"


def set_default_backend(backend: str | Callable[..., Any] | None) -> None:
    """Set what runs programs where ``compile`` isn't told. Follows PyTorch's.

    Parameters
    ----------
    backend
        A name, as ``compile`` takes it; None for the usual one.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.set_default_backend("inductor")
    >>> compiler.get_default_backend()
    'numpy'
    """
    global _default
    _default = "numpy" if backend is None else _backend(backend)


def get_default_backend() -> str:
    """Return what runs programs where ``compile`` isn't told. Follows PyTorch's.

    Returns
    -------
    A name.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.get_default_backend()
    'numpy'
    """
    return _default


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """Return the names of what runs programs. Follows ``torch.compiler.list_backends``.

    Parameters
    ----------
    exclude_tags
        Whether to leave out what is for finding mistakes: it has the tag ``"debug"``.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.list_backends()
    ['numpy', 'xla', 'auto']
    """
    return [name for name in BACKENDS if name != "eager" or "debug" not in (exclude_tags or ())]


def reset() -> None:
    """Forget all programs of all compiled functions: they are recorded anew. Follows PyTorch's.

    Examples
    --------
    >>> from tinygrad_mnist import compile, compiler, ones
    >>> double = compile(lambda x: x * 2)
    >>> results = [double(ones(2)) for _ in range(4)]
    >>> compiler.reset()
    >>> compiler.explain(double)
    <lambda>: 0 programs yet: one is made at the third call with arguments of the same shapes
    """
    for function in list(Compiled.everything):
        function.reset()


def is_compiling() -> bool:
    """Return whether a step is being recorded just now. Follows ``torch.compiler.is_compiling``.

    Returns
    -------
    True or False.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.is_compiling()
    False
    """
    return modes.tracer is not None and modes.tracer.open


is_dynamo_compiling = is_compiling


def is_exporting() -> bool:
    """Return False: nothing is exported. Follows ``torch.compiler.is_exporting``.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.is_exporting()
    False
    """
    return False


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """Let a function be run as it is, never compiled; steps that call it are not compiled either.

    Follows ``torch.compiler.disable``.

    Parameters
    ----------
    fn
        The function or module; None: return a decorator.
    recursive
        Without effect: what it calls is run as it is too.
    reason
        Why, for the message.

    Returns
    -------
    The function, marked; the module itself.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> @compiler.disable
    ... def show(x):
    ...     print(x)
    >>> show(3)
    3
    """
    if fn is None:
        return functools.partial(disable, recursive=recursive, reason=reason)
    if isinstance(fn, Module):
        fn.forward = disable(fn.forward, recursive, reason=reason)
        return fn
    function = fn.function if isinstance(fn, Compiled) else fn

    @functools.wraps(function)
    def as_it_is(*args: Any, **kwargs: Any) -> Any:
        if is_compiling():
            name = getattr(function, "__qualname__", type(function).__name__)
            why = f": {reason}" if reason else ""
            modes.tracer.stop(f"it calls {name}, which compiler.disable keeps as it is{why}")
        return function(*args, **kwargs)

    return as_it_is


def assume_constant_result(fn: F) -> F:
    """Let a function's result at the recording be a constant of the program. Follows PyTorch's.

    Parameters
    ----------
    fn
        The function.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> @compiler.assume_constant_result
    ... def sizes():
    ...     return [3, 4]
    >>> sizes()
    [3, 4]
    """

    @functools.wraps(fn)
    def constant(*args: Any, **kwargs: Any) -> Any:
        if not is_compiling():
            return fn(*args, **kwargs)
        with modes.tracer.paused():
            return fn(*args, **kwargs)

    constant.assumed_constant = True  # type: ignore[attr-defined]  # a mark on the function
    return constant  # type: ignore[return-value]  # of the same type


def allow_in_graph(fn: F) -> F:
    """Return the function: what it computes is recorded in any case. Follows PyTorch's.

    Parameters
    ----------
    fn
        A function.

    Returns
    -------
    The same.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.allow_in_graph(len)
    <built-in function len>
    """
    return fn


def substitute_in_graph(original_fn: Any, **kwargs: Any) -> Callable[[F], F]:
    """Return a decorator that changes nothing: functions are recorded as they run.

    Follows ``torch.compiler.substitute_in_graph``.

    Parameters
    ----------
    original_fn, kwargs
        Without effect.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.substitute_in_graph(max)(len)("abc")
    3
    """
    return allow_in_graph


def nested_compile_region(fn: Any = None, **kwargs: Any) -> Any:
    """Return the function: a program has no parts. Follows PyTorch's.

    Parameters
    ----------
    fn
        A function; None: return a decorator.
    kwargs
        Without effect.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.nested_compile_region(len)("abc")
    3
    """
    return allow_in_graph if fn is None else fn


def cudagraph_mark_step_begin() -> None:
    """Do nothing: there are no CUDA graphs. Follows PyTorch's.

    Examples
    --------
    >>> from tinygrad_mnist import compiler
    >>> compiler.cudagraph_mark_step_begin() is None
    True
    """


class set_stance:
    """Say what compiled functions do from now on: at once, for a block, or for a function.

    Follows ``torch.compiler.set_stance``.

    Parameters
    ----------
    stance
        ``"default"``; ``"force_eager"``: run as they are; ``"eager_on_recompile"``: where there is
        no program, run as they are; ``"fail_on_recompile"``: there, raise an error.
    skip_guard_eval_unsafe
        Must be False: a program is used only where it holds.
    force_backend
        Must be None.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> with torch.compiler.set_stance("force_eager"):
    ...     torch.compile(torch.exp)(torch.zeros(1))
    tensor([1.])
    """

    STANCES = ("default", "force_eager", "eager_on_recompile", "fail_on_recompile")

    def __init__(
        self,
        stance: str = "default",
        *,
        skip_guard_eval_unsafe: bool = False,
        force_backend: Any = None,
    ) -> None:
        if stance not in self.STANCES:
            raise RuntimeError(
                f"set_stance: there is no stance {stance!r}; choose one of "
                f"{', '.join(self.STANCES)}"
            )
        if skip_guard_eval_unsafe or force_backend is not None:
            raise NotImplementedError(
                "set_stance: programs are used only where they hold, and by the backend that "
                "compile() was told: leave skip_guard_eval_unsafe and force_backend out"
            )
        self.stance = stance
        self._before = _compiled.stance.now
        _compiled.stance.now = stance

    def __enter__(self) -> Self:
        _compiled.stance.now = self.stance
        return self

    def __exit__(self, *error: object) -> Literal[False]:
        _compiled.stance.now = self._before
        return False

    def __call__(self, fn: F) -> F:
        """Decorate a function to be called in this stance; outside, it stays as it was."""
        _compiled.stance.now = self._before
        stance = self.stance

        @functools.wraps(fn)
        def decorated(*args: Any, **kwargs: Any) -> Any:
            with set_stance(stance):
                return fn(*args, **kwargs)

        return decorated  # type: ignore[return-value]  # of the same type


def _compile_in_place(module: Module, *args: Any, **kwargs: Any) -> Callable[..., Any] | None:
    """Return what a module's calls become, for ``Module.compile``."""
    made = compile(lambda: None, *args, **kwargs)
    return compiled_call(module, made.settings) if isinstance(made, Compiled) else None
