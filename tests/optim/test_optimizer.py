"""Optimizer as a base: groups, state, hooks, and optimizers written for PyTorch."""

from __future__ import annotations

import copy
import math
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim
from tinygrad_mnist.optim.optimizer import Optimizer, required


def w(*values: float) -> tg.Tensor:
    return tg.tensor(values or (1.0,), requires_grad=True)


def outside(t: Any) -> list[Any]:
    """Optimizers in the styles of code in the wild, on PyTorch or on this package."""

    class PlainSGD(t.optim.Optimizer):  # type: ignore[misc]
        def __init__(self, params: Any, lr: Any = required, momentum: float = 0) -> None:
            if lr is not required and lr < 0.0:
                raise ValueError(f"Invalid learning rate: {lr}")
            super().__init__(params, dict(lr=lr, momentum=momentum))

        def __setstate__(self, state: Any) -> None:
            super().__setstate__(state)
            for group in self.param_groups:
                group.setdefault("nesterov", False)

        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                loss = closure()
            for group in self.param_groups:
                for p in group["params"]:
                    if p.grad is None:
                        continue
                    d_p = p.grad.data
                    state = self.state[p]
                    if "momentum_buffer" not in state:
                        buf = state["momentum_buffer"] = t.zeros_like(p.data)
                        buf.mul_(group["momentum"]).add_(d_p)
                    else:
                        buf = state["momentum_buffer"]
                        buf.mul_(group["momentum"]).add_(d_p)
                    p.data.add_(buf, alpha=-group["lr"])
            return loss

    class OwnAdam(t.optim.Optimizer):  # type: ignore[misc]
        def __init__(self, params: Any, lr: float = 1e-3, betas: Any = (0.9, 0.99)) -> None:
            super().__init__(params, {"lr": lr, "betas": betas, "eps": 1e-8})

        @t.no_grad()  # type: ignore[untyped-decorator]
        def step(self, closure: Any = None) -> Any:
            loss = None
            if closure is not None:
                with t.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                beta1, beta2 = group["betas"]
                for p in filter(lambda p: p.grad is not None, group["params"]):
                    grad = p.grad
                    if grad.is_sparse:
                        raise RuntimeError
                    state = self.state[p]
                    if len(state) == 0:
                        state["step"] = 0
                        state["exp_avg"] = t.zeros_like(p)
                        state["exp_avg_sq"] = t.zeros_like(p)
                    state["step"] += 1
                    exp_avg, exp_avg_sq = state["exp_avg"], state["exp_avg_sq"]
                    exp_avg.mul_(beta1).add_(grad, alpha=1 - beta1)
                    exp_avg_sq.mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
                    bias1, bias2 = 1 - beta1 ** state["step"], 1 - beta2 ** state["step"]
                    denom = (exp_avg_sq.sqrt() / math.sqrt(bias2)).add_(group["eps"])
                    p.addcdiv_(exp_avg, denom, value=-group["lr"] / bias1)
            return loss

    class Lion(t.optim.Optimizer):  # type: ignore[misc]
        def __init__(self, params: Any, lr: float, betas: Any = (0.9, 0.99)) -> None:
            super().__init__(params, dict(lr=lr, betas=betas, wd=0.1))

        @t.no_grad()  # type: ignore[untyped-decorator]
        def step(self) -> None:
            for group in self.param_groups:
                for p in group["params"]:
                    p.mul_(1 - group["lr"] * group["wd"])
                    state = self.state[p]
                    m = state.setdefault("exp_avg", t.zeros_like(p))
                    update = m.clone().mul_(group["betas"][0]).add(p.grad, alpha=0.1).sign_()
                    p.add_(update, alpha=-group["lr"])
                    m.lerp_(p.grad, 1 - group["betas"][1])

    class Lookahead(t.optim.Optimizer):  # type: ignore[misc]
        """Wraps another optimizer, and shares its groups."""

        def __init__(self, params: Any, lr: float) -> None:
            self.base = t.optim.Adam(params, lr=lr)
            self.param_groups = self.base.param_groups
            self.defaults, self.state = self.base.defaults, self.base.state
            for group in self.param_groups:
                group["slow"] = [p.clone().detach() for p in group["params"]]
            self.count = 0
            super().__setstate__({})

        def step(self, closure: Any = None) -> Any:
            loss = self.base.step(closure)
            self.count += 1
            if self.count % 3 == 0:
                for group in self.param_groups:
                    for slow, p in zip(group["slow"], group["params"], strict=True):
                        slow.add_(p.data - slow, alpha=0.5)
                        p.data.copy_(slow)
            return loss

    return [PlainSGD, OwnAdam, Lion, Lookahead]


