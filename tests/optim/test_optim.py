"""Optimizers follow PyTorch's numbers, with every option."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from side_by_side import converted

import tinygrad_mnist as tg
from tinygrad_mnist import optim

BETAS = [(0.9, 0.999), (0.5, 0.7), (0.4, 0.9)]
DECAY = {"weight_decay": [0, 0.1], "maximize": [False, True]}
COUPLING = {**DECAY, "decoupled_weight_decay": [False, True], "betas": BETAS, "eps": [1e-8, 1e-3]}
OPTIONS: dict[str, dict[str, list[Any]]] = {
    "SGD": {"momentum": [0, 0.9], "dampening": [0, 0.3], "nesterov": [False, True], **DECAY},
    "ASGD": {"lambd": [1e-4, 0.1], "alpha": [0.75, 0.5], "t0": [1e6, 10.0], **DECAY},
    "Adam": {"amsgrad": [False, True], **COUPLING},
    "AdamW": {"amsgrad": [False, True], **DECAY, "betas": BETAS, "weight_decay": [0, 0.1, 0.01]},
    "Adamax": {"betas": BETAS, "eps": [1e-8, 1e-2], **DECAY},
    "NAdam": {"momentum_decay": [4e-3, 0.1], **COUPLING},
    "RAdam": COUPLING,
    "RMSprop": {"alpha": [0.9, 0.99], "momentum": [0, 0.9], "centered": [False, True],
                "eps": [1e-8, 1e-3], **DECAY},
    "Adagrad": {"lr_decay": [0, 0.1], "initial_accumulator_value": [0, 0.3], **DECAY},
    "Adadelta": {"rho": [0.9, 0.5], "eps": [1e-6, 1e-2], **DECAY},
    "Rprop": {"etas": [(0.5, 1.2), (0.3, 1.5)], "step_sizes": [(1e-6, 50), (1e-3, 0.1)],
              "maximize": [False, True]},
}  # fmt: skip
STATEFUL = {name: {} for name in OPTIONS} | {
    "SGD": {"momentum": 0.9},
    "RMSprop": {"momentum": 0.9, "centered": True},
    "Adam": {"amsgrad": True},
    "Rprop": {},
}


def start(t: Any, name: str, options: dict[str, Any]) -> Any:
    """Parameters, one of which never has a gradient, in two groups; their optimizer and a step."""
    source = np.random.default_rng(0)
    ws = [source.standard_normal(s) * 0.5 for s in ((5, 4), (1, 5), (5,), (), (2,))]
    x, y = t.tensor(source.standard_normal((8, 4))), t.tensor(source.standard_normal((8, 1)))
    ps = [t.tensor(w, requires_grad=True) for w in ws]
    rest = {"lr": 0.01} if name != "ASGD" else {"lr": 0.01, "lambd": 0.01}
    optimizer = getattr(t.optim, name)(
        [{"params": [ps[0], ps[4], ps[1]]}, {"params": ps[2:4], **rest}], **options
    )

    def step() -> None:
        optimizer.zero_grad()
        loss = (((x @ ps[0].T + ps[2]).tanh() @ ps[1].T * ps[3] - y) ** 2).mean()
        (-loss if options.get("maximize") else loss).backward()
        optimizer.step()

    return ps, optimizer, step


def run(t: Any, name: str, options: dict[str, Any], steps: int = 50) -> Any:
    ps, optimizer, step = start(t, name, options)
    for _ in range(steps):
        step()
    return [p.detach().numpy() for p in ps], optimizer


def assert_same_state(mine: Any, theirs: Any) -> None:
    a, b = mine.state_dict(), theirs.state_dict()
    assert a["param_groups"] == b["param_groups"]
    assert list(a["state"]) == list(b["state"])
    for number, values in b["state"].items():
        assert set(values) == set(a["state"][number])
        for key, value in values.items():
            own = a["state"][number][key]
            assert str(own.dtype) == str(value.dtype), key
            np.testing.assert_allclose(own.numpy(), value.numpy(), rtol=1e-6, atol=1e-9)


@settings(max_examples=max(1, settings().max_examples // 5))
@pytest.mark.parametrize("name", OPTIONS)
@given(data=st.data())
def test_fifty_steps_are_those_of_pytorch(name: str, torch: Any, data: Any) -> None:
    """Fifty steps with random settings give PyTorch's parameters, state and text."""
    options = {key: data.draw(st.sampled_from(values)) for key, values in OPTIONS[name].items()}
    if name == "SGD" and (not options["momentum"] or options["dampening"]):
        options["nesterov"] = False
    options["lr"] = 1.0 if name == "Adadelta" else 0.02
    mine, my_optimizer = run(tg, name, options)
    theirs, their_optimizer = run(torch, name, options)
    for a, b in zip(mine, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)
    assert_same_state(my_optimizer, their_optimizer)
    assert repr(my_optimizer) == repr(their_optimizer)


