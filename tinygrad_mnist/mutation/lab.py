"""What the mutation lab prints."""

from __future__ import annotations

import os
import re
import shutil
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tinygrad_mnist.mutation.check import caught
from tinygrad_mnist.mutation.equivalent import EQUIVALENT
from tinygrad_mnist.mutation.mutants import KINDS, Mutant
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.ops.rule_source import rule_source

COMMAND = "python -m tinygrad_mnist.mutation"


def introduce() -> None:
    """Print what the lab is, and the kinds of mistakes."""
    paragraph(
        "A checker that passes on right rules has shown little: it has to fail on wrong ones. Here "
        "derivative rules of the table are broken on purpose, one mistake at a time, and the "
        "gradient check of their operation has to notice."
    )
    print("\nThe mistakes:\n")
    for kind, what in KINDS.items():
        print(f"  {kind:<10} {what}")
    print("\nTry:\n")
    for arguments, what in (
        ("mul", "the mutants of one operation"),
        ("mul x sign", "one of them, and what the checker says"),
        ("--all", "every mutant of every rule, in three minutes"),
    ):
        print(f"  {COMMAND} {arguments:<12} {what}")


def show(found: Sequence[Mutant]) -> None:
    """List mutants under the rules that they change."""
    op = found[0].op
    head(op)
    for argument in dict.fromkeys(m.argument for m in found):
        print()
        show_rule(op, argument)
        for m in (m for m in found if m.argument == argument):
            print()
            known = EQUIVALENT.get(m.key)
            print(f"  {m.name:<12} {KINDS[m.kind]}")
            show_change(m)
            if known:
                paragraph(f"It changes nothing: {known}.", 6)
    argument = found[0].argument
    print(f"\nTo see one caught: {COMMAND} {op.name} {argument} {found[0].name}")


def demonstrate(m: Mutant) -> None:
    """Break a rule, print what the check says, and that the right rule passes."""
    head(m.op)
    print()
    show_rule(m.op, m.argument)
    print(f"\nThe mistake: {KINDS[m.kind]}.\n")
    show_change(m)
    with m:
        said = caught(m)
    print()
    if said is None:
        print("The check passes all the same.")
        why = EQUIVALENT.get(m.key)
        paragraph(f"The mistake changes nothing: {why}." if why else "That is a gap in the check.")
        return
    print("The check says:\n")
    paragraph(with_names(said, m.op), 4)
    right = caught(m.op)
    print()
    print("The right rule passes." if right is None else f"The right rule fails, too: {right}")


def run(found: Sequence[Mutant]) -> bool:
    """Check mutants one after another; return whether each is caught or explained."""
    counts: Counter[str] = Counter()
    passed: list[Mutant] = []
    start = time.perf_counter()
    for number, m in enumerate(found, 1):
        progress(f"{number} of {len(found)} mutants; {len(passed)} pass the check; now {m.op.name}")
        with m:
            said = caught(m)
        counts[m.kind] += 1
        if said is None:
            passed.append(m)
    progress("")
    unexplained = [m for m in passed if m.key not in EQUIVALENT]
    survived, gaps = (Counter(m.kind for m in some) for some in (passed, unexplained))
    print(f"{'':<10}{'mutants':>9}{'caught':>9}{'explained':>11}{'gaps':>6}")
    for kind in KINDS:
        if counts[kind]:
            caught_ones, explained = counts[kind] - survived[kind], survived[kind] - gaps[kind]
            print(f"{kind:<10}{counts[kind]:>9}{caught_ones:>9}{explained:>11}{gaps[kind]:>6}")
    wrong = len(found) - len(passed) + len(unexplained)
    share = 100 * (len(found) - len(passed)) / wrong if wrong else 100.0
    print(
        f"\n{len(found)} mutants in {time.perf_counter() - start:.0f} s. Of the {wrong} that "
        f"change a gradient {share:.4g} % are caught."
    )
    if passed:
        print("\nThose that pass:")
    for m in passed:
        print()
        paragraph(f"{m.op.name}, rule for {m.argument}, {m.name}: {m.change}", 2)
        paragraph(EQUIVALENT.get(m.key, "unexplained: a gap in the check"), 6)
    return not unexplained


def head(op: Op) -> None:
    """Print an operation's name, what it is, and its formula."""
    first = op.doc.split("\n")[0]
    paragraph(f"{op.name}({', '.join(op.inputs)}): {first[0].lower()}{first[1:]}")
    print()
    paragraph(op.formula, 4)


def show_rule(op: Op, argument: str) -> None:
    """Print a rule and where it stands."""
    source = rule_source(op.rules[argument].function)
    if source is None:
        print(f"The rule for {argument}.")
        return
    parts = Path(source.file).parts
    place = "/".join(parts[parts.index("ops") if "ops" in parts else -1 :])
    sharing = [n for n, r in op.rules.items() if rule_source(r.function) is source]
    which = "for " + ", ".join(sharing) if len(sharing) > 1 else f"for {argument}"
    print(f"The rule {which}, {place}, line {source.line}:\n")
    print(textwrap.indent(source.text, "    "))


def show_change(m: Mutant) -> None:
    """Print the changed line before and after."""
    print(f"    {colour(f'- {m.before}', 31)}")
    print(f"    {colour(f'+ {m.after}'.rstrip(), 32)}")


def with_names(said: str, op: Op) -> str:
    """Call inputs and outputs by their names in the entry."""

    def name(found: re.Match[str]) -> str:
        number = int(found[2])
        if found[1] == "input":
            return op.inputs[0] if op.variadic else op.inputs[number]
        return op.outputs[number] if number < len(op.outputs) else found[0]

    return re.sub(r"\b(input|output) (\d+)\b", name, said)


def paragraph(text: str, indent: int = 0) -> None:
    """Print text in lines of the terminal's width."""
    width = min(shutil.get_terminal_size().columns, 100)
    margin = " " * indent
    for line in text.split("\n"):
        print(textwrap.fill(line, width, initial_indent=margin, subsequent_indent=margin))


def colour(text: str, code: int) -> str:
    """Colour text on a terminal."""
    shown = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    return f"\033[{code}m{text}\033[0m" if shown else text


def progress(text: str) -> None:
    """Write a line over the last one, if somebody looks."""
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns - 1
        print(f"\r{text[:width]:<{width}}", end="" if text else "\r", file=sys.stderr, flush=True)
