"""Run a module of ours beside PyTorch's, from the same weights, and compare all that comes out."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_mnist as tg


def flat(out: Any) -> list[Any]:
    """Return the tensors in nested tuples."""
    if isinstance(out, tuple | list):
        return [x for part in out for x in flat(part)]
    return [] if out is None else [out]


def assert_same(mine: Any, theirs: Any, tolerance: float = 1e-9) -> None:
    """Compare tensors, None, or nested tuples of them."""
    if isinstance(theirs, tuple | list):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            assert_same(a, b, tolerance)
    elif theirs is None:
        assert mine is None
    else:
        assert tuple(mine.shape) == tuple(theirs.shape)
        assert repr(mine.dtype) == repr(theirs.dtype)
        np.testing.assert_allclose(
            mine.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance
        )


def converted(x: Any, t: Any) -> Any:
    """Turn the tensors of a state into those of another library."""
    if isinstance(x, dict):
        return {key: converted(value, t) for key, value in x.items()}
    if isinstance(x, list):
        return [converted(value, t) for value in x]
    return t.tensor(x.detach().numpy().copy()) if hasattr(x, "detach") else x


def make_both(torch: Any, call: str) -> tuple[Any, Any]:
    """Make a module here and there from the same seed, and check that they start alike."""
    made = []
    for library in (tg, torch):
        library.manual_seed(0)
        names = {"nn": library.nn, "F": library.nn.functional, "tensor": library.tensor}
        made.append(eval(call, names))
    mine, theirs = made
    assert repr(mine) == repr(theirs)
    assert list(mine.state_dict()) == list(theirs.state_dict())
    for (name, a), b in zip(mine.state_dict().items(), theirs.state_dict().values(), strict=True):
        assert tuple(a.shape) == tuple(b.shape), name
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6, err_msg=name)
    return mine, theirs


def compare(
    torch: Any,
    call: str,
    *arrays: np.ndarray,
    run: Callable[..., Any] | None = None,
    tolerance: float = 1e-9,
    **kwargs: Any,
) -> None:
    """Compare a module's outputs, and the gradients of its inputs and parameters, in float64.

    ``run(library, module, *tensors)`` says how to call the module, if not with the tensors alone.
    """
    mine, theirs = make_both(torch, call)
    mine, theirs = mine.double(), theirs.double()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in mine.state_dict().items()})
    mine.load_state_dict({k: tg.tensor(v.numpy()) for k, v in theirs.state_dict().items()})
    results = []
    for module, library in ((mine, tg), (theirs, torch)):
        library.manual_seed(1)
        inputs = [library.tensor(np.array(a)) for a in arrays]
        for x in inputs:
            if x.is_floating_point():
                x.requires_grad_()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = module(*inputs, **kwargs) if run is None else run(library, module, *inputs)
        source = np.random.default_rng(1)
        terms = [
            (x * library.tensor(source.standard_normal(tuple(x.shape)))).sum()
            for x in flat(out)
            if x.requires_grad
        ]
        if terms:
            sum(terms).backward()
        results.append((out, [x.grad for x in inputs], [p.grad for p in module.parameters()]))
    assert_same(results[0], results[1], tolerance)
