"""Collation: samples are joined to batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, stack, tensor

_EXPECTED = "a batch must contain tensors, numpy arrays, numbers, dicts or lists"


@named
def default_collate(batch: Any) -> Any:
    """Join samples to a batch: tensors are stacked, numbers become a tensor, containers go deep.

    Strings stay in a list. A dict stays one, a tuple becomes a list unless its fields have names.
    Follows ``torch.utils.data.default_collate``.

    Parameters
    ----------
    batch
        A list of N samples: tensors of one shape (*), arrays, numbers, strings, or containers of
        such.

    Returns
    -------
    Tensors of shape (N, *) in the samples' containers; numbers become a tensor of shape (N).

    Raises
    ------
    TypeError
        For samples of another type.
    RuntimeError
        For samples that differ in length or shape.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import default_collate
    >>> default_collate([(1, 2.0), (3, 4.0)])
    [tensor([1, 3]), tensor([2., 4.], dtype=torch.float64)]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, np.ndarray | np.generic):
        return wrap(np.stack([_as_numbers(np.asarray(x)) for x in batch]))
    if isinstance(first, float):
        return wrap(np.array(batch, np.float64))
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        parts = {key: default_collate([sample[key] for sample in batch]) for key in first}
        return _like(first, parts)
    if isinstance(first, Sequence):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise RuntimeError(
                f"each sample of a batch should have equally many parts, but they "
                f"have {sorted(lengths)}"
            )
        return _like(first, [default_collate(part) for part in zip(*batch, strict=True)])
    raise TypeError(f"{_EXPECTED}; found {type(first).__name__}; pass a collate_fn")


def default_convert(data: Any) -> Any:
    """Turn NumPy's arrays and numbers to tensors, also deep in containers; leave the rest alone.

    What a loader does with ``batch_size=None``. Follows ``torch.utils.data.default_convert``.

    Parameters
    ----------
    data
        An array or number, or a container of such.

    Returns
    -------
    The same with tensors, each of its array's shape and dtype.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.utils.data import default_convert
    >>> default_convert({"x": np.zeros(2, np.float32), "name": "a"})
    {'x': tensor([0., 0.]), 'name': 'a'}
    """
    if isinstance(data, np.ndarray | np.generic) and data.dtype.kind in "fiub":
        return wrap(np.asarray(data))
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(value) for key, value in data.items()})
    if isinstance(data, Sequence) and not isinstance(data, str | bytes):
        return _like(data, [default_convert(value) for value in data])
    return data


def _as_numbers(array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{_EXPECTED}; found an array of {array.dtype}")
    dtypes.of(array.dtype)
    return array


def _like(container: Any, parts: Any) -> Any:
    """Return collated parts in a container of the same type, where that can be made."""
    if hasattr(container, "_fields"):
        return type(container)(*parts)
    if type(container) in (dict, list, tuple):
        return parts
    try:
        if isinstance(container, Mapping):
            clone: Any = copy.copy(container)
            clone.update(parts)
            return clone
        make: Callable[..., Any] = type(container)
        return make(parts)
    except (TypeError, AttributeError):
        return parts
