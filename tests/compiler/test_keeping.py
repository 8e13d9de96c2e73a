"""A step that keeps tensors from call to call has a program, and what it keeps is never stale."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

CALLS = 18

SCENES: dict[str, tuple[int, Callable[[Callable[[Any], Any]], Callable[[int], Any]]]] = {}

KEPT: Any = None


def scene(runs: int) -> Callable[[Any], Any]:
    """Register a scene: given a compiler, it returns what is to be compared after each call.

    Its program has so many runs at least.
    """

    def add(function: Any) -> Any:
        SCENES[function.__name__] = runs, function
        return function

    return add


def batch(i: int) -> tg.Tensor:
    tg.manual_seed(i)
    return tg.randn(3, 4)


class Holder:
    """A recurrent network, and its hidden state."""

    def __init__(self, start: Any = None) -> None:
        tg.manual_seed(0)
        self.cell = nn.RNNCell(4, 5)
        self.optimizer = tg.optim.SGD(self.cell.parameters(), lr=0.1)
        self.h: Any = start
        self.steps = 0

    def step(self, x: tg.Tensor) -> Any:
        self.optimizer.zero_grad()
        h = self.cell(x, self.h)
        loss = (h**2).sum()
        loss.backward()
        self.optimizer.step()
        self.h = h.detach()
        return loss


@scene(runs=13)
def a_hidden_state(compiled: Any) -> Any:
    held = Holder(tg.zeros(3, 5))
    step = compiled(held.step)

    def run(i: int) -> Any:
        held.steps += 1
        if i == 9:
            held.h = tg.ones(3, 5)
        elif i == 12:
            held.h.mul_(2)
        return step(batch(i)).item(), held.h.tolist()

    return run


@scene(runs=10)
def a_hidden_state_that_begins_as_none(compiled: Any) -> Any:
    held = Holder()
    step = compiled(held.step)

    def run(i: int) -> Any:
        if i in (8, 11, 12, 13, 15):
            held.h = None
        return step(batch(i)).item(), held.h.tolist()

    return run


@scene(runs=13)
def a_pair_of_states(compiled: Any) -> Any:
    held: Any = Holder((tg.zeros(3, 5), tg.zeros(3, 5)))
    cell = nn.LSTMCell(4, 5)

    def step(x: tg.Tensor) -> Any:
        h, c = cell(x, held.h)
        held.h = h.detach(), c.detach()
        return h.sum()

    run = compiled(step)
    return lambda i: (run(batch(i)).item(), [x.tolist() for x in held.h])


@scene(runs=12)
def items_of_a_list_and_a_dict(compiled: Any) -> Any:
    items, entries = [tg.zeros(3, 4), tg.zeros(3, 4)], {"h": tg.zeros(3, 4)}

    def step(x: tg.Tensor) -> Any:
        items[0], items[1] = items[1], items[0] + x
        entries["h"] = entries["h"] * 0.5 + items[0]
        return entries["h"].sum()

    run = compiled(step)
    return lambda i: (run(batch(i)).item(), [x.tolist() for x in (*items, entries["h"])])


@scene(runs=12)
def variables_outside(compiled: Any) -> Any:
    global KEPT
    KEPT = inner = tg.zeros(3, 4)

    def step(x: tg.Tensor) -> Any:
        nonlocal inner
        global KEPT
        inner, KEPT = KEPT, inner + x
        return (inner * x).sum()

    run = compiled(step)
    return lambda i: (run(batch(i)).item(), inner.tolist(), KEPT.tolist())


@scene(runs=13)
def what_a_module_has_seen(compiled: Any) -> Any:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            tg.manual_seed(0)
            self.layer = nn.Linear(4, 4)
            self.register_buffer("mean", tg.zeros(4))
            self.seen: Any = None

        def forward(self, x: tg.Tensor) -> Any:
            self.mean = 0.9 * self.mean + 0.1 * x.mean(0)
            self.seen = self.layer(x - self.mean)
            return self.seen + 1

    model = Model()
    run = compiled(model)
    kept = []

    def play(i: int) -> Any:
        y = run(batch(i))
        kept.append((y, model.seen))
        model.zero_grad()
        (y.sum() + model.seen.sum()).backward()
        now = [[x.tolist() for x in pair] for pair in kept]
        return now, model.mean.tolist(), list(model.state_dict()), model.layer.weight.grad.tolist()

    return play


@scene(runs=9)
def a_total_that_begins_as_a_number(compiled: Any) -> Any:
    held = Holder(0.0)

    def step(x: tg.Tensor) -> Any:
        held.h = held.h + x.sum()
        return x * 2

    run = compiled(step)

    def play(i: int) -> Any:
        if i in (8, 13):
            held.h = float(i)
        return run(batch(i)).tolist(), float(held.h)

    return play


@scene(runs=9)
def the_graph_of_several_calls(compiled: Any) -> Any:
    held = Holder(tg.zeros(()))

    def step(x: tg.Tensor) -> Any:
        held.h = held.h + (held.cell(x) ** 2).sum()

    run = compiled(step)

    def play(i: int) -> Any:
        run(batch(i))
        if i % 4 < 3:
            return held.h.item()
        held.optimizer.zero_grad()
        held.h.backward()
        held.optimizer.step()
        held.h = tg.zeros(())
        return [p.tolist() for p in held.cell.parameters()]

    return play


@scene(runs=13)
def the_argument_itself(compiled: Any) -> Any:
    held = Holder(tg.zeros(3, 4))

    def step(x: tg.Tensor) -> Any:
        y = x - held.h
        held.h = x
        return y

    run = compiled(step)

    def play(i: int) -> Any:
        x = batch(i)
        return run(x).tolist(), held.h is x

    return play


@scene(runs=10)
def what_is_kept_is_given_too(compiled: Any) -> Any:
    held = Holder(tg.zeros(3, 4))

    def step(x: tg.Tensor) -> Any:
        y = x + held.h
        held.h = y * 0.5
        return y.sum()

    run = compiled(step)
    return lambda i: (run(held.h if i % 3 == 2 else batch(i)).item(), held.h.tolist())


@scene(runs=9)
def what_is_kept_is_elsewhere_too(compiled: Any) -> Any:
    held: Any = Holder(tg.zeros(3, 4))
    held.first = held.h

    def step(x: tg.Tensor) -> Any:
        y = held.first.sum()
        held.h = held.h + x
        return held.h.sum() + y

    run = compiled(step)

    def play(i: int) -> Any:
        if i == 8:
            held.first = held.h
        if i == 13:
            held.h = held.first
        return run(batch(i)).item()

    return play


@scene(runs=13)
def a_view_of_something_else_that_is_kept(compiled: Any) -> Any:
    held: Any = Holder(tg.zeros(3, 4))
    held.row = tg.zeros(4)

    def step(x: tg.Tensor) -> Any:
        held.h = x + held.h
        held.row = held.h[0]
        return held.row.sum()

    run = compiled(step)

    def play(i: int) -> Any:
        y = run(batch(i))
        held.row.add_(1)
        return y.item(), held.h.tolist()

    return play


@scene(runs=9)
def other_shapes_dtypes_and_classes(compiled: Any) -> Any:
    held = Holder(tg.zeros(3, 4))

    def step(x: tg.Tensor) -> Any:
        held.h = held.h.detach() + x
        return held.h.sum()

    run = compiled(step)

    def play(i: int) -> Any:
        if i in (7, 9):
            held.h = {7: nn.Parameter(batch(1)), 9: batch(2).double()}[i]
        return run(batch(i)).item(), held.h.dtype, type(held.h)

    return play


@scene(runs=6)
def the_same_step_of_two_holders(compiled: Any) -> Any:
    class Own(Holder):
        @compiled
        def run(self, x: tg.Tensor) -> Any:
            self.h = self.h + x
            return self.h.sum()

    holders = Own(tg.zeros(3, 4)), Own(tg.ones(3, 4))

    def play(i: int) -> Any:
        return holders[i % 2].run(batch(i)).item(), [held.h.tolist() for held in holders]

    return play


@pytest.mark.parametrize("name", SCENES)
def test_what_a_step_keeps_is_what_it_would_be(name: str) -> None:
    runs, play = SCENES[name]
    made: list[Compiled[Any, Any]] = []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    outcomes = []
    for how in (lambda function: function, compiled):
        run = play(how)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            outcomes.append([str(run(i)) for i in range(CALLS)])
    assert outcomes[1] == outcomes[0]
    (function,) = made
    assert sum(p.runs for p in tg.compiler.explain(function).programs) >= runs


def test_after_an_error_amid_a_program_it_is_what_it_was_and_a_note_says_so() -> None:
    held, mean = Holder(tg.zeros(3, 4)), tg.zeros(())

    @tg.compile
    def step(x: tg.Tensor, y: tg.Tensor) -> Any:
        mean.add_(x.mean())
        held.h = held.h + x
        return F.cross_entropy(held.h, y)

    for i in range(CALLS):
        step(batch(i), tg.tensor([0, 1, 2]))
    before = held.h
    with pytest.raises(IndexError) as error:
        step(batch(0), tg.tensor([0, 1, 7]))
    assert held.h is before
    assert any("h is what it was before" in note for note in error.value.__notes__)


def test_lists_that_are_others_all_the_time_end_in_a_warning() -> None:
    held = Holder()

    def step(x: tg.Tensor) -> Any:
        held.h[0] = held.h[0] + x
        return held.h[0].sum()

    run = Compiled(step)
    with pytest.warns(UserWarning, match=r"h(\[0\])? keeps changing|changes .*h\[0\]"):
        for i in range(80):
            if i % 4 == 0:
                held.h = [tg.zeros(3, 4)]
            expected = (held.h[0] + batch(i)).sum().item()
            assert run(batch(i)).item() == expected


def test_what_is_kept_and_no_tensor_is_in_the_report() -> None:
    held = Holder(tg.zeros(3, 4))
    run = Compiled(lambda x: setattr(held, "h", held.h + x))
    for i in range(6):
        run(batch(i))
    held.h = 2.0
    run(batch(0))
    assert list(tg.compiler.explain(run).uncompiled.items()) == [
        ("there is no tensor in the variable held.h at the time", 1)
    ]
    assert tg.compiler.explain(run, batch(1)).programs[0].lines, "a call of the program was timed"
