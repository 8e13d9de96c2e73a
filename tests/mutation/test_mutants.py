"""Broken rules of the table: which there are, that they are put back, and that they are caught."""

from __future__ import annotations

import ast
import re

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.mutation import EQUIVALENT, KINDS, caught, mutants
from tinygrad_mnist.ops import TABLE
from tinygrad_mnist.ops.rule_source import rule_source

DIFFERENTIABLE = [op for op in TABLE.values() if op.rules]
SAID = {
    "sign": "the sign is reversed",
    "factor": "a factor: the gradient is 2 times",
    "one": "the slope is zero, but the rule passes something on",
    "transpose": "the gradient is transposed",
    "broadcast": "a missing sum",
}
"""What the diagnosis says of a kind of mistake that is made to a rule's result."""


def test_every_rule_has_mutants_with_names_of_their_own() -> None:
    kinds = set()
    for op in DIFFERENTIABLE:
        found = mutants(op)
        assert {name for m in found for name in m.rules} == set(op.rules)
        assert len({(m.argument, m.name) for m in found}) == len(found)
        assert len({m.key for m in found}) == len(found)
        kinds |= {m.kind for m in found}
    assert kinds == set(KINDS)


@pytest.mark.parametrize("op", ["tanh", "sinc", "lstm"])
def test_mutants_are_the_same_each_time(op: str) -> None:
    source = rule_source(TABLE[op].rules["x"].function)
    assert source is not None
    text = ast.unparse(source.tree)
    assert [repr(m) for m in mutants(op)] == [repr(m) for m in mutants(op)]
    assert ast.unparse(source.tree) == text


@pytest.mark.parametrize(
    ("op", "argument", "expected"),
    [
        ("mul", "x", {"g * y -> g", "g * y -> y", "g * y -> g * out", "g * y -> g * x"}),
        ("div", "x", {"g / y -> g", "g / y -> g / out", "g / y -> g / x"}),
        ("sub", "y", set()),
        ("sigmoid", "x", {"1 - out -> 1", "1 - out -> -out", "1 - out -> 1 - x"}),
        ("silu", "x", {"without out *= s", "without out += 1"}),
        ("square", "x", {"g * x -> g * out"}),
    ],
)
def test_mistakes_in_the_source(op: str, argument: str, expected: set[str]) -> None:
    assert expected <= {m.change for m in mutants(op, argument)}


def test_an_array_of_which_the_shape_alone_is_used_is_not_exchanged() -> None:
    assert not [m for m in mutants("nansum", "x") if ".shape" in m.change and m.kind == "array"]


def test_a_rule_of_zeros_has_no_sign_and_no_factor() -> None:
    assert [m.name for m in mutants("floor")] == ["one"]


@pytest.mark.parametrize("op", ["mul", "tanh", "sinc", "lstm", "cat"])
def test_the_right_rules_are_put_back(op: str) -> None:
    before = dict(TABLE[op].rules)
    mutant = mutants(op)[-1]
    with mutant:
        assert TABLE[op].rules != before
    assert TABLE[op].rules == before
    with pytest.raises(ZeroDivisionError), mutant:
        _ = 1 / 0
    assert TABLE[op].rules == before


def test_plans_that_were_made_before_use_the_mutant_and_afterwards_the_right_rule() -> None:
    x = tg.tensor([2.0], requires_grad=True)

    def gradient() -> float:
        return float(tg.autograd.grad(x.exp().sum(), x)[0])

    right = gradient()
    (factor,) = [m for m in mutants("exp") if m.name == "factor"]
    with factor:
        assert gradient() == 2 * right
    assert gradient() == right


@pytest.mark.parametrize("op", ["add", "mul", "matmul", "mean", "amax", "gelu", "floor", "hypot"])
def test_a_mistake_in_the_result_is_named(op: str) -> None:
    for m in mutants(op):
        if m.kind in SAID:
            with m:
                said = caught(m)
            assert said is not None
            assert SAID[m.kind] in said, m


@pytest.mark.parametrize(
    ("op", "argument", "change", "said"),
    [
        ("mul", "x", "g * y -> g", "fits if it is multiplied by input 1"),
        ("mul", "x", "g * y -> y", "doesn't multiply by the gradient of the output"),
        ("mul", "x", "g * y -> g * out", "fits if it is divided by input 0"),
        ("mul", "x", "g * y -> g * x", "the wrong array: the gradient fits with input 1 in the"),
        ("tanh", "x", "1 - out * out -> 1", "if output 0 times output 0 is subtracted"),
        ("tanh", "x", "1 - out * out -> -(out * out)", "the slope fits if 1 is added"),
        ("matmul", "y", "x * g -> x", "doesn't multiply by the gradient of the output"),
    ],
)
def test_a_mistake_in_the_source_is_named(op: str, argument: str, change: str, said: str) -> None:
    (m,) = [m for m in mutants(op, argument) if m.change == change]
    with m:
        assert said in str(caught(m))


def test_a_sample_of_mutants_is_caught() -> None:
    """Every fortieth of them; all are checked behind the slow marker."""
    some = [m for op in DIFFERENTIABLE for m in mutants(op)][::40]
    passed = []
    for m in some:
        with m:
            if caught(m) is None and m.key not in EQUIVALENT:
                passed.append(m)
    assert not passed


@pytest.mark.slow
@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_every_mutant_is_caught_or_changes_nothing_for_a_known_reason(op: tg.ops.Op) -> None:
    passed = set()
    for m in mutants(op):
        with m:
            if caught(m) is None:
                passed.add(m.key)
    assert passed == {key for key in EQUIVALENT if key[0] == op.name}


def test_what_is_explained_exists() -> None:
    assert {m.key for name in {key[0] for key in EQUIVALENT} for m in mutants(name)} >= set(
        EQUIVALENT
    )
    assert len(EQUIVALENT) < 60
    assert all(re.fullmatch(r"[^.\n]{20,}", reason) for reason in EQUIVALENT.values())


@pytest.mark.parametrize(
    ("op", "argument", "said"),
    [("mull", None, "no operation 'mull'"), ("mul", "z", "no rule for 'z'; it has x, y")],
)
def test_unknown_names(op: str, argument: str | None, said: str) -> None:
    with pytest.raises(KeyError, match=said):
        mutants(op, argument)


def test_every_rule_has_a_source_of_its_own() -> None:
    for op in DIFFERENTIABLE:
        for rule in op.rules.values():
            source = rule_source(rule.function)
            assert source is not None
            asked = [a.arg for a in source.tree.args.args]
            assert asked == ["g", *rule.arrays, *rule.keywords]
            assert source.text.startswith(("lambda g", "def "))
    assert rule_source(abs) is None


def test_two_lambdas_in_a_line_are_told_apart() -> None:
    pair = (lambda g, x: g * x, lambda g, y: g * (lambda z: z)(y))
    found = [rule_source(f) for f in pair]
    assert [s.text for s in found if s] == [
        "lambda g, x: g * x",
        "lambda g, y: g * (lambda z: z)(y)",
    ]
