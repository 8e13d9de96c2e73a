"""What it costs to share a training step between devices, on the devices into which XLA cuts a CPU.

    python -m benchmarks.devices                   # 1, 2, 4 and 8 devices: some two minutes
    python -m benchmarks.devices --counts 1 2

One process has them all. The table is the time of a compiled training step of whole batches, with
the state on each device, and with ``shard="parameters"``. More devices than cores are marked: they
take turns. The best tenth is what others on the host disturb least. Needs JAX, the extra xla.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from typing import Any

import tinygrad_mnist as tg
from benchmarks.processes import BATCHES, NETWORKS, shown, title, typical
from tinygrad_mnist import nn

SECONDS = 1.5
"""For how long a step is repeated."""


def step_times(sizes: tuple[int, ...], batch: int, settings: dict[str, Any]) -> list[float]:
    """Time a training step: its best tenth and median, in milliseconds."""
    tg.manual_seed(0)
    layers = [x for n, m in itertools.pairwise(sizes) for x in (nn.Linear(n, m), nn.ReLU())]
    model = nn.Sequential(*layers[:-1])
    optimizer = tg.optim.SGD(model.parameters(), lr=0.01)
    images, labels = tg.randn(batch, sizes[0]), tg.randint(0, 10, (batch,))

    @tg.compile(backend="xla", fullgraph=True, **settings)
    def step(images: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        loss = nn.functional.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):  # recorded, compiled, and run
        step(images, labels).item()
    found: list[float] = []
    end = time.perf_counter() + SECONDS
    while len(found) < 5 or time.perf_counter() < end:
        start = time.perf_counter()
        step(images, labels).item()
        found.append(time.perf_counter() - start)
    return typical(found)


def work(count: int) -> None:
    """Measure with so many devices, and print what was found."""
    found = []
    for (name, sizes), batch in itertools.product(NETWORKS.items(), BATCHES):
        whole = {"devices": count} if count > 1 else {}
        times = [step_times(sizes, batch, whole)]
        if count > 1:
            times.append(step_times(sizes, batch, {**whole, "shard": "parameters"}))
        found.append({"network": name, "batch": batch, "times": times})
    print(json.dumps(found))


def measured(count: int) -> list[dict[str, Any]]:
    """Start a process that has so many devices, and return what it has found."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={count}"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.devices", "--work", str(count)],
        check=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"XLA_FLAGS": flags},
    )  # fmt: skip
    found: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure with each number of devices, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--counts", type=int, nargs="+", default=[1, 2, 4, 8], help="devices")
    parser.add_argument("--work", type=int, default=None, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.work is not None:
        work(args.work)
        return
    cores = os.cpu_count() or 1
    load = os.getloadavg()[0]
    found = {count: measured(count) for count in args.counts}
    titles = [title(n, "device", "devices") for n in found]
    print(f"\n{cores} cores, load before {load:.1f}; milliseconds, best tenth (median); sharded")
    print("\n| network, batch |", " | ".join(titles), "|")
    print("|" + "---|" * (1 + len(found)))
    for cells in zip(*found.values(), strict=True):
        head = f"{cells[0]['network']}, {cells[0]['batch']:,}"
        texts = ["; ".join(map(shown, c["times"])) for c in cells]
        print(f"| {head} |", " | ".join(texts), "|")


if __name__ == "__main__":
    main()