@pytest.mark.parametrize("number", range(4))
def test_optimizers_written_for_pytorch_work(number: int, torch: Any) -> None:
    results = []
    for t in (tg, torch):
        x = t.tensor(np.random.default_rng(0).standard_normal((6, 3)))
        p, q = (t.tensor(v, dtype=t.float64, requires_grad=True) for v in ([1.0, 2.0, 3.0], 0.5))
        optimizer = outside(t)[number]([p, q], lr=0.1)

        def closure(x: Any = x, p: Any = p, q: Any = q, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            loss = ((x @ p + q) ** 2).mean()
            loss.backward()
            return loss

        for _ in range(10):
            closure()
            optimizer.step()
        results.append((p.tolist(), q.item()))
        state = copy.deepcopy(optimizer.state_dict())
        again = outside(t)[number]([p, q], lr=0.3)
        again.load_state_dict(state)
        assert again.param_groups[0]["lr"] == 0.1
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-10)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-10)


def test_a_required_default_must_be_given() -> None:
    plain = outside(tg)[0]
    with pytest.raises(ValueError, match="required optimization parameter lr"):
        plain([w()])
    assert plain([{"params": [w()], "lr": 0.5}]).param_groups[0]["lr"] == 0.5
    assert repr(required) == "<required parameter>"


def test_the_base_alone_has_no_step() -> None:
    with pytest.raises(NotImplementedError, match="define step"):
        Optimizer([w()], {}).step()


def test_closure_groups_and_unused_parameters() -> None:
    p, unused = w(), w()
    optimizer = optim.SGD([p, unused], lr=0.5)

    @tg.no_grad()
    def step() -> Any:
        def closure() -> tg.Tensor:
            optimizer.zero_grad()
            loss = (p * p).sum()
            loss.backward()
            return loss

        return optimizer.step(closure)

    assert step().item() == 1.0
    assert (p.tolist(), unused.tolist()) == ([0.0], [1.0])
    added = {"params": w(), "lr": 7.0}
    optimizer.add_param_group(added)
    assert optimizer.param_groups[1] is added
    assert [group["lr"] for group in optimizer.param_groups] == [0.5, 7.0]
    for group in optimizer.param_groups:
        group["lr"] *= 2
    assert optimizer.param_groups[1]["lr"] == 14.0


def test_zero_grad_forgets_or_fills() -> None:
    p = w()
    optimizer = optim.SGD([p], lr=0.5)
    p.grad = given = tg.ones(1)
    optimizer.zero_grad(set_to_none=False)
    assert p.grad is given and given.tolist() == [0.0]
    (p**3).sum().backward(create_graph=True)
    optimizer.zero_grad(set_to_none=False)
    assert not p.grad.requires_grad
    optimizer.zero_grad()
    assert p.grad is None


def test_hooks_run_around_each_step_once() -> None:
    class Twice(optim.SGD):
        def step(self, closure: Any = None, times: int = 2) -> Any:
            for _ in range(times):
                super().step()

    p = w()
    p.grad = tg.ones(1)
    seen: list[Any] = []
    for kind in (optim.SGD, Twice):
        optimizer = kind([p], lr=0.5)
        before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(args))
        optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(p.item()))
        value = p.item()
        optimizer.step()
        assert seen == [(optimizer,), value - (0.5 if kind is optim.SGD else 1.0)]
        before.remove()
        optimizer.step()
        assert len(seen) == 3
        seen.clear()
    changed = optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"times": 0}))
    value = p.item()
    optimizer.step()
    assert p.item() == value
    changed.remove()
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(RuntimeError, match="None or a tuple"):
        optimizer.step()


