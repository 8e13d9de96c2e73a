"""Making tensors: from data, of given numbers, and at random."""

from __future__ import annotations

import builtins
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Variable, apply, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import random
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.exchange import from_dlpack, is_foreign
from tinygrad_mnist.tensor.random import Generator
from tinygrad_mnist.tensor.reduction import as_dim
from tinygrad_mnist.tensor.shape import as_size


def _finish(array: Any, dtype: Any, device: Any, requires_grad: bool) -> Tensor:
    """Wrap a new array, in a dtype if one is named."""
    check_device(device)
    array = np.asarray(array)
    wanted = dtypes.of(array.dtype).numpy if dtype is None else dtypes.as_numpy(dtype)
    out: Tensor = wrap(array if array.dtype == wanted else array.astype(wanted))
    return out.requires_grad_() if requires_grad else out


def _float(dtype: Any) -> np.dtype[Any]:
    return dtypes.default_float() if dtype is None else dtypes.as_numpy(dtype)


def _numbers(data: Any, dtype: Any = None) -> np.ndarray:
    """Turn nested sequences into an array; Python's floats become the default dtype.

    Not if a dtype is named: float64 would be given float32's digits.
    """
    if isinstance(data, np.ndarray):
        return np.array(data)
    if is_foreign(data):
        return from_dlpack(data, copy=True)._array  # type: ignore[no-any-return]
    if isinstance(data, np.generic):
        return np.asarray(data)
    plain = _without_tensors(data)
    try:
        array = np.array(plain)
    except ValueError as error:
        raise ValueError(
            f"tensor: the nested sequences have different lengths, so they form no array: {error}"
        ) from None
    if array.dtype.kind not in "fiub":
        if array.size == 0:
            return array.astype(dtypes.default_float())
        raise TypeError(
            f"tensor: can't make one from {type(data).__name__} of NumPy's dtype {array.dtype}; "
            f"give numbers, or sequences of them of equal lengths"
        )
    if dtype is None and array.dtype == np.float64 and not _first_is_numpy(data):
        return array.astype(dtypes.default_float())
    return array


def _without_tensors(data: Any) -> Any:
    if isinstance(data, Variable):
        return data._array
    if isinstance(data, list | tuple):
        return [_without_tensors(x) for x in data]
    return data


def _first_is_numpy(data: Any) -> bool:
    while isinstance(data, list | tuple) and data:
        data = data[0]
    return isinstance(data, np.ndarray | np.generic | Variable)


