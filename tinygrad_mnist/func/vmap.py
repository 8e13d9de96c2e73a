"""vmap: a function of single examples, applied to batches."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import named, named_if_nameless
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.func.tree import leaves, rebuild, spread
from tinygrad_mnist.tensor import default_generator


@named
def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return a function that calls a function for each element of a batch, and stacks the results.

    It is a loop: what it returns, and its derivatives, are PyTorch's, but a call takes as long as
    its calls one by one. Where speed counts, write the function for batches. Follows
    ``torch.func.vmap``.

    Parameters
    ----------
    func
        A function of Tensors, or of dicts, lists and tuples of them, that returns such.
    in_dims
        Over which dimension of the arguments to go, None for those that stay whole: one for all,
        or a tuple with one per argument, which may in turn have the argument's form. Keyword
        arguments stay whole.
    out_dims
        Which dimension of the results is the batch: one for all, or in the form of the results.
    randomness
        What random functions do: ``"error"``; ``"different"`` numbers for each element; or the
        ``"same"``.
    chunk_size
        Accepted; it changes nothing.

    Returns
    -------
    A function of the same arguments; a result of shape (*) comes as (N, *), with N the batch.

    Raises
    ------
    ValueError
        When the dimensions don't fit the arguments, the batch sizes differ, the batch is empty, or
        the function returns something else than Tensors.
    RuntimeError
        When the function draws random numbers and randomness is ``"error"``.

    Examples
    --------
    >>> from tinygrad_mnist import arange, vmap
    >>> vmap(lambda x, y: (x * y).sum(), in_dims=(0, None))(arange(6).reshape(3, 2), arange(2))
    tensor([1, 3, 5])
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"randomness must be 'error', 'different' or 'same', got {randomness!r}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"chunk_size should be None or greater than 0, got {chunk_size}")

    @functools.wraps(func)
    @named_if_nameless
    def vmap(*args: Any, **kwargs: Any) -> Any:
        given = leaves(args)
        dims = spread(in_dims, args, "in_dims=")
        size = _batch_size(given, dims)
        state = default_generator.get_state()
        rows: list[list[Any]] = []
        for i in range(size):
            chosen = [
                x if dim is None else x.select(dim, i) for x, dim in zip(given, dims, strict=True)
            ]
            if randomness == "same":
                default_generator.set_state(state)
            out = func(*rebuild(args, chosen), **kwargs)
            if randomness == "error" and not i:
                if not np.array_equal(default_generator.get_state(), state):
                    raise RuntimeError(
                        "the function draws random numbers; say with randomness='different' "
                        "or randomness='same' whether each element gets its own"
                    )
            rows.append(_checked(out))
        places = spread(out_dims, out, "out_dims=")
        return rebuild(
            out, [_stack(p, dim) for p, dim in zip(zip(*rows, strict=True), places, strict=True)]
        )

    return vmap


def _batch_size(given: list[Any], dims: list[Any]) -> int:
    """Return the common length of the mapped dimensions."""
    sizes: list[int] = []
    for x, dim in zip(given, dims, strict=True):
        if dim is None:
            continue
        if not isinstance(x, TensorBase):
            raise ValueError(
                f"got in_dim={dim} for an argument of type {type(x).__name__}, which has no "
                f"dimensions; use None for it"
            )
        ndim = x._array.ndim
        if not isinstance(dim, int) or not -ndim <= dim < ndim:
            raise ValueError(
                f"got in_dim={dim} for an argument of dimensionality {ndim}; expected "
                f"None or an int from {-ndim} to {ndim - 1}"
            )
        sizes.append(x._array.shape[dim])
    if not sizes:
        raise ValueError("at least one argument must be a Tensor with a dimension to go over")
    if len(set(sizes)) > 1:
        raise ValueError(
            f"expected all tensors to have the same size in the mapped dimension, got {sizes}"
        )
    if not sizes[0]:
        raise ValueError("the batch is empty, so the results' shapes can't be told")
    return sizes[0]


def _checked(out: Any) -> list[Any]:
    found = leaves(out)
    for x in found:
        if not isinstance(x, TensorBase):
            raise ValueError(f"the function must only return Tensors, got a {type(x).__name__}")
    return found


def _stack(parts: tuple[Any, ...], dim: Any) -> Any:
    ndim = parts[0]._array.ndim
    if not isinstance(dim, int) or not -ndim - 1 <= dim <= ndim:
        raise ValueError(
            f"out_dim={dim!r} isn't a dimension of a result with {ndim} dimensions and the "
            f"batch; expected an int from {-ndim - 1} to {ndim}"
        )
    return ops.stack(*parts, dim=dim)