def test_parameters_may_have_names(torch: Any) -> None:
    told = []
    for t in (tg, torch):
        model = t.nn.Linear(2, 1)
        optimizer = t.optim.SGD(model.named_parameters(), lr=0.5)
        told.append((repr(optimizer), optimizer.state_dict()))
        state = optimizer.state_dict()
        del state["param_groups"][0]["param_names"]
        optimizer.load_state_dict(state)
        assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
        with pytest.raises(ValueError, match="with/without names"):
            optimizer.add_param_group({"params": [t.ones(1)]})
        with pytest.raises(ValueError, match="with/without names"):
            t.optim.SGD([("a", t.ones(1)), t.ones(1)], lr=0.1)
    assert told[0] == told[1]


def test_a_copy_is_an_optimizer_of_its_own() -> None:
    p = w()
    optimizer = optim.Adam([p], lr=0.5)
    optimizer.register_step_post_hook(lambda *_: None)
    p.grad = tg.ones(1)
    optimizer.step()
    for other in (copy.deepcopy(optimizer), pickle.loads(pickle.dumps(optimizer))):
        (q,) = other.param_groups[0]["params"]
        q.grad = tg.ones(1)
        other.step()
        assert other.state[q]["step"].item() == 2.0
    assert optimizer.state[p]["step"].item() == 1.0


def test_state_under_other_keys_is_kept() -> None:
    optimizer = outside(tg)[1]([w()])
    optimizer.state["count"] = {"n": 3}
    state = optimizer.state_dict()
    assert state["state"] == {"count": {"n": 3}}
    other = outside(tg)[1]([w()])
    other.load_state_dict(state)
    assert other.state["count"] == {"n": 3}


def test_a_parameter_listed_twice_is_warned_of(torch: Any) -> None:
    states = []
    for t in (tg, torch):
        p, q = t.ones(1, requires_grad=True), t.ones(1, requires_grad=True)
        with pytest.warns(UserWarning, match="duplicate parameters"):
            optimizer = t.optim.SGD([p, p, q], lr=0.25)
        p.grad = t.ones(1)
        optimizer.step()
        assert p.tolist() == [0.5]
        states.append(optimizer.state_dict())
    assert states[0] == states[1]


