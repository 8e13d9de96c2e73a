"""Shared by the grids of trainings: the loop of one cell, running the cells, and the panels."""

from __future__ import annotations

import argparse
import contextlib
import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import interruption  # from here on Ctrl-C ends in one line
import joblib
import numpy as np
from matplotlib.figure import Figure
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset
from tinygrad_mnist.viz import History

Cell = dict[str, Any]
Result = dict[str, Any]
Build = Callable[[Cell], tuple[nn.Module, tg.optim.Optimizer]]

FLOOR = {"sample": 0.5, "mnist": 0.86}
"""The lowest accuracy that the panels show; for MNIST the report's."""


@lru_cache(maxsize=1)
def data(dataset: str, folder: Path | None, seed: int) -> tuple[experiment.Part, ...]:
    """Load the digits once in each process."""
    return experiment.split(dataset, tg.datasets.load_digits(dataset, folder, seed))


def train(build: Build, cell: Cell, args: argparse.Namespace, seed: int) -> Result:
    """Train the network of one cell; a run whose loss is no longer finite is stopped."""
    train, validation, test = data(args.dataset, args.data, seed)
    tg.set_num_threads(1)  # the other cores have cells of their own
    tg.manual_seed(seed)
    network, optimizer = build(cell)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)

    @tg.compile(disable=not args.compile)
    def step(images, labels):
        logits = network(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, logits

    history = History()
    start = time.perf_counter()
    while history.epochs < args.epochs and history.diverged is None:
        total = hits = 0.0
        for images, labels in loader:
            loss, logits = step(images, labels)
            total += loss.item() * len(labels)
            hits += int((logits.argmax(dim=1) == labels).sum())
            if not math.isfinite(total):
                break
        cost, accuracy, _ = experiment.evaluate(network, validation)
        history.add(
            train_cost=total / len(train[1]),
            train_accuracy=hits / len(train[1]),
            validation_cost=cost,
            validation_accuracy=accuracy,
        )
    result = {"cell": cell, "seed": seed, "diverged": history.diverged}
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        cost, accuracy, found = experiment.evaluate(network, part)
        result |= {f"{name}_cost": cost, f"{name}_accuracy": accuracy}
    result |= {"seconds": time.perf_counter() - start, "history": dict(history)}
    return result | {"test_predictions": found.tolist()}


def label(cell: Cell) -> str:
    """Return a cell's settings as a title."""
    return ", ".join(
        f"{name} {value}" if isinstance(value, float) else str(value)
        for name, value in cell.items()
    )


def options(
    description: str | None, epochs: dict[str, int], batch_size: int, arguments: list[str] | None
) -> argparse.Namespace:
    """Read the options of a grid; how many epochs it takes depends on the data set."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--jobs", type=experiment.positive, default=joblib.cpu_count(), help="cells side by side"
    )
    return experiment.options(
        description, epochs=epochs, batch_size=batch_size, arguments=arguments, parents=[parser]
    )


def run(build: Build, cells: Sequence[Cell], args: argparse.Namespace) -> list[Result]:
    """Train every cell, as many side by side as there are cores; return the results in order."""
    experiment.load(args)  # what is wrong with the options is said before anything starts
    jobs = (joblib.delayed(_train_number)(n, build, cell, args) for n, cell in enumerate(cells))
    results: dict[int, Result] = {}
    with side_by_side(min(args.jobs, len(cells)), jobs) as finished:
        for number, result in tqdm(finished, total=len(cells), unit="cell", disable=None):
            results[number] = result
            tqdm.write(f"{label(result['cell'])}: {outcome(result)}, {result['seconds']:.1f} s")
    return [results[number] for number in range(len(cells))]


def _train_number(
    number: int, build: Build, cell: Cell, args: argparse.Namespace
) -> tuple[int, Result]:
    return number, train(build, cell, args, args.seed)


@contextlib.contextmanager
def side_by_side(workers: int, jobs: Iterable[Any]) -> Iterator[Iterator[Any]]:
    """Give the results of joblib's jobs as they come; Ctrl-C ends the workers without a word."""
    finished = None
    try:
        with interruption.deaf_processes() if workers > 1 else contextlib.nullcontext():
            finished = joblib.Parallel(workers, return_as="generator_unordered")(jobs)
        yield finished
    except BaseException:
        if finished is not None:
            finished.close()
        # The thread that fed the workers has the last references to joblib's semaphores. Were it
        # ended while it removes one, joblib's tracker would warn of what isn't lost.
        for thread in threading.enumerate():
            if thread.name == "QueueFeederThread":
                thread.join(timeout=5)
        raise


def outcome(result: Result) -> str:
    """Return in words how a cell ended."""
    if result["diverged"]:
        return f"diverged in epoch {result['diverged']}"
    return (
        f"train accuracy {result['train_accuracy']:.4f}, "
        f"validation accuracy {result['validation_accuracy']:.4f}"
    )


def best_of(results: Sequence[Result]) -> Result:
    """Return the cell with the highest validation accuracy after its last epoch."""
    whole = [result for result in results if not result["diverged"]]
    if not whole:
        raise experiment.ExperimentError(
            "every cell of the grid diverged: there is no best one to report"
        )
    return max(whole, key=lambda result: result["validation_accuracy"])


def panels(path: Path, title: str, results: Sequence[Result], columns: int, floor: float) -> None:
    """Draw accuracies and cost of each cell in a panel of its own."""
    rows = math.ceil(len(results) / columns)
    figure = Figure(figsize=(3.1 * columns, 2.6 * rows + 0.6), layout="constrained")
    figure.suptitle(title)
    longest = max(len(result["history"]["train_cost"]) for result in results)
    for number, (axes, result) in enumerate(
        zip(figure.subplots(rows, columns, squeeze=False).flat, results, strict=False)
    ):
        history = result["history"]
        # The epoch in which a run diverged was broken off: its accuracy says nothing.
        count = len(history["train_cost"]) - bool(result["diverged"])
        epochs = range(1, count + 1)
        for name, style in (("train", "-"), ("validation", "--")):
            axes.plot(epochs, history[f"{name}_accuracy"][:count], style, label=f"{name} accuracy")
        costs = axes.twinx()
        costs.plot(
            epochs, history["train_cost"][:count], ":", color="grey", label="train cost (right)"
        )
        costs.set_ylim(0, 1)
        axes.set_xlim(0, longest + 1)
        if number >= len(results) - columns:
            axes.set_xlabel("epoch")
        if number % columns == 0:
            axes.set_ylabel("accuracy")
        if number % columns == columns - 1 or number == len(results) - 1:
            costs.set_ylabel("cost", color="grey")
        costs.tick_params(labelsize="x-small", colors="grey")
        axes.set_title(label(result["cell"]), fontsize="medium")
        axes.set_ylim(floor, 1)
        axes.grid(alpha=0.3)
        words = outcome(result).replace(", ", "\n").replace("accuracy ", "")
        highest = max(history["train_accuracy"][:count], default=0.0)
        if count and highest < floor:
            words = f"below the axis:\nnever above {highest:.2f}\n{words}"
        costs.text(  # on the axes that are drawn last
            0.96, 0.06, words, ha="right", fontsize="small", transform=costs.transAxes,
            bbox={"facecolor": "white", "alpha": 0.7, "edgecolor": "none"},
        )  # fmt: skip
    handles = [*axes.get_lines(), *costs.get_lines()]
    figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize="small")
    experiment.write_figure(path, figure)


