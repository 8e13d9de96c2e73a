"""Transforms of functions, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import func

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Attempted to insert:UserWarning"),
]


def values(t: Any, *shape: int, seed: int = 0) -> Any:
    return t.tensor(np.random.default_rng(seed).standard_normal(shape))


def agree(mine: Any, theirs: Any) -> None:
    if isinstance(mine, dict):
        assert list(mine) == list(theirs)
        mine, theirs = tuple(mine.values()), tuple(theirs.values())
    if isinstance(mine, tuple | list):
        assert type(mine).__name__ == type(theirs).__name__
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            agree(a, b)
        return
    if not hasattr(mine, "shape"):
        assert mine == theirs
        return
    assert tuple(mine.shape) == tuple(theirs.shape)
    assert str(mine.dtype) == str(theirs.dtype)
    assert mine.requires_grad == theirs.requires_grad
    np.testing.assert_allclose(
        mine.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12
    )


def loss(x: Any, y: Any) -> Any:
    return ((x * y).sin().sum() + (x**3).sum()) * y[0]


def tree_loss(parts: Any, x: Any) -> Any:
    return ((x @ parts["w"] + parts["rest"][0]).tanh() ** 2).sum() * parts["rest"][1]


def tree(t: Any) -> Any:
    return {"w": values(t, 3, 2, seed=1), "rest": [values(t, 2, seed=2), values(t, seed=3)]}


CALLS = {
    "grad": lambda t, f: f.grad(loss)(values(t, 3), values(t, 3, seed=1)),
    "grad of the second": lambda t, f: f.grad(loss, argnums=1)(values(t, 3), values(t, 3, seed=1)),
    "grad of both": lambda t, f: f.grad(loss, argnums=(1, 0))(values(t, 3), values(t, 3, seed=1)),
    "negative argnum": lambda t, f: f.grad(loss, argnums=-1)(values(t, 3), values(t, 3, seed=1)),
    "aux": lambda t, f: f.grad(lambda x: (loss(x, x), {"y": x * 2}), has_aux=True)(values(t, 3)),
    "value": lambda t, f: f.grad_and_value(loss)(values(t, 3), values(t, 3, seed=1)),
    "value and aux": lambda t, f: f.grad_and_value(lambda x: (loss(x, x), x + 1), has_aux=True)(values(t, 3)),
    "second": lambda t, f: f.grad(lambda x: f.grad(loss)(x, x).sum())(values(t, 3)),
    "third": lambda t, f: f.grad(f.grad(f.grad(lambda x: (x**5) * x.sin())))(values(t)),
    "of a tree": lambda t, f: f.grad(tree_loss)(tree(t), values(t, 4, 3)),
    "unused": lambda t, f: f.grad(lambda x, y: (x**2).sum(), argnums=(0, 1))(values(t, 3), values(t, 2)),
    "constant": lambda t, f: f.grad(lambda x: t.ones(()))(values(t, 3)),
    "keyword": lambda t, f: f.grad(lambda x, k: (x**k).sum())(values(t, 3), k=3),
    "by a leaf": lambda t, f: f.grad(lambda x: (x**2).sum())(values(t, 3).requires_grad_()),
    "around a leaf": lambda t, f: (lambda w: f.grad(lambda x: (x * w).sin().sum())(values(t, 3)))(values(t, 3, seed=4).requires_grad_()),
    "beside a leaf": lambda t, f: (lambda w: f.grad(lambda x: (x**2).sum() + w.sum() * 0)(values(t, 3)))(values(t, 3).requires_grad_()),
    "inside no_grad": lambda t, f: t.no_grad()(lambda: f.grad(lambda x: (x**2).sum())(values(t, 3).requires_grad_()))(),
    "jacrev": lambda t, f: f.jacrev(lambda x: (x * x.sum()).exp())(values(t, 3)),
    "jacfwd": lambda t, f: f.jacfwd(lambda x: (x * x.sum()).exp())(values(t, 3)),
    "jacrev of a tree": lambda t, f: f.jacrev(lambda p, x: {"a": x @ p["w"], "b": p["rest"][1] ** 2})(tree(t), values(t, 4, 3)),
    "jacfwd of a tree": lambda t, f: f.jacfwd(lambda p, x: {"a": x @ p["w"], "b": p["rest"][1] ** 2})(tree(t), values(t, 4, 3)),
    "jacrev of both": lambda t, f: f.jacrev(lambda x, y: (x * y, x.sum()), argnums=(0, 1))(values(t, 3), values(t, 3, seed=1)),
    "jacrev aux": lambda t, f: f.jacrev(lambda x: (x**2, x + 1), has_aux=True)(values(t, 3)),
    "hessian": lambda t, f: f.hessian(lambda x: loss(x, x))(values(t, 3)),
    "hessian of both": lambda t, f: f.hessian(loss, argnums=(0, 1))(values(t, 3), values(t, 3, seed=1)),
    "hessian of a matrix": lambda t, f: f.hessian(lambda x: (x @ x).sum(0))(values(t, 2, 2)),
    "vjp": lambda t, f: (lambda out, back: (out, back(values(t, 3, seed=5))))(*f.vjp(lambda x: (x * x.sum()).exp(), values(t, 3))),
    "vjp of a tree": lambda t, f: (lambda out, back: (out, back({"s": values(t, 2), "p": values(t)})))(*f.vjp(lambda x, y: {"s": x * y, "p": y.sum()}, values(t, 2), values(t, 2, seed=1))),
    "vjp aux": lambda t, f: f.vjp(lambda x: (x**2, x + 1), values(t, 3), has_aux=True)[2],
    "jvp": lambda t, f: f.jvp(lambda x, y: (x * y, x.sum().exp()), (values(t, 3), values(t, 3, seed=1)), (values(t, 3, seed=2), values(t, 3, seed=3))),
    "jvp of a constant": lambda t, f: f.jvp(lambda x: t.ones(2), (values(t, 3),), (values(t, 3),)),
    "jvp aux": lambda t, f: f.jvp(lambda x: (x**2, x), (values(t, 3),), (values(t, 3),), has_aux=True),
    "linearize": lambda t, f: (lambda out, push: (out, push(values(t, 3, seed=2)), push(values(t, 3))))(*f.linearize(lambda x: x.sin() * x, values(t, 3))),
    "Hessian product": lambda t, f: f.jvp(f.grad(lambda x: loss(x, x)), (values(t, 3),), (values(t, 3, seed=1),))[1],
    "vmap": lambda t, f: f.vmap(lambda x, y: (x * y).sum())(values(t, 4, 3), values(t, 4, 3, seed=1)),
    "vmap dims": lambda t, f: f.vmap(lambda x, y: x @ y, in_dims=(1, None), out_dims=-1)(values(t, 3, 4), values(t, 3, 2, seed=1)),
    "vmap of a tree": lambda t, f: f.vmap(lambda p, x: {"a": x @ p["w"]}, in_dims=({"w": None}, 0), out_dims={"a": 1})({"w": values(t, 3, 2)}, values(t, 4, 3)),
    "vmap two outputs": lambda t, f: f.vmap(lambda x: (x.sum(), x * 2), out_dims=(0, 1))(values(t, 4, 3)),
    "vmap nested": lambda t, f: f.vmap(f.vmap(lambda x, y: x * y, in_dims=(0, None)), in_dims=(None, 0))(values(t, 3), values(t, 2)),
    "vmap keyword": lambda t, f: f.vmap(lambda x, y: x * y.sum())(values(t, 3), y=values(t, 3, seed=1)),
    "vmap of a leaf": lambda t, f: f.vmap(lambda x: x**2)(values(t, 3).requires_grad_()),
    "gradient of each": lambda t, f: f.vmap(f.grad(tree_loss), in_dims=(None, 0))(tree(t), values(t, 4, 3)),
    "Jacobian of each": lambda t, f: f.vmap(f.jacrev(lambda x: x.sin() * x.sum()))(values(t, 4, 3)),
    "gradient through vmap": lambda t, f: f.grad(lambda x: f.vmap(lambda r: r.exp().sum())(x).sum())(values(t, 4, 3)),
    "random same": lambda t, f: (t.manual_seed(0), f.vmap(lambda x: x + t.rand(3), randomness="same")(values(t, 4, 3)))[1],
    "random different": lambda t, f: (t.manual_seed(0), f.vmap(lambda x: x + t.rand(3), randomness="different")(values(t, 4, 3)))[1],
}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_transform_gives_what_pytorchs_gives(name: str, torch: Any) -> None:
    agree(CALLS[name](tg, tg.func), CALLS[name](torch, torch.func))


def test_result_can_be_differentiated_by_what_surrounds_it(torch: Any) -> None:
    def gradients(t: Any) -> Any:
        w, x = values(t, 3).requires_grad_(), values(t, 3, seed=1).requires_grad_()
        f = t.func
        out = f.grad(lambda y: (y * w).exp().sum())(x).sum()
        out = out + f.vjp(lambda y: y**2 * w, x)[1](w)[0].sum()
        out = out + f.jvp(lambda y: y**3 * w, (x,), (w,))[1].sum()
        out = out + f.jacrev(lambda y: y**2 * w.sum())(x).sum()
        out.backward()
        return w.grad, x.grad

    agree(gradients(tg), gradients(torch))


def test_jacobians_agree_with_autograd_functional_and_with_differences() -> None:
    x = values(tg, 3)

    def f(x: Any) -> Any:
        return (x * x.sum()).sin()

    numeric = tg.stack(
        [(f(x + s) - f(x - s)) / 2e-6 for s in tg.eye(3, dtype=tg.float64) * 1e-6], 1
    )
    for jacobian in (func.jacrev(f)(x), func.jacfwd(f)(x)):
        assert tg.allclose(jacobian, tg.autograd.functional.jacobian(f, x))
        np.testing.assert_allclose(jacobian.numpy(), numeric.numpy(), rtol=1e-6, atol=1e-8)


def test_gradients_and_leaves_outside_are_left_alone() -> None:
    w = values(tg, 3).requires_grad_()
    x = values(tg, 3)
    func.grad(lambda y: (y * w).sum())(x)
    assert w.grad is None
    assert not x.requires_grad
    with pytest.raises(ValueError, match="inside"):
        func.grad(lambda y: (_ for _ in ()).throw(ValueError("inside")))(x)
    assert tg.is_grad_enabled()


def test_value_comes_first_where_it_is_named_first() -> None:
    value, gradient = func.value_and_grad(lambda x: x**2)(tg.tensor(3.0))
    assert (value.item(), gradient.item()) == (9.0, 6.0)


def model(t: Any) -> Any:
    t.manual_seed(0)
    nn = t.nn
    return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def test_module_is_a_function_of_its_parameters(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        net = model(t)
        before = {name: p.detach().clone() for name, p in net.named_parameters()}
        given = {name: p * 2 + 1 for name, p in before.items()}
        x = values(t, 5, 3).float()
        out = t.func.functional_call(net, given, (x,))

        def error(p: Any, net: Any = net, x: Any = x, t: Any = t) -> Any:
            return (t.func.functional_call(net, p, x) ** 2).mean()

        results.append((out, t.func.grad(error)(given)))
        for name, p in net.named_parameters():
            assert bool((p == before[name]).all())
            assert p.grad is None
    for a, b in zip(*results, strict=True):
        for x, y in zip(
            *((r,) if not isinstance(r, dict) else r.values() for r in (a, b)), strict=True
        ):
            np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-5, atol=1e-6)


def test_module_has_its_own_parameters_back_after_an_error() -> None:
    net = model(tg)
    own = net[0].weight
    with pytest.raises(RuntimeError):
        func.functional_call(net, {"0.weight": tg.ones(4, 3)}, tg.ones(2, 7))
    assert net[0].weight is own


def test_tied_parameter_is_replaced_under_all_names() -> None:
    class Tied(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = tg.nn.Linear(2, 2, bias=False)
            self.b = tg.nn.Linear(2, 2, bias=False)
            self.b.weight = self.a.weight

        def forward(self, x: Any) -> Any:
            return self.b(self.a(x))

    given = {"a.weight": tg.eye(2) * 3}
    assert func.functional_call(Tied(), given, tg.ones(2)).tolist() == [9.0, 9.0]
    net = Tied()
    half = func.functional_call(net, given, tg.ones(2), tie_weights=False)
    assert tg.allclose(half, 3 * net.a(tg.ones(2)))


def test_buffers_are_replaced_and_written_to() -> None:
    class Count(tg.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("seen", tg.zeros(1))

        def forward(self, x: Any) -> Any:
            self.seen.add_(1)
            return x * self.seen

    net, given = Count(), {"seen": tg.ones(1) * 4}
    assert func.functional_call(net, given, tg.ones(1)).item() == 5.0
    assert (net.seen.item(), given["seen"].item()) == (0.0, 5.0)


def test_ensemble_runs_as_one(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        t.manual_seed(0)
        models = [t.nn.Linear(3, 2) for _ in range(4)]
        parameters, buffers = t.func.stack_module_state(models)
        assert all(p.is_leaf and p.requires_grad for p in parameters.values())
        call = lambda p, b, x, net=models[0], t=t: t.func.functional_call(net, (p, b), (x,))  # noqa: E731
        x = values(t, 5, 3).float()
        out = t.func.vmap(call, in_dims=(0, 0, None))(parameters, buffers, x)
        out.square().sum().backward()
        results.append((out.detach(), parameters["weight"].grad))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-6)


X = tg.ones(3)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: f.grad(lambda x: x)(X), RuntimeError, "scalar"),
        (lambda f: f.grad(lambda x: 1.0)(X), RuntimeError, "float"),
        (lambda f: f.grad(lambda x: x.sum(), argnums=1)(X), RuntimeError, "argnum"),
        (lambda f: f.grad(lambda x: x.sum(), argnums=(0, 0))(X), RuntimeError, "argnums"),
        (lambda f: f.grad(lambda x: x.sum(), has_aux=True)(X), RuntimeError, "aux"),
        (lambda f: f.grad(lambda x: x)(3.0), RuntimeError, "float"),
        (lambda f: f.jacrev(lambda x: "text")(X), RuntimeError, "str"),
        (lambda f: f.vjp(lambda x: x, X)[1](tg.ones(2)), RuntimeError, "shape"),
        (lambda f: f.vjp(lambda x: (x, x), X)[1]((X,)), RuntimeError, "2 Tensors, got 1"),
        (lambda f: f.jvp(lambda x: x, (X,), (tg.ones(2),)), RuntimeError, "shapes"),
        (lambda f: f.jvp(lambda x: x, X, X), RuntimeError, "tuples"),
        (lambda f: f.vmap(lambda x: x + tg.rand(1))(X), RuntimeError, "randomness"),
        (lambda f: f.vmap(lambda x: x, randomness="some")(X), RuntimeError, "some"),
        (lambda f: f.vmap(lambda x: 3)(X), ValueError, "only return Tensors"),
        (lambda f: f.vmap(lambda x: x, in_dims=1)(X), ValueError, "in_dim=1"),
        (lambda f: f.vmap(lambda x: x, in_dims=(0, 0))(X), ValueError, "in_dims"),
        (lambda f: f.vmap(lambda x: x, in_dims=None)(X), ValueError, "at least one"),
        (lambda f: f.vmap(lambda x: x, out_dims=2)(X), ValueError, "out_dim=2"),
        (lambda f: f.vmap(lambda x, y: x)(X, tg.ones(2)), ValueError, r"\[3, 2\]"),
        (lambda f: f.vmap(lambda x: x)(2.0), ValueError, "float"),
        (lambda f: f.vmap(lambda x: x)(tg.ones(0)), ValueError, "empty"),
        (lambda f: f.functional_call(tg.nn.Linear(1, 1), ({"a": X}, {"a": X}), X), ValueError, "unique"),
        (lambda f: f.functional_call(tg.nn.Linear(1, 1), {"a": X}, X, strict=True), RuntimeError, "bias"),
        (lambda f: f.stack_module_state([]), RuntimeError, "at least one"),
        (lambda f: f.stack_module_state([tg.nn.Linear(1, 1), tg.nn.ReLU()]), RuntimeError, "one class"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call(func)
