"""Arguments that fit nowhere, and what every public call has to make of them."""

from __future__ import annotations

import inspect
import random
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from words import faults

import tinygrad_mnist as tg

DOCUMENTED = (TypeError, ValueError, RuntimeError, IndexError, NotImplementedError)


def argument(source: random.Random) -> Any:
    """Return something that hardly fits anywhere; tensors among them are new each time."""
    kind = source.randrange(22)
    if kind < 8:
        shape = source.choice([(), (0,), (1,), (3,), (2, 3), (3, 1), (2, 0), (2, 2, 3)])
        dtype = source.choice([np.float32, np.float64, np.int64, np.uint8, np.bool_, np.int32])
        numbers = np.random.default_rng(source.randrange(100)).integers(-2, 4, shape)
        array = np.asarray(numbers).astype(dtype)
        if array.dtype.kind == "f" and array.size and source.random() < 0.3:
            array.flat[0] = source.choice([np.nan, np.inf, -0.5])
        tensor = tg.tensor(array)
        return tensor.requires_grad_(array.dtype.kind == "f" and source.random() < 0.2)
    return [
        None, "text", -1, 0, 1, 2, 3, 7, 2.5, float("nan"), True, (0,), (1, -1), [], [1.5], object(),
        tg.float32, np.ones(3), {"a": 1}, slice(None), 10**30, (2, 3), -(2**70), [tg.ones(2), 3],
        "float", "mean", b"", lambda x: x, Ellipsis, 1j, float("inf"),
    ][source.randrange(31)]  # fmt: skip


def parameters(function: Callable[..., Any]) -> list[str]:
    """Return the names under which a function takes arguments."""
    names = [p.name for p in inspect.signature(function).parameters.values()]
    return [name for name in names if name not in ("args", "kwargs", "self")]


def attempt(
    names: set[str],
    function: Callable[..., Any],
    args: Iterable[Any] = (),
    kwargs: dict[str, Any] | None = None,
    watched: Iterable[Any] = (),
    also: tuple[type[Exception], ...] = (),
) -> Any:
    """Call a function; an error must be documented, a sentence with a name, and change nothing.

    The sentence has one of the names in it, or begins with that of something inside.
    """
    args, kwargs = list(args), kwargs or {}
    tensors = [x for x in (*args, *kwargs.values(), *watched) if isinstance(x, tg.Tensor)]
    before = [(x._array.copy(), x._array.shape, x._array.dtype, x.requires_grad) for x in tensors]
    mode = tg.is_grad_enabled()
    try:
        return function(*args, **kwargs)
    except Warning:
        return None  # a warning is an error in these tests, but not for a user
    except Exception as error:
        message = str(error)
        said = f"{sorted(names)} {args}, {kwargs}: {type(error).__name__}: {message}"
        assert isinstance(error, DOCUMENTED + also), said
        begins = re.match(r"\W?[\w.]+(\(\))?: |[\w.]+\(\) (got|takes|missing)", message)
        assert begins or any(name in message for name in names), f"no name in: {said}"
        assert re.search(r"\w+ \w+", message), f"no sentence: {said}"
        assert not (wrong := faults(error)), f"{', '.join(wrong)}: {said}"
        assert tg.is_grad_enabled() == mode, f"another mode: {said}"
        for x, (array, shape, dtype, grad) in zip(tensors, before, strict=True):
            found = (x._array.shape, x._array.dtype, x.requires_grad)
            assert found == (shape, dtype, grad), f"changed: {said}"
            np.testing.assert_array_equal(x._array, array, err_msg=said)
    return None
