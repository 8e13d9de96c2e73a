"""Powers with a constant exponent: PyTorch's values, however they are computed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import gradcheck, gradgradcheck

VALUES = [
    0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e-30, 1e30, 3.3, -7.7,
    1e-5, 100.0, -100.0,
]  # fmt: skip
EXPONENTS = [
    0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 16, 31, 32, 33, 101, -1, -2, -3, -4, -5, -10, -33, 0.5, -0.5,
    1.5, 2.5, 3.5, -1.5, -2.5, 2.2, 1.0, 2.0, 3.0, -1.0, float("nan"), float("inf"),
    -float("inf"),
]  # fmt: skip
FORMS: dict[str, Any] = {
    "operator": lambda t, x, n: x**n,
    "pow_": lambda t, x, n: (x * 1).pow_(n),
    "tensor exponent": lambda t, x, n: x ** t.tensor(n, dtype=x.dtype),
    "float_power": lambda t, x, n: t.float_power(x, n),
    "float_power_": lambda t, x, n: (x.double() * 1).float_power_(n),
    "np.power": lambda t, x, n: np.power(x, n) if t is tg else x**n,
}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("form", FORMS)
def test_power_and_its_derivatives_have_pytorchs_values(form: str, dtype: str, torch: Any) -> None:
    rtol = 1.3e-6 if dtype == "float32" else 1e-13

    def run(t: Any, n: float) -> list[Any]:
        x = t.tensor(np.array(VALUES, dtype)).requires_grad_()
        y = FORMS[form](t, x, n)
        (g,) = t.autograd.grad(y.sum(), x, create_graph=True)
        if not g.requires_grad or (form == "tensor exponent" and n == 0):
            return [y, g]  # of a tensor of zero PyTorch's second derivative is NaN
        return [y, g, *t.autograd.grad(g.sum(), x)]

    for n in EXPONENTS:
        for a, b in zip(run(tg, n), run(torch, n), strict=True):
            assert repr(a.dtype) == repr(b.dtype)
            want = b.detach().numpy()
            tiny = np.finfo(want.dtype).tiny
            np.testing.assert_allclose(
                a.detach().numpy(), want, rtol=rtol, atol=tiny, err_msg=repr(n)
            )


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, -1, -2, 0.5, 1.5, -0.5])
def test_power_of_float16_is_rounded_once(n: float, torch: Any) -> None:
    x = np.array([0.3, 1.7, 9.0, 0.01, 40.0], np.float16)
    mine, theirs = tg.tensor(x) ** n, torch.tensor(x) ** n
    assert str(mine.dtype) == str(theirs.dtype)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-3)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 5])
def test_power_of_integers_is_an_integer(n: int, torch: Any) -> None:
    x = np.array([[-3, 0, 1], [2, 5, -1]])
    assert (tg.tensor(x) ** n).tolist() == (torch.tensor(x) ** n).tolist()
    assert (tg.tensor(x) ** float(n)).tolist() == (torch.tensor(x) ** float(n)).tolist()
    assert (
        tg.float_power(tg.tensor(x), n).tolist() == torch.float_power(torch.tensor(x), n).tolist()
    )


@pytest.mark.parametrize("n", [2, 3, 9, -1, -3, 0.5, 2.5, -1.5])
def test_derivatives_agree_with_differences(n: float) -> None:
    x = tg.tensor([0.4, 1.3, 2.1], dtype=tg.float64, requires_grad=True)
    assert gradcheck(lambda x: x**n, [x]) and gradgradcheck(lambda x: x**n, [x])


def test_result_never_is_the_tensors_own_memory() -> None:
    x = tg.ones(3)
    for n in (0, 1, 1.0, tg.tensor(1.0)):
        y = x**n
        y.zero_()
        assert x.tolist() == [1.0, 1.0, 1.0]


def test_small_exponents_take_no_logarithms(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("np.power was called")

    monkeypatch.setattr(np, "power", refuse)
    x = tg.tensor([-2.0, 3.0], requires_grad=True)
    for n in (3, -3, 10, 1.5, -0.5):
        y = x**n
        (g,) = tg.autograd.grad(y.sum(), x, create_graph=True)
        g.sum().backward()
