"""The tables of docs/performance.md, from what ``python -m benchmarks.run --json FILE`` has kept.

    python -m benchmarks.table FILE

One table is of our steps as they are, one of the compiled ones, one of those by XLA: times, median
ratios with their quartiles, and goals.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from benchmarks.measure import OURS, plain, shown
from benchmarks.training import BENCHMARKS

COLUMNS = {
    "ours": ("PyTorch", "NumPy", "products"),
    "compiled": ("ours", "PyTorch", "NumPy", "torch.compile", "JAX", "products"),
    "xla": ("PyTorch", "JAX", "compiled"),
}
HEADS = {"NumPy": "hand-written NumPy", "JAX": "JAX's `jit`", "torch.compile": "`torch.compile`"}


def table(results: dict[str, Any], one: str) -> str:
    """Return the table of one of ours: a row for each benchmark that was run."""
    rows = [
        (b, results[b.name]) for b in BENCHMARKS if one in results.get(b.name, {}).get("ratios", {})
    ]
    columns = [c for c in COLUMNS[one] if any(c in row["ratios"][one] for _, row in rows)]
    head = ["workload", "a step", *(f"{one} / {HEADS.get(c, c)}" for c in columns)]
    lines = [head, ["---"] * len(head)]
    for benchmark, row in rows:
        time = next(t for who, t in row["microseconds"].items() if plain(who) == one)
        cells = [
            cell(row["ratios"][one].get(c), row.get("goals", {}).get(one, {}).get(c))
            for c in columns
        ]
        lines.append([f"{benchmark.name}: {benchmark.what}", shown(time), *cells])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(ratio: dict[str, Any] | None, goal: float | None) -> str:
    """Write a ratio; empty if there is none."""
    if ratio is None:
        return ""
    low, high = ratio["quartiles"]
    said = "" if goal is None else f", goal {goal:.2f}"
    return f"{ratio['median']:.2f} ({low:.2f} to {high:.2f}){said}"


def main(arguments: list[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="what benchmarks.run has kept")
    results = json.loads(parser.parse_args(arguments).file.read_text())
    print(results["machine"])
    for one in OURS:
        if any(one in results.get(b.name, {}).get("ratios", {}) for b in BENCHMARKS):
            print(f"\n{table(results, one)}")


if __name__ == "__main__":
    main()