def tensor(
    data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Make a tensor from numbers, nested sequences, or an array, which is copied.

    Follows ``torch.tensor``. Python's floats become float32 (the default dtype), its integers
    int64; an array keeps its dtype.

    Raises
    ------
    ValueError, TypeError
        When the data form no array of numbers.

    Examples
    --------
    >>> tensor([[1.0, 2.0], [3.0, 4.0]])
    tensor([[1., 2.],
            [3., 4.]])
    """
    if isinstance(data, Variable):
        warnings.warn(
            "tensor: to copy a tensor, use its clone().detach(); tensor(x) drops the history",
            UserWarning,
            stacklevel=2,
        )
        return _finish(np.array(data._array), dtype, device, requires_grad)
    return _finish(_numbers(data, dtype), dtype, device, requires_grad)


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """Make a tensor that shares the memory of an array or tensor where it can.

    Follows ``torch.as_tensor``.

    Examples
    --------
    >>> array = np.zeros(2)
    >>> as_tensor(array)[0] = 1
    >>> array
    array([1., 0.])
    """
    if isinstance(data, Tensor):
        return data if dtype is None else data.to(dtype)
    if is_foreign(data):
        data = from_dlpack(data)._array
    if isinstance(data, np.ndarray):
        return _finish(data, dtype, device, False)
    return tensor(data, dtype=dtype, device=device)


def from_numpy(ndarray: np.ndarray) -> Tensor:
    """Make a tensor on an array's memory: what is written to one is written to the other.

    Follows ``torch.from_numpy``.

    Raises
    ------
    TypeError
        When it isn't an array, or of a dtype that tensors don't have.

    Examples
    --------
    >>> from_numpy(np.array([1, 2]))
    tensor([1, 2])
    """
    if not isinstance(ndarray, np.ndarray):
        raise TypeError(f"from_numpy: expected np.ndarray (got {type(ndarray).__name__})")
    dtypes.of(ndarray.dtype)
    return wrap(ndarray)  # type: ignore[no-any-return]


def _shape(name: str, size: Sequence[Any]) -> tuple[int, ...]:
    shape = as_size(name, size)
    if any(n < 0 for n in shape):
        raise RuntimeError(f"{name}: a length can't be negative, but the shape is {list(shape)}")
    return shape


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of zeros, of a shape. Follows ``torch.zeros``.

    Examples
    --------
    >>> zeros(2)
    tensor([0., 0.])
    """
    array = np.zeros(_shape("zeros", size), _float(dtype))
    return _finish(array, None, device, requires_grad)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of ones, of a shape. Follows ``torch.ones``.

    Examples
    --------
    >>> ones(2)
    tensor([1., 1.])
    """
    array = np.ones(_shape("ones", size), _float(dtype))
    return _finish(array, None, device, requires_grad)


def empty(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Make a tensor of whatever lies in memory, of a shape. Follows ``torch.empty``.

    Examples
    --------
    >>> empty(2).shape
    torch.Size([2])
    """
    array = np.empty(_shape("empty", size), _float(dtype))
    return _finish(array, None, device, requires_grad)


def full(
    size: Any,
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of one number, whose type decides the dtype. Follows ``torch.full``.

    Examples
    --------
    >>> full((2,), 7)
    tensor([7, 7])
    """
    value = fill_value.item() if isinstance(fill_value, Tensor) else fill_value
    if dtype is None:
        dtype = _numbers(value).dtype
    array = np.full(_shape("full", [size]), value, dtypes.as_numpy(dtype))
    return _finish(array, None, device, requires_grad)


def arange(
    start: Any,
    end: Any = None,
    step: Any = 1,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of equally spaced numbers, without the end. Follows ``torch.arange``.

    Raises
    ------
    RuntimeError
        When the step is 0 or leads away from the end.

    Examples
    --------
    >>> arange(3), arange(1, 2, 0.5)
    (tensor([0, 1, 2]), tensor([1.0000, 1.5000]))
    """
    if end is None:
        start, end = 0, start
    numbers = [x.item() if isinstance(x, Variable) else x for x in (start, end, step)]  # type: ignore[attr-defined]
    start, end, step = numbers
    if step == 0:
        raise RuntimeError("arange: step must be nonzero")
    if (end - start) * step < 0:
        raise RuntimeError(
            f"arange: a step of {step} leads away from the end: start {start}, end {end}"
        )
    if dtype is None:
        floating = any(isinstance(x, builtins.float | np.floating) for x in numbers)
        dtype = dtypes.default_float() if floating else np.int64
    count = int(np.ceil((end - start) / step))
    array = (start + step * np.arange(count)).astype(dtypes.as_numpy(dtype))
    return _finish(array, None, device, requires_grad)


def linspace(
    start: float,
    end: float,
    steps: int,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of equally spaced numbers, with the end. Follows ``torch.linspace``.

    Examples
    --------
    >>> linspace(0, 1, 3)
    tensor([0.0000, 0.5000, 1.0000])
    """
    if steps < 0:
        raise RuntimeError(f"linspace: the number of steps must not be negative, got {steps}")
    array = np.linspace(float(start), float(end), steps).astype(_float(dtype))
    return _finish(array, None, device, requires_grad)


def eye(
    n: int,
    m: int | None = None,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a matrix with ones on the diagonal. Follows ``torch.eye``.

    Examples
    --------
    >>> eye(2)
    tensor([[1., 0.],
            [0., 1.]])
    """
    if n < 0 or (m is not None and m < 0):
        raise RuntimeError(f"eye: a length can't be negative, got n={n}, m={m}")
    return _finish(np.eye(n, m, dtype=_float(dtype)), None, device, requires_grad)


def _like(input: Any, dtype: Any) -> np.dtype[Any]:  # noqa: A002
    if not isinstance(input, Variable):
        raise TypeError(f"argument 'input' must be Tensor, not {type(input).__name__}")
    return input._array.dtype if dtype is None else dtypes.as_numpy(dtype)


def zeros_like(
    input: Tensor,  # noqa: A002
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of zeros, like another. Follows ``torch.zeros_like``.

    Examples
    --------
    >>> zeros_like(ones(2)).shape
    torch.Size([2])
    """
    kind = _like(input, dtype)
    return _finish(np.zeros(input._array.shape, kind), None, device, requires_grad)


def ones_like(
    input: Tensor,  # noqa: A002
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of ones, like another. Follows ``torch.ones_like``.

    Examples
    --------
    >>> ones_like(ones(2)).shape
    torch.Size([2])
    """
    kind = _like(input, dtype)
    return _finish(np.ones(input._array.shape, kind), None, device, requires_grad)


def empty_like(
    input: Tensor,  # noqa: A002
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of whatever lies in memory, like another. Follows ``torch.empty_like``.

    Examples
    --------
    >>> empty_like(ones(2)).shape
    torch.Size([2])
    """
    kind = _like(input, dtype)
    return _finish(np.empty(input._array.shape, kind), None, device, requires_grad)


def full_like(
    input: Tensor,  # noqa: A002
    fill_value: Any,
    *,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Make a tensor of one number, like another. Follows ``torch.full_like``.

    Examples
    --------
    >>> full_like(ones(2), 3)
    tensor([3., 3.])
    """
    array = np.full(input._array.shape, fill_value, _like(input, dtype))
    return _finish(array, None, device, requires_grad)


# At random


def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers uniformly from 0 up to 1. Follows ``torch.rand``.

    Examples
    --------
    >>> rand(2, 3).shape
    torch.Size([2, 3])
    """
    source = generator or random.default_generator
    array = source.uniform(_shape("rand", size), _float(dtype), 0.0, 1.0)
    return _finish(array, None, device, requires_grad)


def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers from the standard normal distribution. Follows ``torch.randn``.

    Examples
    --------
    >>> randn(2, 3).shape
    torch.Size([2, 3])
    """
    source = generator or random.default_generator
    array = source.normal(_shape("randn", size), _float(dtype), 0.0, 1.0)
    return _finish(array, None, device, requires_grad)


def randint(
    low: int,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw integers uniformly from low up to, not including, high. Follows ``torch.randint``.

    Raises
    ------
    RuntimeError
        When high is not larger than low.

    Examples
    --------
    >>> randint(0, 10, (2,)).shape, randint(10, (3,)).dtype
    (torch.Size([2]), torch.int64)
    """
    if size is None:
        low, high, size = 0, low, high
    if not high > low:
        raise RuntimeError(f"randint: 'from' must be less than 'to', but got {low} and {high}")
    source = generator or random.default_generator
    array = source.integers(low, high, _shape("randint", [size]))
    return _finish(array, np.int64 if dtype is None else dtype, device, requires_grad)


def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, device: Any = None
) -> Tensor:
    """Draw a random order of the numbers from 0 to n - 1. Follows ``torch.randperm``.

    Examples
    --------
    >>> sorted(randperm(3).tolist())
    [0, 1, 2]
    """
    if n < 0:
        raise RuntimeError(f"randperm: n must not be negative, got {n}")
    source = generator or random.default_generator
    return _finish(source.permutation(n), np.int64 if dtype is None else dtype, device, False)


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
) -> Tensor:
    """Draw from normal distributions with given means and deviations. Follows ``torch.normal``.

    Examples
    --------
    >>> normal(0.0, 1.0, (2,)).shape, normal(ones(3), 0.1).shape
    (torch.Size([2]), torch.Size([3]))
    """
    means = mean._array if isinstance(mean, Variable) else np.asarray(mean)
    deviations = std._array if isinstance(std, Variable) else np.asarray(std)
    if (deviations < 0).any():
        raise RuntimeError("normal: expects all elements of std >= 0.0")
    if size is None:
        size = np.broadcast_shapes(means.shape, deviations.shape)
    kinds = [x._array.dtype for x in (mean, std) if isinstance(x, Variable)]
    kind = _float(dtype) if dtype is not None or not kinds else kinds[0]
    source = generator or random.default_generator
    if not kinds:
        array = source.normal(_shape("normal", [size]), kind, float(mean), float(std))
        return _finish(array, None, None, False)
    drawn = source.normal(_shape("normal", [size]), kind, 0.0, 1.0)
    return _finish((drawn * deviations + means).astype(kind), None, None, False)


def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:  # noqa: A002
    """Draw ones with the given probabilities, and zeros. Follows ``torch.bernoulli``.

    Raises
    ------
    RuntimeError
        When a probability is outside of [0, 1].

    Examples
    --------
    >>> bernoulli(ones(2))
    tensor([1., 1.])
    """
    return empty_like(input).bernoulli_(input, generator=generator)


def multinomial(
    input: Tensor,  # noqa: A002
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Draw indices with probabilities in proportion to weights. Follows ``torch.multinomial``.

    Raises
    ------
    RuntimeError
        When weights are negative, not finite, or fewer than the draws without replacement.

    Examples
    --------
    >>> multinomial(tensor([0.0, 1.0]), 2, replacement=True)
    tensor([1, 1])
    """
    source = generator or random.default_generator
    weights = input._array
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise RuntimeError("multinomial: the weights must be finite and not negative")
    if (weights.sum(-1) <= 0).any():
        raise RuntimeError("multinomial: the weights of a row add up to 0; one must be positive")
    if not replacement and (np.count_nonzero(weights, axis=-1) < num_samples).any():
        raise RuntimeError(
            f"multinomial: can't draw {num_samples} different indices, because fewer have a weight "
            f"above 0; pass replacement=True"
        )
    return wrap(source.multinomial(weights, num_samples, replacement))  # type: ignore[no-any-return]


def rand_like(
    input: Tensor,  # noqa: A002
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw numbers uniformly from 0 up to 1, like another tensor. Follows ``torch.rand_like``.

    Examples
    --------
    >>> rand_like(ones(2)).shape
    torch.Size([2])
    """
    kind = _like(input, dtype)
    return rand(input.shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def randn_like(
    input: Tensor,  # noqa: A002
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Draw from the standard normal, like another tensor. Follows ``torch.randn_like``.

    Examples
    --------
    >>> randn_like(ones(2)).shape
    torch.Size([2])
    """
    kind = _like(input, dtype)
    return randn(input.shape, generator=generator, dtype=kind, requires_grad=requires_grad)


def manual_seed(seed: int) -> Generator:
    """Seed the global generator. Follows ``torch.manual_seed``.

    Examples
    --------
    >>> _ = manual_seed(0)
    >>> a = rand(2)
    >>> _ = manual_seed(0)
    >>> bool((rand(2) == a).all())
    True
    """
    return random.default_generator.manual_seed(seed)


def seed() -> int:
    """Seed the global generator from the system's randomness; return the seed."""
    return random.default_generator.seed()


def initial_seed() -> int:
    """Return the seed of the global generator."""
    return random.default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """Return the state of the global generator as bytes, for :func:`set_rng_state`."""
    return from_numpy(random.default_generator.get_state())


def set_rng_state(new_state: Tensor) -> None:
    """Restore the state of the global generator, so that it goes on from there."""
    random.default_generator.set_state(new_state)


# From other tensors


def _all_tensors(name: str, tensors: Any) -> list[Any]:
    found = list(tensors)
    if not found:
        raise RuntimeError(f"{name}: expected a non-empty list of Tensors")
    for position, x in enumerate(found):
        if not isinstance(x, Variable | np.ndarray):
            raise TypeError(
                f"{name}: expected Tensor as element {position}, but got {type(x).__name__}"
            )
    return found


def cat(tensors: Any, dim: int = 0) -> Tensor:
    """Join tensors along a dimension. Follows ``torch.cat``.

    Raises
    ------
    RuntimeError
        When they differ in another dimension.

    Examples
    --------
    >>> cat([ones(1), zeros(2)])
    tensor([1., 0., 0.])
    """
    found = _all_tensors("cat", tensors)
    ndim = max(x.ndim for x in found)
    # PyTorch lets an empty vector be joined with anything.
    kept = [x for x in found if x.shape != (0,) or ndim == 1] or found
    return apply(ops.cat, *kept, dim=as_dim("cat", dim, ndim))  # type: ignore[no-any-return]


def stack(tensors: Any, dim: int = 0) -> Tensor:
    """Join tensors of one shape along a new dimension. Follows ``torch.stack``.

    Raises
    ------
    RuntimeError
        When their shapes differ.

    Examples
    --------
    >>> stack([ones(2), zeros(2)])
    tensor([[1., 1.],
            [0., 0.]])
    """
    found = _all_tensors("stack", tensors)
    shapes = {tuple(x.shape) for x in found}
    if len(shapes) > 1:
        raise RuntimeError(
            f"stack: expects each tensor to be of equal size, but got {sorted(shapes)}"
        )
    return apply(ops.stack, *found, dim=as_dim("stack", dim, found[0].ndim + 1))  # type: ignore[no-any-return]
