"""The kernel of a long short-term memory does what the operation does, bit for bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.kernels.recurrent import kernels
from tinygrad_mnist.compiler.recording import record
from tinygrad_mnist.nn.utils.rnn import pack_padded_sequence
from tinygrad_mnist.ops.recurrent import lstm

CALLS = 6
Outcome = list[np.ndarray]
Case = Callable[[nn.LSTM, tg.Tensor], Outcome | tuple[tg.Tensor, ...]]


def training(model: nn.LSTM, x: tg.Tensor) -> Any:
    out, (h, c) = model(x)
    ((out * out).sum() + h.sum() + 2 * c.sum()).backward()
    return out


def packed(model: nn.LSTM, x: tg.Tensor) -> Any:
    out, _ = model(pack_padded_sequence(x, tg.tensor([5, 5, 3, 1])))
    out.data.sin().sum().backward()
    return out.data


def passed_twice(model: nn.LSTM, x: tg.Tensor) -> Any:
    out = model(x)[0]
    out.sum().backward(retain_graph=True)
    (out * out).sum().backward()
    return out


def given_states(model: nn.LSTM, x: tg.Tensor) -> Any:
    state = tg.ones(4, 4, 3, requires_grad=True)
    out = model(x, (state, state * 2))[0]
    return (out, *tg.autograd.grad(out.sin().sum(), [state, model.weight_hh_l0]))


def evaluation(model: nn.LSTM, x: tg.Tensor) -> Any:
    with tg.no_grad():
        return model(x)[0]


def seen_again(model: nn.LSTM, x: tg.Tensor) -> Any:
    """The state of one call goes into the next."""
    out, states = model(x)
    again, _ = model(x + 1, states)
    (out + again).sum().backward()
    return again


CASES: dict[Case, int] = {
    training: 4, packed: 4, passed_twice: 0, given_states: 4, evaluation: 4, seen_again: 8,
}  # fmt: skip
"""What is compiled, and how many kernels stand in its program."""


@pytest.mark.parametrize("case", CASES)
def test_compiled_recurrent_layers_have_the_numbers_of_uncompiled_ones(case: Case) -> None:
    outcomes: list[list[Any]] = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model = nn.LSTM(3, 3, 2, bidirectional=True)
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(x: tg.Tensor, model: Any = model, optimizer: Any = optimizer) -> Any:
            optimizer.zero_grad()
            result = case(model, x)
            optimizer.step()
            return result

        run: Any = tg.compile(step, fullgraph=True) if compiled else step
        found: list[Any] = []
        for _ in range(CALLS):
            result = run(tg.randn(5, 4, 3))
            found += result if isinstance(result, tuple) else [result]
            found += [p.grad for p in model.parameters() if p.grad is not None]
        outcomes.append([*found, *model.parameters()])
    expected, got = ([x.detach().numpy() for x in outcome] for outcome in outcomes)
    assert all(np.array_equal(a, b) for a, b in zip(expected, got, strict=True))
    (program,) = run.steps.values()
    functions = [getattr(call.function, "__qualname__", "") for call in program.built.program.calls]
    assert functions.count("LSTM.forward") == CASES[case]


def test_gradients_that_a_program_returns_are_not_written_over() -> None:
    weight = tg.randn(12, 3)

    def recurrent(x: tg.Tensor) -> tg.Tensor:
        zeros = tg.zeros(2, 3)
        return apply(lstm, x, zeros, zeros, weight, sizes=(2, 2), reverse=False)

    def step(x: tg.Tensor) -> tg.Tensor:
        x = x.detach().requires_grad_()
        recurrent(x).sum().backward()
        return x.grad

    compiled, inputs = Compiled(step), [tg.randn(4, 12) for _ in range(6)]
    found = [compiled(x) for x in inputs]
    for x, gradient in zip(inputs, found, strict=True):
        assert tg.equal(gradient, step(x))


@pytest.mark.parametrize("gradient", ["the same", "another", "written to"])
def test_rules_that_are_called_for_two_passes_compute_for_themselves(gradient: str) -> None:
    def step(x: tg.Tensor, g: tg.Tensor) -> tuple[tg.Tensor, ...]:
        state = tg.ones(2, 3, requires_grad=True)
        weight = tg.linspace(-1, 1, 36).reshape(12, 3).detach().requires_grad_()
        out = apply(lstm, x, state, state.detach(), weight, sizes=(2, 2), reverse=False)
        g = g.clone()
        other = g * 2 if gradient == "another" else g
        (first,) = tg.autograd.grad(out, weight, g, retain_graph=True)
        if gradient == "written to":
            g.mul_(2)
        return (first, *tg.autograd.grad(out, weight if gradient == "the same" else state, other))

    compiled = tg.compile(step, fullgraph=True)
    for _ in range(CALLS):
        x, g = tg.randn(4, 12), tg.randn(6, 3)
        assert all(tg.equal(a, b) for a, b in zip(compiled(x, g), step(x, g), strict=True))
    assert not kernels(record(step, (x, g), {}).program)
