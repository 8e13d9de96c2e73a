"""Anomaly mode sees every NaN that a backward returns, a user's Function's too."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

import tinygrad_mnist as tg


def functions(t: Any) -> dict[str, Any]:
    """Return Functions whose backward gives NaN."""

    class One(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x * 1

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * float("nan")

    class Two(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            return x * 1, y * 2

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            return g, h * float("nan")

    return {"One": One, "Two": Two}


@pytest.mark.parametrize(
    ("run", "name", "position"),
    [
        ("One.apply(x).sum().backward()", "OneBackward", 0),
        ("One.apply(x * 2).sum().backward()", "OneBackward", 0),
        ("sum(Two.apply(x, y)).sum().backward()", "TwoBackward", 1),
        ("Two.apply(x, y)[0].sum().backward()", "TwoBackward", 1),
        ("t.autograd.grad(One.apply(x).sum(), x)", "OneBackward", 0),
        ("t.autograd.grad(One.apply(x).sum(), x, create_graph=True)", "OneBackward", 0),
        ("(y * (x * float('nan'))).sum().backward()", "MulBackward0", 0),
        ("t.autograd.grad((x * 0).sqrt().sum() * 0, x, create_graph=True)", "SqrtBackward0", 0),
        ("(x * float('nan')).unbind()[0].backward()", "MulBackward0", 0),
    ],
)
def test_nan_of_a_backward_is_found_as_in_pytorch(
    torch: Any, run: str, name: str, position: int
) -> None:
    for t in (tg, torch):
        names = {"t": t, **functions(t)}
        names["x"] = t.tensor([1.0, 2.0], requires_grad=True)
        names["y"] = t.ones(2, requires_grad=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's, which show where a node was made
            with t.autograd.detect_anomaly(), pytest.raises(RuntimeError) as error:
                eval(run, names)
        wanted = f"Function '{name}' returned nan values in its {position}th output"
        assert wanted in str(error.value), t.__name__


def test_nan_passes_where_it_is_not_looked_for() -> None:
    one = functions(tg)["One"]
    x = tg.ones(2, requires_grad=True)
    with tg.autograd.detect_anomaly(check_nan=False):
        one.apply(x).sum().backward()
    assert x.grad.isnan().all()
    one.apply(x).sum().backward()
