"""Steps as people write them are programs, whose numbers are those of the steps."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

CALLS = 7
STEPS: list[Callable[[Callable[[Any], Any]], tuple[Any, Any]]] = []


def step(function: Any) -> Any:
    """Register what makes a step; it returns the step, and what it leaves behind."""
    STEPS.append(function)
    return function


def net(*layers: nn.Module) -> nn.Sequential:
    return nn.Sequential(*(layers or (nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3))))


@step
def accumulation_in_zeroed_gradients(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad(set_to_none=False)
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def gradients_of_parts_of_a_batch(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        total = tg.zeros(())
        for i in range(0, len(x), 2):
            loss = F.cross_entropy(model(x[i : i + 2]), y[i : i + 2]) / 3
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        return total

    return run, model


@step
def weights_that_are_tied(compiled: Any) -> Any:
    embedding, head = nn.Embedding(3, 4), nn.Linear(4, 3, bias=False)
    head.weight = embedding.weight
    model = nn.ModuleList([embedding, head])
    optimizer = tg.optim.AdamW(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(head(embedding(y) + x), y.flip(0))
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def a_generator_and_a_critic(compiled: Any) -> Any:
    generator, critic = net(nn.Linear(4, 4)), net(nn.Linear(4, 1))
    first = tg.optim.Adam(generator.parameters(), lr=0.1)
    second = tg.optim.RMSprop(critic.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        second.zero_grad()
        fake = generator(tg.randn(6, 4))
        loss = (critic(fake.detach()) - critic(x)).mean()
        loss.backward()
        second.step()
        first.zero_grad()
        other = -critic(fake).mean()
        other.backward()
        first.step()
        return loss.item(), other.item()

    return run, nn.ModuleList([generator, critic])


@step
def clipping_by_value_and_norm(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.1)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.05)
        optimizer.step()
        return loss, norm

    return run, model


@step
def scaling_that_is_switched_off(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    scaler = tg.amp.GradScaler(enabled=False)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        with tg.autocast("cpu", enabled=False):
            loss = F.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return run, model


@step
def moving_averages_of_the_weights(compiled: Any) -> Any:
    model = net()
    average = copy.deepcopy(model)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        with tg.no_grad():
            for p, q in zip(model.parameters(), average.parameters(), strict=True):
                q.mul_(0.9).add_(p, alpha=0.1)
        return loss

    return run, average


@step
def descent_by_hand(compiled: Any) -> Any:
    model = net()

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        loss = F.cross_entropy(model(x), y)
        grads = tg.autograd.grad(loss, list(model.parameters()))
        with tg.no_grad():
            for p, g in zip(model.parameters(), grads, strict=True):
                p -= 0.1 * g
        return loss

    return run, model


@step
def descent_by_exchanged_data(compiled: Any) -> Any:
    model = net()

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        model.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        for p in model.parameters():
            p.data = p.data - 0.1 * p.grad
        return loss

    return run, model


@step
def a_penalty_on_gradients(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        inner = x.detach().clone().requires_grad_()
        out = model(inner)
        (slope,) = tg.autograd.grad(out.sum(), inner, create_graph=True)
        loss = F.cross_entropy(out, y) + slope.pow(2).mean()
        loss.backward()
        optimizer.step()
        return loss

    return run, model


class Scaled(tg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, scale: float) -> tg.Tensor:
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * scale

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return g * ctx.scale * (x > 0), None


@step
def a_function_of_ones_own(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(Scaled.apply(model(x), 2.0), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


class SignSGD(tg.optim.Optimizer):
    def __init__(self, params: Any, lr: float) -> None:
        super().__init__(params, {"lr": lr})

    @tg.no_grad()
    def step(self, closure: Any = None) -> None:
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad.sign(), alpha=-group["lr"])


@step
def an_optimizer_of_ones_own(compiled: Any) -> Any:
    model = net()
    optimizer = SignSGD(model.parameters(), lr=0.01)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def a_compiled_model_in_a_compiled_step(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    inner = compiled(model)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(inner(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def hooks_of_the_library(compiled: Any) -> Any:
    model = net()
    model[0].register_forward_hook(lambda module, args, out: out * 2)
    model[0].weight.register_hook(lambda g: g.clamp(-1, 1))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def weights_under_a_norm(compiled: Any) -> Any:
    model = net(nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)))
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def groups_some_of_which_are_frozen(compiled: Any) -> Any:
    model = net()
    model[0].requires_grad_(False)
    optimizer = tg.optim.Adagrad([
        {"params": model[0].parameters(), "lr": 1.0}, {"params": model[2].parameters()},
    ], lr=0.1)  # fmt: skip

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def state_that_is_carried_on(compiled: Any) -> Any:
    cell = nn.GRUCell(4, 3)
    hidden = tg.zeros(6, 3)
    optimizer = tg.optim.SGD(cell.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        new = cell(x, hidden)
        loss = F.cross_entropy(new, y)
        loss.backward()
        optimizer.step()
        hidden.copy_(new.detach())
        return loss

    return run, cell


@step
def a_checkpoint(compiled: Any) -> Any:
    model = net()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        hidden = tg.utils.checkpoint.checkpoint(model, x, use_reentrant=False)
        loss = F.cross_entropy(hidden, y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


@step
def masks_and_metrics(compiled: Any) -> Any:
    model = net()

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        with tg.no_grad():
            out = model(x).softmax(-1)
            guess = out.argmax(-1)
        right = (guess == y).sum()
        return {"right": right.item(), "share": right.item() / len(y), "best": out.max().item()}

    return run, model


@step
def noise_and_dropout(compiled: Any) -> Any:
    model = net(nn.Linear(4, 6), nn.Dropout(0.3), nn.Linear(6, 3))
    optimizer = tg.optim.NAdam(model.parameters(), lr=0.01)

    @compiled
    def run(x: tg.Tensor, y: tg.Tensor) -> Any:
        optimizer.zero_grad()
        noisy = x + 0.1 * tg.randn_like(x) + tg.rand(4) * tg.bernoulli(tg.full((4,), 0.5))
        loss = F.cross_entropy(model(noisy[tg.randperm(6)]), y)
        loss.backward()
        optimizer.step()
        return loss

    return run, model


def left(x: Any) -> Any:
    """Return what a step leaves behind, as arrays."""
    state = {name: t.numpy().copy() for name, t in x.state_dict().items()}
    grads = [None if p.grad is None else p.grad.numpy().copy() for p in x.parameters()]
    return state, grads


def values(x: Any) -> Any:
    if isinstance(x, tg.Tensor):
        return x.detach().numpy().copy()
    return [values(part) for part in x] if isinstance(x, tuple) else x


@pytest.mark.parametrize("make", STEPS, ids=lambda make: make.__name__)
def test_a_step_is_a_program(make: Any) -> None:
    outcomes = []
    for compiled in (False, True):
        tg.manual_seed(0)
        run, model = make(Compiled if compiled else lambda function: function)
        found = []
        for _ in range(CALLS):
            found.append(values(run(tg.randn(6, 4), tg.randint(0, 3, (6,)))))
        outcomes.append((found, left(model)))
        if compiled:
            assert not run.uncompiled
            assert sum(s.runs for s in run.steps.values()) == CALLS - 3
    np.testing.assert_equal(outcomes[1], outcomes[0])
