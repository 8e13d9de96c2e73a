"""SciPy's methods on our parameters."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim


def valley() -> tuple[Any, Any]:
    """Two parameters of different shapes, and a loss that is least at 1."""
    p = tg.tensor([[-1.2, 1.0]], dtype=tg.float64, requires_grad=True)
    q = tg.tensor(0.5, dtype=tg.float64, requires_grad=True)

    def loss() -> tg.Tensor:
        x, y = p[0]
        return (1 - x) ** 2 + 10 * (y - x**2) ** 2 + (q - y) ** 2

    return loss, [p, q]


METHODS = [
    None, "L-BFGS-B", "BFGS", "CG", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov",
    "trust-constr", "trust-exact", "dogleg", "Nelder-Mead", "Powell",
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:delta_grad == 0.0:UserWarning")
@pytest.mark.parametrize("method", METHODS)
def test_every_method_finds_the_minimum(method: str | None) -> None:
    loss, params = valley()
    if method == "dogleg":  # which needs a positive definite Hessian all the way
        with tg.no_grad():
            params[0].copy_(tg.tensor([[1.2, 0.9]]))
    limit = {"maxfun" if method == "TNC" else "maxiter": 2000}
    found = optim.minimize(loss, iter(params), method, options=limit)
    assert isinstance(found, scipy.optimize.OptimizeResult)
    np.testing.assert_allclose(found.x, np.ones(3), atol=2e-2)
    np.testing.assert_allclose(params[0].tolist(), [found.x[:2]])
    assert params[1].item() == found.x[2]
    assert params[0].grad is None


def test_derivatives_are_those_of_the_loss() -> None:
    from tinygrad_mnist.optim.minimize import _Function

    loss, params = valley()
    function = _Function(loss, params)
    x, v = np.array([0.3, -0.4, 0.9]), np.array([1.0, 2.0, -1.0])
    value, slope = function.value_and_gradient(x)
    assert value == function.value(x)
    np.testing.assert_allclose(slope, scipy.optimize.approx_fprime(x, function.value), atol=1e-5)
    hessian = function.hessian(x)
    numeric = scipy.optimize.approx_fprime(x, lambda x: function.value_and_gradient(x)[1])
    np.testing.assert_allclose(hessian, numeric, atol=1e-5)
    for at in (x, x, x + 1, x):
        product = function.hessian_product(at, v)
        np.testing.assert_allclose(product, function.hessian(at) @ v)


def test_a_loss_without_curvature_has_a_hessian_of_zeros() -> None:
    from tinygrad_mnist.optim.minimize import _Function

    p, unused = (tg.ones(2, requires_grad=True) for _ in range(2))
    function = _Function(lambda: 3 * p.sum(), [p, unused])
    assert function.value_and_gradient(np.ones(4))[1].tolist() == [3, 3, 0, 0]
    assert function.hessian(np.ones(4)).tolist() == np.zeros((4, 4)).tolist()


def test_a_module_is_fitted_within_bounds() -> None:
    tg.manual_seed(0)
    model = nn.Linear(2, 1).double()
    x = tg.randn(50, 2, dtype=tg.float64)
    y = x @ tg.tensor([[2.0], [-3.0]], dtype=tg.float64) + 0.5
    found = optim.minimize(
        lambda: ((model(x) - y) ** 2).mean(),
        model.parameters(),
        "L-BFGS-B",
        bounds=[(-2.5, 2.5)] * 3,
    )
    assert found.success
    assert found.x[1] == -2.5
    assert model.weight[0, 1].item() == -2.5


def test_float32_parameters_stay_float32() -> None:
    p = tg.tensor([3.0, 4.0], requires_grad=True)
    found = optim.minimize(lambda: ((p - 1) ** 2).sum(), p, "BFGS")
    assert found.x.dtype == np.float64
    assert p.dtype == tg.float32
    np.testing.assert_allclose(p.tolist(), [1, 1], rtol=1e-4)


def test_callbacks_see_the_parameters_at_the_iterate_and_may_stop() -> None:
    loss, params = valley()
    seen: list[Any] = []

    def by_vector(x: np.ndarray) -> None:
        seen.append(np.array_equal(x[:2], params[0].detach().numpy()[0]))

    optim.minimize(loss, params, "BFGS", callback=by_vector)
    assert len(seen) > 3
    assert all(seen)
    loss, params = valley()

    def by_result(intermediate_result: Any) -> None:
        seen.append(intermediate_result.fun)
        assert intermediate_result.x[2] == params[1].item()
        raise StopIteration

    count = len(seen)
    optim.minimize(loss, params, "L-BFGS-B", callback=by_result)
    assert len(seen) == count + 1


def test_an_error_leaves_the_parameters_as_they_were() -> None:
    loss, params = valley()
    calls = []

    def failing() -> tg.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise KeyError("data")
        return loss()

    with pytest.raises(KeyError):
        optim.minimize(failing, params, "BFGS")
    assert (params[0].tolist(), params[1].item()) == ([[-1.2, 1.0]], 0.5)


def test_bad_input_gets_a_sentence() -> None:
    loss, params = valley()
    for given, words in (
        ([], "empty parameter list"),
        ([params[0], params[0]], "more than once"),
        ([tg.ones(1)], "parameter 0 is not a leaf tensor that requires grad"),
        ([params[0] * 2], "parameter 0 is not a leaf"),
    ):
        with pytest.raises(ValueError, match=words):
            optim.minimize(loss, given)
    with pytest.raises(RuntimeError, match="a tensor of 1 element"):
        optim.minimize(lambda: params[0], params)
