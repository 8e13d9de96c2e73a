"""Time of a training step against size, ours and compiled beside PyTorch's: four panels.

    python -m benchmarks.sizes --out sizes.png

Batch, width and depth are varied around W1 (784-100-200-10, batch 32, SGD); the last panel is a
chain of additions to four numbers, by its length. The better of one and two threads counts. The
picture needs matplotlib.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.measure import OURS, QUICK, Conditions, Effort, Step, measure, plain, torch
from benchmarks.training import DENSE, FRAMEWORKS
from tinygrad_mnist.io.files import replacing

W1 = DENSE["W1"]
SHOWN = list(dict.fromkeys([*OURS, *FRAMEWORKS]))


def _dense(**changes: Any) -> dict[str, Step]:
    steps = replace(W1, **changes).steps(Conditions())
    return {who: step for who, step in steps.items() if who in SHOWN}


def _chain(length: int) -> dict[str, Step]:
    def step(framework: Any) -> None:
        x = framework.ones(4, requires_grad=True)
        y = x
        for _ in range(length):
            y = y + 1.0
        y.sum().backward()

    return {who: partial(step, framework) for who, framework in FRAMEWORKS.items()}


PANELS: dict[str, tuple[tuple[int, ...], Callable[[int], Mapping[str, Step]]]] = {
    "batch": ((1, 8, 32, 128, 512, 2048), lambda n: _dense(batch=n)),
    "width": ((16, 64, 256, 1024), lambda n: _dense(sizes=(784, n, n, 10))),
    "depth": ((1, 2, 4, 8, 16, 32), lambda n: _dense(sizes=(784, *[100] * n, 10))),
    "nodes": ((10, 100, 1_000, 10_000), _chain),
}


LABELS = {
    "batch": "images in a batch",
    "width": "units in each of two hidden layers",
    "depth": "hidden layers of 100 units",
    "nodes": "additions in a chain",
}


def main(arguments: list[str] | None = None) -> None:
    """Measure every panel, print it, and draw it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("sizes.png"), help="the picture")
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--quick", action="store_true", help="a few steps each")
    args = parser.parse_args(arguments)
    for path in (args.out, args.json):
        if path is not None and not path.parent.is_dir():
            parser.error(f"there is no folder {path.parent} for {path.name}")
    if find_spec("matplotlib") is None:
        parser.error("the picture needs matplotlib: pip install matplotlib")
    effort = QUICK if args.quick else Effort(7, 0.05, 0.05)
    results: dict[str, dict[int, dict[str, float]]] = {}
    for panel, (sizes, make) in PANELS.items():
        results[panel] = {}
        for size in sizes[:2] if args.quick else sizes:
            times = measure(make(size), effort)
            row = {plain(who): statistics.median(t) for who, t in times.items()}
            results[panel][size] = row
            ratio = f"  ratio {row['ours'] / row['PyTorch']:.2f}" if torch is not None else ""
            shown = ", ".join(f"{who} {t:,.0f} µs" for who, t in row.items())
            print(f"{panel} {size:>6,}: {shown}{ratio}", flush=True)
    if args.json:
        with replacing(args.json) as file:
            file.write((json.dumps(results, indent=2) + "\n").encode())
    draw(results, args.out)


def draw(results: dict[str, dict[int, dict[str, float]]], path: Path) -> None:
    """Draw time against size, both on logarithmic axes."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import NullFormatter

    figure = Figure(figsize=(9, 7), layout="constrained")
    panels = zip(figure.subplots(2, 2).flat, results.items(), strict=True)
    for axes, (panel, rows) in panels:
        for who in SHOWN:
            if all(who in row for row in rows.values()):
                axes.plot(list(rows), [row[who] for row in rows.values()], marker="o", label=who)
        axes.set(xscale="log", yscale="log", xlabel=LABELS[panel], ylabel="µs")
        axes.set_xticks(list(rows), [f"{size:,}" for size in rows])
        axes.xaxis.set_minor_formatter(NullFormatter())
        if "PyTorch" in FRAMEWORKS:
            for size, row in rows.items():
                ratio = f"{row['ours'] / row['PyTorch']:.2f}"
                axes.annotate(
                    ratio, (size, row["ours"]), (0, -14), textcoords="offset points", ha="center",
                    fontsize=8,
                )  # fmt: skip
        axes.margins(0.08, 0.14)
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle("Time of a training step against size; numbers: ours / PyTorch's")
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix[1:] or "png", dpi=110)


if __name__ == "__main__":
    main()
