"""What it costs to exchange gradients between processes on this host, beside a training step.

    python -m benchmarks.processes                 # 1, 2 and 4 processes: some three minutes
    python -m benchmarks.processes --counts 1 2 8

The first table is that of the time of the sum of an array over all processes, by its size. The
second is that of a training step of whole batches that the processes share, and the part of it in
which gradients are exchanged; the third is that of the same step by XLA, with the exchange in it.
Each process computes with one thread. More processes than cores are marked: they take turns. The
best tenth is what others on the host disturb least. Needs JAX, the extra xla.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_mnist as tg
import tinygrad_mnist.distributed as dist
from tinygrad_mnist import nn
from tinygrad_mnist.distributed import data_parallel
from tinygrad_mnist.nn.parallel import DistributedDataParallel

LENGTHS = (1, 1_000, 100_000, 1_000_000, 10_000_000)
"""Numbers of float32 in an array."""

NETWORKS = {"784-100-200-10": (784, 100, 200, 10), "784-1024-1024-10": (784, 1024, 1024, 10)}
BATCHES = (64, 512, 4096)
SECONDS = 1.5
"""For how long one thing is repeated."""


def typical(seconds: list[float]) -> list[float]:
    """Return the best tenth and the median, in milliseconds."""
    return [1e3 * float(x) for x in np.percentile(seconds, (10, 50))]


def repeated(once: Callable[[], Any]) -> list[float]:
    """Return the seconds that each of many calls takes; all processes make as many."""
    once(), once()
    start = time.perf_counter()
    once()
    count = tg.tensor([float(np.clip(SECONDS / (time.perf_counter() - start), 5, 500))])
    dist.broadcast(count, src=0)
    found = []
    for _ in range(int(count)):
        start = time.perf_counter()
        once()
        found.append(time.perf_counter() - start)
    return found


def layers_of(sizes: Sequence[int]) -> list[nn.Module]:
    """Return the layers of a perceptron."""
    made = [x for n, m in itertools.pairwise(sizes) for x in (nn.Linear(n, m), nn.ReLU())]
    return made[:-1]


def waited_for(step: Callable[[], tg.Tensor]) -> float:
    """Take a step, and wait for its loss."""
    return step().item()


def sums() -> dict[int, list[float]]:
    """Time the sum of arrays."""
    arrays = [tg.ones(n) for n in LENGTHS]
    return {len(x): typical(repeated(partial(dist.all_reduce, x))) for x in arrays}


def steps() -> list[dict[str, Any]]:
    """Time training steps, and the exchanges in them."""
    found = []
    for name, sizes in NETWORKS.items():
        for batch in BATCHES:
            own = batch // dist.get_world_size()
            model = DistributedDataParallel(nn.Sequential(*layers_of(sizes)))
            optimizer = tg.optim.SGD(model.parameters(), lr=0.01)
            images, labels = tg.randn(own, sizes[0]), tg.randint(0, 10, (own,))
            spent: list[float] = []

            def step(model=model, optimizer=optimizer, images=images, labels=labels) -> tg.Tensor:
                loss = nn.functional.cross_entropy(model(images), labels)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                return loss

            exchange = data_parallel.reduce_arrays

            def timed(*args: Any, spent=spent, exchange=exchange, **settings: Any) -> None:
                start = time.perf_counter()
                exchange(*args, **settings)
                spent.append(time.perf_counter() - start)

            data_parallel.reduce_arrays = timed  # type: ignore[assignment]
            whole = repeated(step)
            data_parallel.reduce_arrays = exchange
            by_xla = tg.compile(step, backend="xla", fullgraph=True)
            by_xla(), by_xla(), by_xla()
            found.append(
                {
                    "network": name, "batch": batch, "step": typical(whole),
                    "by_xla": typical(repeated(partial(waited_for, by_xla))),
                    "parameters": sum(p.numel() for p in model.parameters()),
                    "exchange": typical(spent[-len(whole) :]) if spent else [0.0] * 2,
                }
            )  # fmt: skip
    return found


def work(path: Path) -> None:
    """Measure, as one of the processes; rank 0 writes what it has found."""
    dist.init_process_group()
    tg.set_num_threads(1)
    found = {"sums": sums(), "steps": steps()}
    if dist.get_rank() == 0:
        path.write_text(json.dumps(found))


def measured(count: int) -> dict[str, Any]:
    """Start processes that measure, and return what they have found."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "found.json"
        words = ["--nproc-per-node", str(count), "--module", "benchmarks.processes"]
        subprocess.run(
            [sys.executable, "-m", "tinygrad_mnist.distributed.run", *words, "--work", str(path)],
            check=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        found: dict[str, Any] = json.loads(path.read_text())
        return found


def shown(pair: list[float]) -> str:
    """Write a best tenth and a median."""
    low, middle = (f"{x:.2f}" if x < 10 else f"{x:.0f}" for x in pair)
    return f"{low} ({middle})"


def title(count: int, one: str, several: str) -> str:
    """Return the head of a column, which says if there are more than cores."""
    over = " (oversubscribed)" if count > (os.cpu_count() or 1) else ""
    return f"{count} {one if count == 1 else several}{over}"


def main() -> None:
    """Measure with each number of processes, and print two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4], help="processes")
    parser.add_argument("--work", type=Path, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work is not None:
        work(args.work)
        return
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = {count: measured(count) for count in args.counts}
    titles = [title(n, "process", "processes") for n in found]
    print(f"\n{cores} cores, load before {load:.1f}; milliseconds, best tenth (median)\n")
    print("| float32 |", " | ".join(titles), "|")
    print("|" + "---|" * (1 + len(found)))
    for n in LENGTHS:
        print(f"| {n:,} |", " | ".join(shown(f["sums"][str(n)]) for f in found.values()), "|")
    print("\n| network, parameters, batch |", " | ".join(titles), "|")
    print("|" + "---|" * (1 + len(found)))
    by_xla: list[str] = []
    for cells in zip(*(f["steps"] for f in found.values()), strict=True):
        head = f"{cells[0]['network']}, {cells[0]['parameters']:,}, {cells[0]['batch']:,}"
        texts = [f"{shown(c['step'])}, of it {shown(c['exchange'])}" for c in cells]
        print(f"| {head} |", " | ".join(texts), "|")
        by_xla.append(f"| {head} | {' | '.join(shown(c['by_xla']) for c in cells)} |")
    print("\n| by XLA: network, parameters, batch |", " | ".join(titles), "|")
    print("|" + "---|" * (1 + len(found)), *by_xla, sep="\n")


if __name__ == "__main__":
    main()
