"""Time training steps side by side: ours, PyTorch's, and hand-written NumPy.

    python -m benchmarks.run            # every workload, a few minutes
    python -m benchmarks.run W1 W3      # some
    python -m benchmarks.run --quick    # a few steps each, to see that everything starts

Times on a shared machine drift, so only ratios count. The contestants take turns in short rounds;
each is run with one and with two threads, and its better number is the one compared. A ratio
is taken within each round; the table shows the median and the quartiles. Before anything is
timed, the contestants train side by side from the same weights, and their losses must agree.
"""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_mnist as tg
from benchmarks.by_hand import Network
from tinygrad_mnist.nn import functional as F

try:
    import torch
except ImportError:
    torch = None

Step = Callable[[], float]


@dataclass(frozen=True)
class Workload:
    """A network, its batch, and its optimizer; goals are ratios of our time to the others'."""

    name: str
    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: str
    lr: float
    goals: dict[str, float]

    def __str__(self) -> str:
        """Describe the workload in one line."""
        sizes = "-".join(map(str, self.sizes))
        return f"{sizes} {self.activation}, batch {self.batch}, {self.optimizer}"


WORKLOADS = [
    Workload(
        "W1", (784, 100, 200, 10), "relu", 32, "sgd", 0.1, {"PyTorch": 0.85, "NumPy": 1.25}
    ),
    Workload("W2", (784, 64, 10), "sigmoid", 128, "momentum", 0.1, {"PyTorch": 1.0, "NumPy": 1.25}),
    Workload(
        "W3", (784, 256, 256, 10), "sigmoid", 512, "adam", 1e-3, {"PyTorch": 1.2, "NumPy": 0.9}
    ),
    Workload(
        "W4", (784, 100, 200, 300, 400, 10), "relu", 32, "sgd", 0.1,
        {"PyTorch": 1.0, "NumPy": 1.15},
    ),
]  # fmt: skip


def make_data(workload: Workload) -> tuple[Any, ...]:
    """Draw a batch and initial parameters."""
    source = np.random.default_rng(0)
    x = source.random((workload.batch, workload.sizes[0]), dtype=np.float32)
    y = source.integers(0, 10, workload.batch)
    pairs = list(zip(workload.sizes, workload.sizes[1:], strict=False))
    scale = [np.sqrt(2 / (n + m)) for n, m in pairs]
    w = [source.standard_normal((m, n)) * s for (n, m), s in zip(pairs, scale, strict=True)]
    w = [x.astype(np.float32) for x in w]
    return x, y, w, [np.zeros(m, np.float32) for _, m in pairs]


def framework_step(workload: Workload, framework: Any, functional: Any, data: Any) -> Step:
    """Return the step of a framework with PyTorch's interface: ours, or PyTorch itself."""
    x, y, weights, biases = data
    nn = framework.nn
    layers: list[Any] = []
    for n, m in zip(workload.sizes, workload.sizes[1:], strict=False):
        layers += [nn.Linear(n, m), nn.ReLU() if workload.activation == "relu" else nn.Sigmoid()]
    network = nn.Sequential(*layers[:-1])
    with framework.no_grad():
        for layer, w, b in zip(layers[::2], weights, biases, strict=True):
            layer.weight.copy_(framework.from_numpy(w))
            layer.bias.copy_(framework.from_numpy(b))
    optim = framework.optim
    parameters = list(network.parameters())
    optimizer = {
        "sgd": lambda: optim.SGD(parameters, lr=workload.lr),
        "momentum": lambda: optim.SGD(parameters, lr=workload.lr, momentum=0.9),
        "adam": lambda: optim.Adam(parameters, lr=workload.lr),
    }[workload.optimizer]()
    images, labels = framework.from_numpy(x), framework.from_numpy(y)

    def step() -> float:
        loss = functional.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def contestants(workload: Workload) -> dict[str, Step]:
    """Return the step of each contestant on a workload, from the same weights."""
    data = make_data(workload)
    x, y, weights, biases = data
    by_hand = Network(
        weights, biases, workload.activation, workload.optimizer, workload.lr, workload.batch
    )
    steps = {
        "ours": framework_step(workload, tg, F, data),
        "NumPy": lambda: by_hand.step(x, y),
    }
    if torch is not None:
        steps["PyTorch"] = framework_step(workload, torch, torch.nn.functional, data)
    return steps


def single_operation() -> dict[str, Step]:
    """Return W6: one operation on four elements, forward and backward."""
    steps: dict[str, Step] = {}
    for name, framework in (("ours", tg), ("PyTorch", torch)):
        if framework is None:
            continue
        x = framework.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
        g = framework.ones(4)

        def step(x: Any = x, g: Any = g) -> float:
            x.grad = None
            (x * x).backward(g)
            return 0.0

        steps[name] = step
    return steps


