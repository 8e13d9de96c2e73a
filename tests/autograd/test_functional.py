"""Jacobians, Hessians and their products with vectors, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import functional as F


def square_sum(t: Any, x: Any) -> Any:
    return (x**3).sum() + (x[0] * x).sin().sum()


FUNCTIONS = {
    "vector": (lambda x: (x * x.sum()).exp() * 0.1, 1),
    "scalar": (lambda x: (x**3).sum(), 1),
    "matrix": (lambda x: x.reshape(-1, 1) @ x.reshape(1, -1), 1),
    "two inputs": (lambda x, y: x * y.sum() + y[0], 2),
    "two outputs": (lambda x: (x.sin(), x.sum()), 1),
    "two of both": (lambda x, y: (x * y, (x + y).sum(), y.exp()), 2),
    "unused input": (lambda x, y: x * 2, 2),
    "constant output": (lambda x: (x * 2, x.detach()), 1),
    "kink": (lambda x: (x.relu() * x.exp()).cumsum(0), 1),
    "linear": (lambda x: 3 * x, 1),
}
SCALARS = {
    "cubes": (lambda x: (x**3).sum() + (x[0] * x).sin().sum(), 1),
    "product": (lambda x, y: (x * y).prod() + (x**2 * y).sum(), 2),
    "linear": (lambda x: x.sum(), 1),
    "unused input": (lambda x, y: (x**2).sum(), 2),
    "softmax": (lambda x: x.softmax(0)[1], 1),
}


def given(t: Any, count: int, seed: int = 0) -> Any:
    source = np.random.default_rng(seed)
    made = [t.tensor(source.standard_normal(3)) for _ in range(count)]
    return made[0] if count == 1 else tuple(made)


def numbers(x: Any) -> Any:
    """Turn nested tuples of tensors to nested tuples of lists."""
    if isinstance(x, tuple):
        return tuple(numbers(part) for part in x)
    return x.detach().numpy()


def agree(mine: Any, theirs: Any) -> None:
    assert isinstance(mine, tuple) == isinstance(theirs, tuple)
    if isinstance(mine, tuple):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            agree(a, b)
        return
    assert tuple(mine.shape) == tuple(theirs.shape)
    assert str(mine.dtype) == str(theirs.dtype)
    assert mine.requires_grad == theirs.requires_grad
    np.testing.assert_allclose(
        mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12
    )


def outputs_like(t: Any, out: Any, seed: int = 1) -> Any:
    source = np.random.default_rng(seed)
    parts = out if isinstance(out, tuple) else (out,)
    made = tuple(t.tensor(source.standard_normal(tuple(x.shape))) for x in parts)
    return made if isinstance(out, tuple) else made[0]


@pytest.mark.parametrize("create_graph", [False, True], ids=["plain", "create_graph"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_jacobian_and_its_products_are_pytorchs(name: str, create_graph: bool, torch: Any) -> None:
    func, count = FUNCTIONS[name]
    results = []
    for t in (tg, torch):
        api = t.autograd.functional
        inputs = given(t, count)
        for x in inputs if count > 1 else (inputs,):
            x.requires_grad_(create_graph)
        v = outputs_like(t, func(*inputs) if count > 1 else func(inputs))
        u = given(t, count, 2)
        results.append(
            (
                api.jacobian(func, inputs, create_graph=create_graph),
                api.jacobian(func, inputs, create_graph=create_graph, vectorize=False),
                api.vjp(func, inputs, v, create_graph=create_graph),
                api.jvp(func, inputs, u, create_graph=create_graph),
            )
        )
    agree(results[0], results[1])
    forward = F.jacobian(func, given(tg, count), strategy="forward-mode")
    agree(forward, F.jacobian(func, given(tg, count)))


@pytest.mark.parametrize("create_graph", [False, True], ids=["plain", "create_graph"])
@pytest.mark.parametrize("name", SCALARS)
def test_hessian_and_its_products_are_pytorchs(name: str, create_graph: bool, torch: Any) -> None:
    func, count = SCALARS[name]
    results = []
    for t in (tg, torch):
        api = t.autograd.functional
        inputs = given(t, count)
        for x in inputs if count > 1 else (inputs,):
            x.requires_grad_(create_graph)
        v = given(t, count, 2)
        results.append(
            tuple(
                [
                    api.hessian(func, inputs, create_graph=create_graph),
                    api.vhp(func, inputs, v, create_graph=create_graph),
                    api.hvp(func, inputs, v, create_graph=create_graph),
                ]
            )
        )
    agree(results[0], results[1])


def test_jacobian_is_that_of_finite_differences() -> None:
    x = given(tg, 1)
    func = FUNCTIONS["vector"][0]
    steps = tg.eye(3, dtype=tg.float64) * 1e-6
    numeric = tg.stack([(func(x + s) - func(x - s)) / 2e-6 for s in steps], dim=1)
    np.testing.assert_allclose(F.jacobian(func, x).numpy(), numeric.numpy(), rtol=1e-6)


def test_result_can_be_differentiated_by_the_input_and_by_the_vector(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        x, v = given(t, 1).requires_grad_(), given(t, 1, 3).requires_grad_()
        for product in (t.autograd.functional.jvp, t.autograd.functional.vjp):
            _, out = product(FUNCTIONS["vector"][0], x, v, create_graph=True)
            (out**2).sum().backward()
        t.autograd.functional.hessian(SCALARS["cubes"][0], x, create_graph=True).sum().backward()
        results.append((x.grad, v.grad))
    agree(results[0], results[1])


@pytest.mark.parametrize("name", [*FUNCTIONS, *SCALARS])
def test_strict_refuses_what_pytorch_refuses(name: str, torch: Any) -> None:
    func, count = {**FUNCTIONS, **SCALARS}[name]
    for product in ("vjp", "jvp", "jacobian", "hessian", "vhp", "hvp"):
        if product in ("hessian", "vhp", "hvp") and name not in SCALARS:
            continue
        for create_graph in (False, True):
            refused = []
            for t in (tg, torch):
                inputs = given(t, count)
                if product == "vjp":
                    more = [outputs_like(t, func(*inputs) if count > 1 else func(inputs))]
                else:
                    more = [] if product in ("jacobian", "hessian") else [given(t, count, 2)]
                call = getattr(t.autograd.functional, product)
                try:
                    call(func, inputs, *more, strict=True, create_graph=create_graph)
                    refused.append(False)
                except RuntimeError:
                    refused.append(True)
            assert refused[0] == refused[1], (product, create_graph)


def test_gradients_of_inputs_and_grad_mode_are_left_alone() -> None:
    x = given(tg, 1).requires_grad_()
    with tg.no_grad():
        assert not F.jacobian(lambda x: x**2, x).requires_grad
        assert not tg.is_grad_enabled()
    assert x.grad is None


def test_vector_may_be_left_out_for_one_number(torch: Any) -> None:
    for t in (tg, torch):
        api = t.autograd.functional
        x = t.tensor([2.0])
        assert api.vjp(lambda x: x**2, x)[1].tolist() == [4.0]
        assert api.jvp(lambda x: x**2, x)[1].tolist() == [4.0]
        assert api.hvp(lambda x: (x**3).sum(), x)[1].tolist() == [12.0]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: F.vjp(lambda x: x, x), RuntimeError, "v can only be left out"),
        (lambda x: F.jvp(lambda x: x, x, tg.ones(2)), RuntimeError, "invalid size"),
        (lambda x: F.jvp(lambda x: x, x, (tg.ones(3), tg.ones(3))), RuntimeError, "invalid size"),
        (lambda x: F.hessian(lambda x: x, x), RuntimeError, "single element"),
        (lambda x: F.hvp(lambda x: (x.sum(), x), x, x), RuntimeError, "single Tensor"),
        (lambda x: F.jacobian(lambda x: 3.0, x), TypeError, "outputs of the function"),
        (lambda x: F.jacobian(lambda x: x, [1.0]), TypeError, "number 0 is a float"),
        (lambda x: F.jacobian(lambda x: x, x.long()), RuntimeError, "floating point"),
        (lambda x: F.jacobian(lambda x: x, x, strategy="sideways"), RuntimeError, "sideways"),
    ],
)
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call(tg.ones(3))
