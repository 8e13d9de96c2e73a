"""The checks around public functions: readers of arguments, names in errors, ``out=``."""

from __future__ import annotations

import functools
import inspect
import math
import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np

from tinygrad_mnist._runtime.naming import Names, warn
from tinygrad_mnist._runtime.naming import complain as complain
from tinygrad_mnist._runtime.naming import kind as kind
from tinygrad_mnist._runtime.naming import named as named
from tinygrad_mnist._runtime.naming import named_methods as named_methods
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.views import owner_of
from tinygrad_mnist.tensor.types import preserve_format

if TYPE_CHECKING:
    from tinygrad_mnist.ops.dtypes import DTypeLike
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.device import DeviceLike
    from tinygrad_mnist.tensor.types import P, WithOut

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
C = TypeVar("C")


def copying(call: F) -> F:
    """Keep a function from returning its input, or a view of it, where nothing has to be done."""

    @functools.wraps(call)
    def apart(input: Any, *args: Any, **kwargs: Any) -> Any:
        out: Any = call(input, *args, **kwargs)
        return out.clone() if np.may_share_memory(out._array, input._array) else out

    return cast(F, apart)


def with_out(call: Callable[P, R]) -> WithOut[P, R]:
    """Let a function's errors begin with its name, and ``out=`` name a tensor for the result."""

    @functools.wraps(call)
    def checked(*args: Any, out: Any = None, **kwargs: Any) -> Any:
        return write_out(call.__name__, call(*args, **kwargs), out)

    return cast("WithOut[P, R]", named(checked))


def factory(make: F) -> F:
    """Make a public function of one that makes a tensor: with ``out``, and settings of layout.

    ``layout`` and ``pin_memory`` are accepted, and change nothing: there is one layout here, and no
    other device. What is made like a tensor lies in memory in its order, if a script can tell that.
    """
    name, names = make.__name__, Names(make)
    is_like = name.endswith("_like")

    @functools.wraps(make)
    def checked(*args: Any, **kwargs: Any) -> Any:
        try:
            args, kwargs = names.read(args, kwargs)
            for unused in ("layout", "pin_memory"):
                kwargs.pop(unused, None)
            order = kwargs.pop("memory_format", preserve_format)
            out = kwargs.pop("out", None)
            if out is None:
                made: Any = make(*args, **kwargs)
                if is_like and order in (None, preserve_format):
                    lay_out(made, args[0] if args else kwargs["input"])
                return made
            need_tensor("out", out)
            wanted = kwargs.setdefault("dtype", out._array.dtype)
            if wanted is not None and dtypes.as_numpy(wanted) != out._array.dtype:
                raise RuntimeError(
                    f"{name}: dtype {wanted} does not match the dtype of out, {out._array.dtype}"
                )
            result: Any = make(*args, **kwargs)
            if name in _FILLING and result._array.size == out._array.size:
                result = result.reshape(out._array.shape)
            _check_out(name, result, out)
            return _write(name, result, out, warns=name == "arange")
        except Exception as error:
            complain(name, error, make, args, kwargs)
            raise

    *own, last = inspect.signature(make).parameters.values()
    if last.kind is last.VAR_KEYWORD:  # the settings of a new tensor, which readers want to see
        public: Any = checked
        public.__signature__ = inspect.Signature([*own, *_SETTINGS], return_annotation="Tensor")
    return cast(F, checked)


def _settings(
    *, dtype: DTypeLike | None = None, device: DeviceLike | None = None, requires_grad: bool = False
) -> None: ...


_SETTINGS = inspect.signature(_settings).parameters.values()


def lay_out(made: Any, like: Any) -> None:
    """Bring a new tensor's memory into the order of another one's, if a script can tell that."""
    if like._fixed_order and not like._array.flags.c_contiguous:
        array = np.empty_like(like._array, made._array.dtype)
        array[...] = made._array
        made._array, made._fixed_order = array, not array.flags.c_contiguous


_FILLING = ("arange", "linspace", "logspace")
"""Functions whose out may have any shape that has the right number of elements."""


def write_out(name: str, result: R, out: Any) -> R:
    """Write a result into the tensor that a caller named with ``out=``, and return that.

    Raises
    ------
    RuntimeError
        When a gradient would be lost, or the dtype doesn't take the result.
    """
    if out is None:
        return result
    if isinstance(result, tuple) or isinstance(out, tuple | list):
        if not isinstance(out, tuple | list) or not isinstance(result, tuple):
            raise TypeError(f"{name}: out must have the form of the result")
        if len(out) != len(result):
            raise TypeError(f"{name}: out must be a tuple of {len(result)} tensors")
        for x, to in zip(result, out, strict=True):
            _check_out(name, x, to)
        return type(result)(*map(_write, [name] * len(out), result, out))
    _check_out(name, result, out)
    written: R = _write(name, result, out)
    return written


