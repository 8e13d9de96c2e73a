"""A dtype that is named is the dtype of what comes back: of sums, and given as Python's types."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

REDUCTIONS = ["sum(", "sum(0, ", "prod(", "prod(1, ", "cumsum(0, ", "cumprod(1, ", "nansum("]
DTYPES = ["int32", "uint8", "int8", "int64", "bool", "float32", "float64", "float16"]


@pytest.mark.parametrize("kind", ["float32", "int64", "uint8", "bool"])
@pytest.mark.parametrize("call", REDUCTIONS)
def test_reductions_come_in_the_dtype_that_is_named(torch: Any, call: str, kind: str) -> None:
    array = np.array([[3.7, -2.2, 90.0], [0.0, 200.0, 5.5]])
    array = np.abs(array) if kind == "uint8" else array
    for dtype in DTYPES:
        results: list[Any] = []
        for t in (tg, torch):
            x = t.tensor(array).to(getattr(t, kind))
            try:
                results.append(eval(f"x.{call}dtype=t.{dtype})", {"x": x, "t": t}))
            except (NotImplementedError, RuntimeError) as error:
                results.append(type(error))
        mine, theirs = results
        if isinstance(theirs, type):
            assert isinstance(mine, type), (dtype, theirs)
            continue
        assert repr(mine.dtype) == repr(theirs.dtype) == f"torch.{dtype}"
        np.testing.assert_allclose(
            mine.numpy(), theirs.numpy(), rtol=1e-2 if "16" in dtype else 1e-6
        )


@pytest.mark.parametrize("dtype", [int, bool, tg.int32])
@pytest.mark.parametrize("name", ["mean", "nanmean"])
def test_means_are_not_taken_in_integers(name: str, dtype: Any) -> None:
    with pytest.raises(RuntimeError, match=f"{name}: .*floating"):
        getattr(tg.ones(3), name)(dtype=dtype)


TAKES_A_DTYPE = [
    "t.tensor([1, 2], dtype=k)", "t.as_tensor([1, 2], dtype=k)", "t.zeros(2, dtype=k)",
    "t.ones((2,), dtype=k)", "t.empty(2, dtype=k).zero_()", "t.full((2,), 1, dtype=k)",
    "t.eye(2, dtype=k)", "t.zeros_like(x, dtype=k)", "t.ones_like(x, dtype=k)",
    "t.full_like(x, 2, dtype=k)", "x.to(k)", "x.to(dtype=k)", "x.to('cpu', k)", "x.sum(dtype=k)",
    "t.sum(x, dtype=k)", "x.prod(dtype=k)", "x.new_zeros(2, dtype=k)", "x.new_ones((2,), dtype=k)",
    "x.new_full((2,), 3, dtype=k)", "x.new_tensor([1], dtype=k)", "t.promote_types(k, t.int32)",
    "t.can_cast(k, t.float32)", "t.can_cast(t.int32, k)",
]  # fmt: skip
FLOATS = [
    "t.arange(3, dtype=k)", "t.linspace(0, 1, 3, dtype=k)", "t.rand(2, dtype=k)",
    "t.rand_like(x, dtype=k)", "x.mean(dtype=k)", "x.softmax(0, dtype=k)", "t.softmax(x, 0, k)",
    "F.log_softmax(x, 0, dtype=k)", "F.softmin(x, 0, dtype=k)", "t.norm(x, dtype=k)",
    "t.linalg.vector_norm(x, dtype=k)", "t.linalg.norm(x, dtype=k)", "t.finfo(k).bits",
    "nn.Linear(2, 2, dtype=k).weight.dtype", "nn.Linear(2, 2).to(k).weight.dtype",
    "nn.Linear(2, 2).to(dtype=k).weight.dtype", "nn.BatchNorm1d(2, dtype=k).running_mean.dtype",
    "nn.LSTM(2, 2, dtype=k).weight_hh_l0.dtype", "nn.Embedding(2, 2, dtype=k).weight.dtype",
    "x.cumsum(0, dtype=k)",
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "kind"),
    [(c, k) for c in TAKES_A_DTYPE for k in (float, int, bool)] + [(c, float) for c in FLOATS],
)
def test_pythons_types_name_dtypes_as_in_pytorch(torch: Any, call: str, kind: Any) -> None:
    results = []
    for t in (tg, torch):
        t.manual_seed(0)
        names = {"t": t, "nn": t.nn, "F": t.nn.functional, "k": kind}
        out = eval(call, {**names, "x": t.tensor([[1.5, 2.0], [3.0, -1.0]])})
        results.append((repr(out.dtype), out.tolist()) if hasattr(out, "tolist") else repr(out))
    if isinstance(results[1], tuple):
        assert results[0][0] == results[1][0]
        np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-9)
    else:
        assert results[0] == results[1]


def test_pythons_float_is_float64_whatever_the_default_is() -> None:
    assert tg.ones(3, dtype=float).dtype is tg.float64


@pytest.mark.parametrize("settings", [{"dtyp": tg.float64}, {"copy": True}])
def test_a_module_refuses_what_it_cannot_be_moved_to(settings: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="unexpected"):
        tg.nn.Linear(2, 2).to(**settings)