def check_losses(name: str, steps: dict[str, Step], count: int = 10) -> None:
    """Train all contestants side by side, and refuse to time them if they disagree."""
    losses = {who: [step() for _ in range(count)] for who, step in steps.items()}
    for who, values in losses.items():
        if not np.allclose(values, losses["ours"], rtol=1e-3):
            sys.exit(f"{name}: the losses of {who} and ours differ: {values} and {losses['ours']}")


def set_threads(number: int) -> None:
    """Set the threads of every contestant's matrix products."""
    tg.set_num_threads(number)
    if torch is not None:
        torch.set_num_threads(number)


def measure(
    steps: dict[str, Step], rounds: int, seconds: float, rest: float
) -> dict[str, list[float]]:
    """Return the time of a step of each contestant in each round, in microseconds.

    With one and with two threads a contestant takes part twice; the better of the two is kept.
    """

    def time_one(step: Step, count: int) -> float:
        start = time.perf_counter()
        for _ in range(count):
            step()
        return (time.perf_counter() - start) / count * 1e6

    # What the imports made is not looked through again by the garbage collector: with PyTorch
    # imported, one such look takes as long as a hundred steps, and falls on anyone.
    gc.collect()
    gc.freeze()
    times: dict[tuple[str, int], list[float]] = {}
    counts = {}
    for who, step in steps.items():
        time_one(step, 3)
        counts[who] = max(1, int(seconds / max(time_one(step, 3) / 1e6, 1e-7)))
        for threads in (1, 2):
            times[who, threads] = []
    order = list(times)
    for _ in range(rounds):
        for who, threads in order:
            # The threads of the one before spin for a while when there is nothing left to do;
            # timed at once, the next would have to share the cores with them.
            time.sleep(rest)
            set_threads(threads)
            time_one(steps[who], max(1, counts[who] // 5))
            times[who, threads].append(time_one(steps[who], counts[who]))
        order.reverse()
    kept = {}
    for who in steps:
        best = min((1, 2), key=lambda threads: statistics.median(times[who, threads]))
        kept[f"{who} ({best})"] = times[who, best]
    return kept


def compare(name: str, what: str, times: dict[str, list[float]], goals: dict[str, float]) -> Any:
    """Print a workload's row of the table, and return its numbers."""
    medians = {who: statistics.median(values) for who, values in times.items()}
    shown = ", ".join(f"{who} {median:,.1f} µs" for who, median in medians.items())
    print(f"{name}  {what}\n    {shown}")
    ours = next(values for who, values in times.items() if who.startswith("ours"))
    ratios = {}
    for who, values in times.items():
        other = who.split()[0]
        if other == "ours":
            continue
        each = [a / b for a, b in zip(ours, values, strict=True)]
        low, middle, high = (float(q) for q in np.quantile(each, [0.25, 0.5, 0.75]))
        ratios[other] = {"median": middle, "quartiles": [low, high]}
        goal = f"  goal {goals[other]:.2f}" if other in goals else ""
        print(f"    ours / {other:<8} {middle:.2f}  ({low:.2f} to {high:.2f}){goal}", flush=True)
    return {"microseconds": medians, "ratios": ratios}


def main(arguments: list[str] | None = None) -> None:
    """Run the workloads that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", help="W1, W2, W3, W4, W6; all by default")
    parser.add_argument("--quick", action="store_true", help="a few steps each")
    parser.add_argument("--json", help="a file for the numbers")
    args = parser.parse_args(arguments)
    names = [workload.name for workload in WORKLOADS] + ["W6"]
    unknown = set(args.workloads) - set(names)
    if unknown:
        parser.error(f"unknown workload {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    chosen = args.workloads or names
    rounds, seconds, rest = (3, 0.002, 0.0) if args.quick else (21, 0.06, 0.15)
    if torch is None:
        print("PyTorch isn't installed, so there is nothing to compare with but NumPy")
    print(f"threads in brackets; {rounds} rounds of about {seconds:g} s for each contestant\n")
    results = {}
    for workload in WORKLOADS:
        if workload.name in chosen:
            steps = contestants(workload)
            check_losses(workload.name, steps)
            times = measure(steps, rounds, seconds, rest)
            results[workload.name] = compare(workload.name, str(workload), times, workload.goals)
    if "W6" in chosen:
        times = measure(single_operation(), rounds, seconds, rest)
        what = "one operation on 4 elements, forward and backward"
        results["W6"] = compare("W6", what, times, {"PyTorch": 0.8})
    if args.json:
        with open(args.json, "w") as file:
            json.dump(results, file, indent=2)


if __name__ == "__main__":
    main()
