"""What a step returns is made anew by its program: dataclasses as well as tuples, lists and dicts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.compiler import Compiled

CALLS = 6


@dataclasses.dataclass
class Output:
    loss: Any
    count: int = 3
    more: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    hidden: Any
    inner: Any = None


@dataclasses.dataclass
class Derived(Output):
    def __post_init__(self) -> None:
        self.twice = self.loss * 2

    @property
    def name(self) -> str:
        return "derived"


class Slotted:
    __slots__ = ("hidden",)


@dataclasses.dataclass
class OfSlots(Slotted):
    loss: Any

    def __post_init__(self) -> None:
        self.hidden = 1


class Pair(NamedTuple):
    first: Any
    second: Any


THERE = Output(None)
W = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)


def shown(x: Any) -> Any:
    """Return something with dataclasses as their names and attributes, and tensors as numbers."""
    if isinstance(x, tg.Tensor):
        return x.requires_grad, x.tolist()
    if dataclasses.is_dataclass(x):
        names = [field.name for field in dataclasses.fields(x)]
        own = {**getattr(x, "__dict__", {}), **{name: getattr(x, name) for name in names}}
        return type(x), sorted((name, shown(part)) for name, part in own.items())
    if isinstance(x, dict):
        return {name: shown(part) for name, part in x.items()}
    if isinstance(x, list | tuple):
        return type(x), [shown(part) for part in x]
    return type(x), x


@pytest.mark.parametrize(
    "step",
    [
        lambda x: Output((x * W).sum()),
        lambda x: Output(x + 1, 4, {"mean": (x * W).mean().item(), "rows": [x * 2]}),
        lambda x: Frozen(x.tanh(), Frozen(x * 2, (x - 1, "text", 3.5))),
        lambda x: Derived((x * W).sum()),
        lambda x: Pair(x + 1, Output(x.numpy() * 2)),
        lambda x: [Output(x), Output(x[1:])],
        lambda x: (x * 2, THERE),
    ],
    ids=["loss", "numbers", "frozen", "derived", "named tuple", "arguments", "there before"],
)
def test_dataclasses_are_made_anew_at_each_call(step: Callable[[Any], Any]) -> None:
    run = Compiled(step)
    results = []
    for i in range(CALLS):
        x = tg.tensor([1.0, 2.0, 3.0]) * (i + 1)
        results.append(run(x))
        assert str(shown(results[-1])) == str(shown(step(x)))
    assert [s.runs for s in run.steps.values()] == [CALLS - 3]
    parts = [x[1] if isinstance(x, tuple) else x for x in results]
    there = parts[0] is THERE
    assert len({id(part) for part in parts}) == (1 if there else CALLS)


def test_gradients_go_back_through_what_a_dataclass_holds() -> None:
    run = Compiled(lambda x: Output((x * W).sum()))
    for i in range(CALLS):
        W.grad = None
        run(tg.ones(3) * i).loss.backward()
        assert W.grad.tolist() == [i, i, i]  # type: ignore[union-attr]  # it is there
    assert [s.runs for s in run.steps.values()] == [CALLS - 3]
    W.grad = None


def same_list(x: Any) -> Any:
    rows = [x * 2]
    return rows, {"rows": rows}


def same_data(x: Any) -> Any:
    made = Output(x * 2)
    return made, made


def cycle(x: Any) -> Any:
    made = Output(x * 2)
    made.loss = made
    return made


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (same_list, "one list in two places"),
        (same_data, "one Output in two places"),
        (cycle, "one Output in two places"),
        (lambda x: OfSlots(x * 2), "a OfSlots that it makes"),
    ],
    ids=["list", "dataclass", "cycle", "slots of a base"],
)
def test_what_cannot_be_made_anew_is_returned_by_the_step_itself(step: Any, said: str) -> None:
    run = Compiled(step)
    with pytest.warns(UserWarning, match=said):
        results = [run(tg.ones(3)) for _ in range(CALLS)]
    for result in results:
        if step is same_list:
            assert result[0] is result[1]["rows"]
        elif step is same_data:
            assert result[0] is result[1]
        elif step is cycle:
            assert result.loss is result


def test_a_list_that_was_there_is_returned_itself_whatever_becomes_of_it() -> None:
    held = [0.0]

    def step(x: tg.Tensor) -> list[float]:
        held[0] = x.sum().item()
        return held

    run = Compiled(step)
    with pytest.warns(UserWarning, match="that was there before|keeps a number|changes"):
        assert all(run(tg.ones(3)) is held for _ in range(CALLS))
    assert held == [3.0]
