"""The list of what becomes of the compatibility suite's scripts when they are compiled.

``tests/compat/compiled.txt`` says it, and a test holds it to the truth.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "tests" / "compat" / "compiled.txt"
WAYS = {"models": "the models compiled", "steps": "the training step compiled"}
OUTCOMES = ("whole", "in part", "as it is", "called too seldom", "nothing to compile")


def listed() -> dict[str, dict[str, str]]:
    """Return what becomes of each script, way by way."""
    found: dict[str, dict[str, str]] = {}
    for line in SOURCE.read_text().splitlines():
        if line.startswith("["):
            found[line.strip("[]")] = {}
        else:
            name, said = line.split(": ", 1)
            found[list(found)[-1]][name] = said
    return found


def table() -> str:
    """Return how many become programs, and why others don't, as Markdown."""
    ways = listed()
    lines = ["| | " + " | ".join(OUTCOMES) + " |", "|---" * (len(OUTCOMES) + 1) + "|"]
    for way, scripts in ways.items():
        counts = [sum(s.startswith(o) for s in scripts.values()) for o in OUTCOMES]
        lines.append(f"| {WAYS[way]} | " + " | ".join(map(str, counts)) + " |")
    lines += ["", "| why not, or not all of it | scripts |", "|---|---|"]
    for reason, names in sorted(reasons(ways).items(), key=lambda x: (-len(x[1]), x[0])):
        lines.append(f"| {reason} | {', '.join(f'`{name}`' for name in sorted(names))} |")
    return "\n".join(lines)


def reasons(ways: dict[str, dict[str, str]]) -> dict[str, set[str]]:
    """Return the scripts by the reasons for which a part of them runs as it is."""
    found: dict[str, set[str]] = defaultdict(set)
    for scripts in ways.values():
        for name, said in scripts.items():
            for reason in said.partition(": ")[2].split("; ") if ": " in said else ():
                found[reason].add(name)
    return found
