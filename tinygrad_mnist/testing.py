"""Assertions about tensors, for tests. Follows ``torch.testing``."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.compat.unsupported import watch
from tinygrad_mnist.tensor import Tensor, as_tensor, float16, float32, float64

TOLERANCES = {float16: (1e-3, 1e-5), float32: (1.3e-6, 1e-5), float64: (1e-7, 1e-7)}
"""Relative and absolute tolerance by dtype; others must be equal."""


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: str | None = None,
) -> None:
    """Assert that tensors, or containers of them, are equal up to ``atol + rtol * |expected|``.

    Follows ``torch.testing.assert_close``.

    Parameters
    ----------
    actual, expected
        Tensors of one shape, numbers, or sequences or dicts of such.
    rtol, atol
        The tolerances, both or none; unless given they are those of the dtypes: 1.3e-6 and 1e-5 for
        float32.
    equal_nan
        Whether NaN equals NaN.
    allow_subclasses, check_device, check_layout, check_stride
        Accepted, and without effect.
    check_dtype
        Whether the dtypes must be equal, too.
    msg
        The error's text, in place of the one that is made.

    Raises
    ------
    AssertionError
        Saying where they differ most.
    ValueError
        When only one of the tolerances is given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.ones(2)
    >>> torch.testing.assert_close(x, x + 1e-7)
    >>> torch.testing.assert_close(x, x + 0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: ...
    """
    if (rtol is None) != (atol is None):
        raise ValueError("assert_close: give both rtol and atol, or neither")
    options: Any = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype}
    if isinstance(expected, dict):
        if set(actual) != set(expected):
            raise AssertionError(msg or f"keys differ: {list(actual)} and {list(expected)}")
        for key in expected:
            assert_close(actual[key], expected[key], msg=msg, **options)
        return
    if isinstance(expected, list | tuple):
        if len(actual) != len(expected):
            raise AssertionError(msg or f"lengths differ: {len(actual)} and {len(expected)}")
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, msg=msg, **options)
        return
    one, two = (x.detach() if isinstance(x, Tensor) else as_tensor(x) for x in (actual, expected))
    if one.shape != two.shape:
        raise AssertionError(msg or f"shapes differ: {list(one.shape)} and {list(two.shape)}")
    if check_dtype and one.dtype != two.dtype:
        raise AssertionError(msg or f"dtypes differ: {one.dtype} and {two.dtype}")
    if rtol is None or atol is None:
        found = [TOLERANCES.get(x.dtype, (0.0, 0.0)) for x in (one, two)]
        rtol, atol = max(x[0] for x in found), max(x[1] for x in found)
    if msg is not None and not np.allclose(one.numpy(), two.numpy(), rtol, atol, equal_nan):
        raise AssertionError(msg)
    np.testing.assert_allclose(one.numpy(), two.numpy(), rtol, atol, equal_nan)


watch("testing")