def _check_out(name: str, result: Any, out: Any) -> None:
    need_tensor("out", out)
    if modes.enabled and (result.requires_grad or out.requires_grad):
        raise RuntimeError(
            f"{name}: functions with out=... arguments don't support automatic differentiation, "
            f"but one of the arguments requires grad; leave out away, or use no_grad()"
        )
    if not dtypes.can_hold(result._array.dtype, out._array.dtype):
        raise RuntimeError(
            f"{name}: the result has dtype {result._array.dtype}, which can't be cast to that of "
            f"out, {out._array.dtype}"
        )
    if not out._array.flags.writeable:
        raise RuntimeError(f"{name}: out can't be written to; clone() it first")


def _write(name: str, result: Any, out: Any, warns: bool = True) -> Any:
    shape = result._array.shape
    if out._array.shape != shape:
        if out._array.size and warns:
            warn(
                f"{name}: out was resized, since it had shape {list(out._array.shape)} and the "
                f"result has {list(shape)}; give one of that shape, or an empty one"
            )
        out._array, out._base, out._path = _resized(out._array, shape), None, ()
    with np.errstate(all="ignore"):
        np.copyto(out._array, result._array, casting="unsafe")
    out._version.bump(f"{name} with out=")
    return out


def _resized(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return memory for a shape: an array's own, from its first element on, where it suffices.

    What an array is a view of has it too then, as in PyTorch, whose views share a storage.
    """
    (owner, offset), count = owner_of(array), math.prod(shape)
    if owner.dtype == array.dtype and owner.flags.forc and owner.flags.writeable:
        start = offset // array.itemsize
        if start + count <= owner.size:
            return owner.ravel(order="K")[start : start + count].reshape(shape)
    return np.empty(shape, array.dtype)


def need_tensor(argument: str, x: Any) -> Tensor:
    """Return an argument that must be a tensor."""
    tensor: Tensor = x
    if not isinstance(x, TensorBase):
        raise TypeError(f"argument '{argument}' must be Tensor, not {kind(x)}")
    return tensor


def as_tensors(tensors: Any) -> list[Tensor]:
    """Return the tensors of an argument that must be a list or tuple of them."""
    if isinstance(tensors, TensorBase | np.ndarray | str) or not hasattr(tensors, "__iter__"):
        raise TypeError(f"expected a tuple or list of Tensors, not {kind(tensors)}")
    found = list(tensors)
    if not found:
        raise RuntimeError("expected a non-empty list of Tensors")
    for position, x in enumerate(found):
        if not isinstance(x, TensorBase | np.ndarray):
            raise TypeError(f"expected Tensor as element {position}, but got {kind(x)}")
    return found


def number_first(call: Callable[..., R], given: Sequence[Any], *settings: str) -> R:
    """Make a call whose older form has numbers before the tensors: ``x.add_(2, y)``, for alpha.

    Raises
    ------
    TypeError
        When they aren't numbers, or too many.
    """
    name, tensors = call.__name__, 1 if settings == ("alpha",) else 2  # add and sub have one
    count = len(given) - tensors
    if count > len(settings) or any(map(_is_large, given[:count])):
        raise TypeError(
            f"takes {tensors} tensor{'s' * (tensors > 1)} after the first, but "
            f"{len(given)} arguments were given; numbers are given by name: "
            f"{', '.join(f'{setting}=' for setting in settings)}"
        )
    numbers = [as_number(setting, x) for setting, x in zip(settings, given[:count], strict=False)]
    warn(
        f"{name}: this form, with a number before the tensors, is deprecated in PyTorch; write "
        f"{name}({'tensor' if tensors == 1 else 'tensor1, tensor2'}, {settings[0]}=number)"
    )
    return call(*given[count:], **dict(zip(settings, numbers, strict=False)))


def _is_large(x: Any) -> bool:
    return isinstance(x, list | tuple) or np.ndim(x._array if isinstance(x, TensorBase) else x) > 0


def as_int(argument: str, x: Any) -> int:
    """Return an argument that must be an integer; a bool is none."""
    number: int = x
    if type(x) is not int:
        if isinstance(x, TensorBase) and (x._array.size != 1 or x._array.dtype.kind not in "iu"):
            raise TypeError(
                f"argument '{argument}' must be int, not a Tensor of shape "
                f"{list(x.shape)} and {dtypes.of(x._array.dtype)}"
            )
        if isinstance(x, bool | np.bool_) or not hasattr(x, "__index__"):
            raise TypeError(f"argument '{argument}' must be int, not {kind(x)}")
        number = operator.index(x)
    if not -(2**63) <= number < 2**63:
        raise RuntimeError(f"argument '{argument}' is too large for an int64: {number}")
    return number


def as_ints(argument: str, x: Any) -> tuple[int, ...]:
    """Return an argument that must be an integer, or a sequence of them, as a tuple."""
    one = not isinstance(x, tuple | list)
    return tuple(as_int(argument, n) for n in ((x,) if one else x))


def as_number(argument: str, x: Any) -> float:
    """Return an argument that must be one number: a Python one, or a tensor of one element."""
    number: float = x
    if isinstance(x, TensorBase) and x._array.size == 1:
        number = x._array.item()
    elif isinstance(x, np.bool_ | np.integer | np.floating):
        number = x.item()
    elif not isinstance(x, bool | int | float):
        raise TypeError(f"argument '{argument}' must be Number, not {kind(x)}")
    return number


def as_tuple(argument: str, x: Any) -> Any:
    """Return an argument that must be a tuple or list."""
    if not isinstance(x, tuple | list):
        raise TypeError(f"argument '{argument}' must be tuple of ints, not {kind(x)}")
    return x


def as_dim(dim: Any, ndim: int) -> int:
    """Check one dimension and count it from the front."""
    d, length = as_int("dim", dim), max(ndim, 1)
    if not -length <= d < length:
        raise IndexError(
            f"dimension out of range (expected to be in range of [{-length}, "
            f"{length - 1}], but got {d})"
        )
    return d % length


def as_dims(dim: Any, ndim: int) -> int | tuple[int, ...] | None:
    """Check dimensions and count them from the front; None or () stands for all of them.

    Raises
    ------
    IndexError, RuntimeError
        When one is out of range or named twice.
    """
    if dim is None:
        return None
    if isinstance(dim, list | tuple):
        if not dim:
            return None
        dims = tuple(as_dim(d, ndim) for d in dim)
        if len(set(dims)) != len(dims):
            raise RuntimeError(f"a dimension appears more than once in dim={dim}")
        return dims if ndim else None
    d = as_dim(dim, ndim)
    return d if ndim else None


def each_dim(dim: Any, ndim: int) -> tuple[int, ...]:
    """Do as :func:`as_dims`, but return them as a tuple, an empty one if there are none."""
    dims = as_dims(dim, ndim)
    return () if dims is None else (dims,) if isinstance(dims, int) else dims


def as_size(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Read a shape given as numbers or as one sequence of numbers.

    Raises
    ------
    TypeError
        When something else is among them, or nothing was given.
    """
    if not sizes:
        raise TypeError("missing 1 required positional argument: give () for no length")
    if len(sizes) == 1 and isinstance(sizes[0], tuple | list):
        sizes = sizes[0]
    try:
        if bool in map(type, sizes):
            raise TypeError
        return tuple(map(operator.index, sizes))
    except TypeError:
        given = [n if isinstance(n, int | float | str | None) else kind(n) for n in sizes]
        raise TypeError(
            f"a shape is given by integers or a tuple of them, got {tuple(given)}"
        ) from None


def as_lengths(sizes: Sequence[Any]) -> tuple[int, ...]:
    """Read the shape of a new tensor, in which no length is negative."""
    shape = as_size(sizes)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"a length can't be negative, but the shape is {list(shape)}")
    return shape


def need_floats(x: Any, argument: str = "input") -> None:
    """Refuse a tensor that doesn't hold floating-point numbers."""
    if x._array.dtype.kind != "f":
        raise RuntimeError(
            f"the {argument} must be floating point, but is {dtypes.of(x._array.dtype)}; "
            f"convert it with float()"
        )


def expands(shape: Sequence[int], to: Sequence[int]) -> bool:
    """Return whether a shape can be expanded to another, by repeating lengths of 1."""
    lead = len(to) - len(shape)
    return lead >= 0 and all(n in (1, m) for n, m in zip(shape, to[lead:], strict=True))


def broadcast(*shapes: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape that shapes broadcast to."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise RuntimeError(
            f"the shapes {' and '.join(str(list(s)) for s in shapes)} do not broadcast; "
            f"aligned from the right, each pair of lengths must be equal, or one of them 1"
        ) from None
