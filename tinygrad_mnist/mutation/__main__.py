"""The mutation lab as a command: ``python -m tinygrad_mnist.mutation``."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from difflib import get_close_matches

from tinygrad_mnist.mutation import lab
from tinygrad_mnist.mutation.mutants import Mutant, mutants
from tinygrad_mnist.ops import TABLE
from tinygrad_mnist.ops.contract import Op


class UnknownNameError(Exception):
    """There is no such operation, input or mutant; the message says what there is."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return 0, 1 if a mutant passes unexplained, 2 for an unknown name."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_mnist.mutation",
        description="Break a derivative rule on purpose, and see the checker catch it.",
    )
    parser.add_argument("operation", nargs="?", help="an operation of the table, such as mul")
    parser.add_argument("argument", nargs="?", help="one of its inputs, such as x")
    parser.add_argument("mutant", nargs="?", help="a mistake, such as sign or array-2")
    parser.add_argument("--all", action="store_true", help="break every rule in every way")
    given = parser.parse_args(arguments)
    try:
        if given.all:
            return 0 if lab.run(chosen(given.operation, given.argument)) else 1
        if given.operation is None:
            lab.introduce()
        elif given.mutant is None:
            lab.show(chosen(given.operation, given.argument))
        else:
            lab.demonstrate(mutant(given.operation, given.argument, given.mutant))
    except UnknownNameError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever reads has seen enough, as head has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def chosen(name: str | None, argument: str | None) -> list[Mutant]:
    """Return the mutants of one rule, of one operation, or of all."""
    if name is None:
        return [mutant for op in list(TABLE.values()) for mutant in mutants(op)]
    op = operation(name)
    return mutants(op) if argument is None else mutants(op, input_of(op, argument))


def operation(name: str) -> Op:
    """Return an operation by its name."""
    if name not in TABLE:
        with_rules = [op.name for op in TABLE.values() if op.rules]
        raise UnknownNameError(f"there is no operation {name!r}{near(name, with_rules)}")
    if not TABLE[name].rules:
        raise UnknownNameError(f"{name} has no derivative, so there is no rule to break")
    return TABLE[name]


def input_of(op: Op, argument: str) -> str:
    """Return the name of an input that has a rule."""
    if argument not in op.rules:
        known = ", ".join(op.rules)
        raise UnknownNameError(f"{op.name} has no rule for {argument!r}; it has rules for {known}")
    return argument


def mutant(name: str, argument: str, which: str) -> Mutant:
    """Return a mutant by its name."""
    found = {m.name: m for m in chosen(name, argument)}
    if which not in found:
        raise UnknownNameError(
            f"the rule of {name} for {argument} has no mutant {which!r}{near(which, list(found))}; "
            f"all are listed by: python -m tinygrad_mnist.mutation {name} {argument}"
        )
    return found[which]


def near(name: str, known: Sequence[str]) -> str:
    """Return a question about names that are nearly the same."""
    alike = get_close_matches(name, known, 3)
    return f"; did you mean {' or '.join(alike)}?" if alike else ""


if __name__ == "__main__":
    sys.exit(main())