def present(
    name: str, title: str, results: Sequence[Result], columns: int, args: argparse.Namespace
) -> dict[str, Any]:
    """Draw the panels (a picture for each optimizer), and report on the best cell."""
    groups: dict[str, list[Result]] = {}
    for result in results:
        groups.setdefault(result["cell"].get("optimizer", ""), []).append(result)
    for group, members in groups.items():
        path = args.out / "-".join(filter(None, [name, group, "grid.png"]))
        panels(path, f"{title} {group}".strip(), members, columns, FLOOR[args.dataset])
    best = best_of(results)
    digits = tg.datasets.load_digits(args.dataset, args.data, best["seed"])
    print(f"\nbest: {label(best['cell'])}, {outcome(best)}\n")
    figures = experiment.judge(
        args, name, digits.test_images, digits.test_labels, np.array(best["test_predictions"])
    )
    figures |= {
        "dataset": args.dataset,
        "seed": args.seed,
        "best": best["cell"],
        "validation_accuracy": best["validation_accuracy"],
        "train_accuracy": best["train_accuracy"],
        "seconds": sum(result["seconds"] for result in results),
        "cells": [
            {key: value for key, value in result.items() if key != "test_predictions"}
            for result in results
        ],
    }
    experiment.tell(args, name, figures)
    return figures