@pytest.mark.parametrize("name", [*OPTIONS, "LBFGS"])
def test_signatures_are_pytorchs(name: str, torch: Any) -> None:
    mine, theirs = (inspect.signature(getattr(t.optim, name)).parameters for t in (tg, torch))
    assert [(p.name, p.kind) for p in mine.values()] == [(p.name, p.kind) for p in theirs.values()]
    for key, parameter in theirs.items():
        assert mine[key].default == parameter.default


@pytest.mark.parametrize("name", OPTIONS)
def test_state_travels_to_pytorch_and_back(name: str, torch: Any) -> None:
    options = STATEFUL[name]
    for source, target in ((tg, torch), (torch, tg)):
        ps, optimizer, step = start(source, name, options)
        for _ in range(4):
            step()
        others, other, other_step = start(target, name, {})
        other.load_state_dict(converted(optimizer.state_dict(), target))
        for p, q in zip(ps, others, strict=True):
            with target.no_grad():
                q.copy_(target.tensor(p.detach().numpy()))
        for _ in range(4):
            step()
            other_step()
        for p, q in zip(ps, others, strict=True):
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-7)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIONS)
def test_a_loaded_state_resumes_exactly(name: str, dtype: str) -> None:
    """An optimizer that loads another's state takes the same steps to the bit, in its dtype."""
    kind = getattr(tg, dtype)
    gradients = np.random.default_rng(0).standard_normal((8, 3, 2))

    def make(ws: list[Any]) -> tuple[list[tg.Tensor], Any]:
        ps = [tg.tensor(w, dtype=kind, requires_grad=True) for w in ws]
        return ps, getattr(optim, name)(ps, **STATEFUL[name])

    def steps(ps: list[tg.Tensor], optimizer: Any, gs: np.ndarray) -> None:
        for g in gs:
            ps[0].grad, ps[1].grad = tg.tensor(g, dtype=kind), tg.tensor(g[0, 0], dtype=kind)
            optimizer.step()

    ps, optimizer = make([np.ones((3, 2)), 2.0])
    steps(ps, optimizer, gradients[:4])
    others, other = make([p.detach().numpy() for p in ps])
    other.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    steps(ps, optimizer, gradients[4:])
    steps(others, other, gradients[4:])
    for p, q in zip(ps, others, strict=True):
        assert tg.equal(p, q)
        assert q.dtype == kind
        for key, value in other.state[q].items():
            assert tg.equal(value, optimizer.state[p][key])
            scalar = key in ("step", "mu_product", "eta", "mu")
            assert value.dtype == (tg.float32 if scalar else kind)


@pytest.mark.parametrize("name", OPTIONS)
def test_gradients_are_left_alone(name: str) -> None:
    p = tg.ones(3, requires_grad=True)
    optimizer = getattr(optim, name)([p], maximize=True, **STATEFUL[name])
    for _ in range(2):
        p.grad = gradient = tg.tensor([1.0, -2.0, 3.0])
        optimizer.step()
        assert p.grad is gradient
        assert gradient.tolist() == [1.0, -2.0, 3.0]
    assert p.dtype == tg.float32


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("order", ["C", "F", "strided", "mixed"])
def test_memory_order_and_size_do_not_matter(name: str, order: str) -> None:
    source = np.random.default_rng(0)
    first = source.standard_normal((300, 200))
    gradients = source.standard_normal((3, 300, 200))
    decay = {} if name == "Rprop" else {"weight_decay": 0.1}

    def steps(array: np.ndarray, arrange: Any) -> np.ndarray:
        p = tg.from_numpy(array).requires_grad_()
        optimizer = getattr(optim, name)([p], lr=0.1, **decay, **STATEFUL[name])
        for g in gradients:
            p.grad = tg.from_numpy(arrange(g))
            optimizer.step()
        return p.detach().numpy()

    plain = steps(first.copy(), np.copy)
    if order == "strided":
        wide = np.zeros((300, 400))
        wide[:, ::2] = first
        changed = steps(wide[:, ::2], np.copy)
    else:
        arrange = np.asfortranarray if order == "F" else np.copy
        changed = steps(np.asfortranarray(first) if order != "C" else first.copy(), arrange)
    np.testing.assert_allclose(changed, plain, rtol=1e-12)


@pytest.mark.parametrize("name", OPTIONS)
def test_learning_rate_may_be_a_tensor(name: str, torch: Any) -> None:
    for shape in ((), (1,)):
        mine, _ = run(tg, name, {"lr": tg.full(shape, 0.02, dtype=tg.float64)}, 5)
        theirs, _ = run(torch, name, {"lr": torch.full(shape, 0.02, dtype=torch.float64)}, 5)
        for a, b in zip(mine, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)