SAME = w()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: optim.SGD([], lr=1), ValueError, "empty parameter list; .* not in a list or dict"),
        (lambda: optim.SGD(w(), lr=1), TypeError, "but got a Tensor"),
        (lambda: optim.SGD(nn.Linear(2, 1), lr=1), TypeError, r"model\.parameters\(\), not Linear"),
        (lambda: optim.Adam([w()], lr="1e-3"), TypeError, "Adam: the text '1e-3' is no number"),
        (lambda: optim.SGD([1.0], lr=1), TypeError, "only optimize Tensors"),
        (lambda: optim.SGD([w() * 2], lr=1), ValueError, "non-leaf"),
        (lambda: optim.SGD([{"params": [SAME]}, {"params": [SAME]}], lr=1), ValueError, "more than one"),
        (lambda: optim.SGD({w()}, lr=1).add_param_group({"params": {w()}}), TypeError, "ordered"),
        (lambda: optim.SGD([w()], lr=1).add_param_group([w()]), TypeError, "must be a dict"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_a_refused_group_changes_nothing() -> None:
    p = w()
    optimizer = optim.SGD([p], lr=1)
    group = {"params": [p]}
    with pytest.raises(ValueError, match="more than one"):
        optimizer.add_param_group(group)
    assert group == {"params": [p]}
    assert len(optimizer.param_groups) == 1


def test_state_of_other_groups_is_refused_and_changes_nothing() -> None:
    optimizer = optim.SGD([w()], lr=1)
    two = optim.SGD([{"params": [w()]}, {"params": [w()]}], lr=3)
    with pytest.raises(ValueError, match="different number of parameter groups: 2, but"):
        optimizer.load_state_dict(two.state_dict())
    with pytest.raises(ValueError, match="size of optimizer's group: group 0 has 2 parameters"):
        optimizer.load_state_dict(optim.SGD([w(), w()], lr=3).state_dict())
    assert optimizer.param_groups[0]["lr"] == 1


def test_loaded_state_is_copied_and_takes_the_parameters_dtype() -> None:
    p = w()
    p.grad = tg.ones(1)
    optimizer = optim.Adam([p])
    optimizer.step()
    q = tg.ones(1, dtype=tg.float64, requires_grad=True)
    other = optim.Adam([q])
    other.load_state_dict(optimizer.state_dict())
    assert other.state[q]["exp_avg"].dtype == tg.float64
    assert other.state[q]["step"].dtype == tg.float32
    before = optimizer.state[p]["exp_avg"].item()
    q.grad = tg.ones(1, dtype=tg.float64)
    other.step()
    assert optimizer.state[p]["exp_avg"].item() == before


def test_a_checkpoint_of_everything_resumes_exactly(tmp_path: Any) -> None:
    """Model, optimizer, schedule and generator, through a file."""

    def make() -> tuple[Any, ...]:
        tg.manual_seed(0)
        model = tg.nn.Sequential(
            tg.nn.Linear(4, 8), tg.nn.Tanh(), tg.nn.Dropout(0.2), tg.nn.Linear(8, 1)
        )
        optimizer = optim.AdamW(model.parameters(), lr=0.01, amsgrad=True)
        scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 0.05, total_steps=12)
        return model, optimizer, scheduler, tg.Generator().manual_seed(3)

    def train(parts: tuple[Any, ...], steps: int) -> list[float]:
        model, optimizer, scheduler, generator = parts
        losses = []
        for _ in range(steps):
            x = tg.randn(16, 4, generator=generator)
            optimizer.zero_grad()
            loss = ((model(x) - x.sum(1, keepdim=True)) ** 2).mean()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
        return losses

    parts = make()
    train(parts, 5)
    states = [part.state_dict() for part in parts[:3]]
    tg.save([*states, parts[3].get_state(), tg.get_rng_state()], tmp_path / "c.npz")
    rest = train(parts, 6)

    again = make()
    *states, own, common = tg.load(tmp_path / "c.npz")
    for part, state in zip(again[:3], states, strict=True):
        part.load_state_dict(state)
    again[3].set_state(own)
    tg.set_rng_state(common)
    assert train(again, 6) == rest
    for p, q in zip(parts[0].parameters(), again[0].parameters(), strict=True):
        assert tg.equal(p, q)


def test_no_warning_for_infinite_and_missing_values() -> None:
    p = w(1e38)
    p.grad = tg.tensor([float("inf")])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("SGD", "Adam", "RMSprop", "Adadelta", "Rprop"):
            getattr(optim, name)([p], lr=1e10).step()


def test_a_tied_parameter_is_stepped_once_with_the_sum_of_its_gradients(torch: Any) -> None:
    """A weight that two layers share is one entry of the group, and moves once in a step."""
    results = []
    for t in (tg, torch):
        model = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Tanh(), t.nn.Linear(2, 2))
        model[2].weight = model[0].weight
        with t.no_grad():
            for p in model.parameters():
                p.copy_(t.linspace(-1.0, 1.0, p.numel()).view(p.shape))
        optimizer = t.optim.Adam(model.parameters(), lr=0.1)
        assert len(optimizer.param_groups[0]["params"]) == 3
        for _ in range(3):
            optimizer.zero_grad()
            model(t.ones(4, 2)).pow(2).sum().backward()
            optimizer.step()
        results.append(model[2].weight.detach().numpy())
        assert optimizer.state[model[0].weight]["step"].item() == 3
    np.testing.assert_allclose(results[0], results[1], rtol=1e-5)