def test_plain_sgd_has_no_state_and_momentum_can_be_switched_on() -> None:
    p = tg.ones(1, requires_grad=True)
    optimizer = optim.SGD([p], lr=0.5)
    p.grad = tg.ones(1)
    optimizer.step()
    assert optimizer.state_dict()["state"] == {}
    optimizer.param_groups[0]["momentum"] = 0.5
    optimizer.step()
    optimizer.step()
    assert p.tolist() == [1 - 0.5 - 0.5 - 0.75]


def test_settings_that_an_older_state_lacks_are_the_defaults() -> None:
    p = tg.ones(1, requires_grad=True)
    optimizer = optim.Adam([p])
    state = optimizer.state_dict()
    for name in ("maximize", "foreach", "amsgrad", "decoupled_weight_decay"):
        del state["param_groups"][0][name]
    state["state"] = {0: {"step": 3, "exp_avg": tg.ones(1), "exp_avg_sq": tg.ones(1)}}
    optimizer.load_state_dict(state)
    p.grad = tg.ones(1)
    optimizer.step()
    assert optimizer.state[p]["step"].item() == 4.0


def test_adamw_decays_weights_apart_even_with_a_state_of_adam() -> None:
    p = tg.ones(1, requires_grad=True)
    optimizer = optim.AdamW([p])
    optimizer.load_state_dict(optim.Adam([p]).state_dict())
    assert optimizer.param_groups[0]["decoupled_weight_decay"] is True
    assert isinstance(optimizer, optim.Adam)


def test_step_is_noticed_by_a_graph_that_needs_the_old_values() -> None:
    w = tg.ones(2, requires_grad=True)
    optimizer = optim.SGD([w], lr=0.1)
    loss = (w * w).sum()
    w.grad = tg.ones(2)
    optimizer.step()
    with pytest.raises(RuntimeError, match=r"mul: .* modified by an inplace operation, SGD"):
        loss.backward()


def w() -> tg.Tensor:
    return tg.ones(1, requires_grad=True)


BAD: list[tuple[str, dict[str, Any], str]] = [
    *[(name, {"lr": -1}, "Invalid learning rate: -1") for name in OPTIONS],
    *[(name, {"weight_decay": -1}, "weight_decay") for name in OPTIONS if name != "Rprop"],
    *[(name, {"betas": (1.0, 0.9)}, "beta parameter at index 0")
      for name in ("Adam", "AdamW", "Adamax", "NAdam", "RAdam")],
    ("SGD", {"lr": float("nan")}, "Invalid learning rate"),
    ("SGD", {"momentum": -1}, "Invalid momentum"),
    ("SGD", {"nesterov": True}, "Nesterov"),
    ("Adam", {"eps": -1}, "epsilon"),
    ("Adam", {"lr": tg.ones(2)}, "1-element"),
    ("RMSprop", {"alpha": -1}, "alpha"),
    ("Adagrad", {"lr_decay": -1}, "lr_decay"),
    ("Adagrad", {"initial_accumulator_value": -1}, "initial_accumulator_value"),
    ("Adadelta", {"rho": 1.5}, "rho"),
    ("NAdam", {"momentum_decay": -1}, "momentum_decay"),
    ("Rprop", {"etas": (1.0, 1.2)}, "eta values"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "words"), BAD, ids=str)
def test_bad_settings_get_a_sentence(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        getattr(optim, name)([w()], **options)


def test_options_for_other_devices_are_accepted_or_refused() -> None:
    optim.Adam([w()], foreach=True)
    optim.Adam([w()], fused=True, capturable=True)
    with pytest.raises(RuntimeError, match="cannot be `True` together"):
        optim.Adam([w()], fused=True, foreach=True)
    with pytest.raises(NotImplementedError, match="SGD: differentiable=True can't be offered"):
        optim.SGD([w()], lr=1, differentiable=True)


@pytest.mark.parametrize("name", ["Adam", "AdamW"])
def test_a_small_eps_does_not_vanish_in_float16(name: str, torch: Any) -> None:
    ends = []
    for library in (tg, torch):
        p = library.full((5,), 0.01, dtype=library.float16).requires_grad_()
        optimizer = getattr(library.optim, name)([p], lr=1e-3, eps=1e-7, betas=(0.9, 0.9999))
        for _ in range(3):
            p.grad = library.tensor([0.0, 1e-3, 1e-2, 1.0, 30.0], dtype=library.float16)
            optimizer.step()
        ends.append(p.detach().numpy())
    np.testing.assert_allclose(*ends, rtol=2e-2)
