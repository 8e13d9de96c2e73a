"""All that is to be seen of a GPU, in under five minutes: numbers, several devices, times.

    python -m benchmarks.gpu                  # on all GPUs that JAX finds
    python -m benchmarks.gpu --device cpu     # on the CPU, to see that this works
    python -m benchmarks.gpu --quick          # a step or two each: their times say nothing

Losses must be those that NumPy gives on the CPU, within rounding: of the workloads of
benchmarks.run, of batches that are sent ahead, and of all devices at once. Steps are timed beside
PyTorch's on the same device, if it is installed with CUDA, and beside hand-written JAX's; all in
full float32, without dropout. What is wrong ends it with a sentence.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import Any

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # PyTorch needs some memory too

import numpy as np

import tinygrad_mnist as tg
from benchmarks import compilers, measure, training
from benchmarks.measure import Benchmark, Conditions, Effort
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import prefetch

NAMES = ("W1", "W3", "W5", "W8", "W9", "W12")
TOLERANCE = 1e-4
"""How far losses may lie from the CPU's, as a part of them."""
TIMED = ("xla", "PyTorch", "JAX")


def require(holds: bool, sentence: str) -> None:
    """End with a sentence unless something holds."""
    if not holds:
        sys.exit(f"wrong: {sentence}")


def difference(values: Any, expected: Any) -> float:
    """Return the largest difference of numbers from what is expected, as a part of that."""
    a, b = np.asarray(values, np.float64), np.asarray(expected, np.float64)
    return float(np.max(np.abs(a - b) / np.maximum(np.abs(b), 1e-3)))


def workload(benchmark: Benchmark, conditions: Conditions, effort: Effort) -> None:
    """Compare the losses of a workload with the CPU's, and its time with others'."""
    steps = dict(benchmark.make(conditions))
    losses = {
        who: [step() for _ in range(benchmark.checks)]
        for who, step in steps.items()
        if who in ("ours", *TIMED)
    }
    found = {
        who: difference(values, losses["ours"]) for who, values in losses.items() if who != "ours"
    }
    for who, part in found.items():
        require(part < TOLERANCE, f"{benchmark.name}: {who}'s losses differ by {part:.1e}")
    said = ", ".join(f"{who} {part:.0e}" for who, part in found.items())
    times = measure.measure({who: steps[who] for who in found}, effort, threads=(1,))
    measure.compare(benchmark, times, ambitious=False)
    print(f"    differs from the CPU's losses by {said}", flush=True)


def train(batch: int, ahead: bool = False, **how: Any) -> tuple[list[float], list[np.ndarray]]:
    """Train with batch norm and dropout, compiled unless on the CPU; return losses and weights."""
    tg.manual_seed(0)
    data = [(tg.randn(batch, 64), tg.randint(0, 10, (batch,))) for _ in range(4)]
    network = nn.Sequential(
        nn.Linear(64, 256, bias=False), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(256, 10),
    )  # fmt: skip
    optimizer = tg.optim.Adam(network.parameters(), lr=0.01)
    step = training.descent(tg, network, optimizer)
    if how:
        step = tg.compile(step, backend="xla", fullgraph=True, **how)
    losses = [
        step(x, y).item() for _ in range(3) for x, y in (prefetch(data, step) if ahead else data)
    ]
    return losses, [value.numpy().copy() for value in network.state_dict().values()]


def several(device: str, count: int) -> None:
    """Compare trainings on the devices with one on the CPU, losses and weights."""
    batch = 64 * count
    ways: dict[str, dict[str, Any]] = {"one device": {}, "batches sent ahead": {"ahead": True}}
    if count > 1:
        ways[f"{count} devices"] = {"devices": count}
        ways[f"{count} devices, parameters split"] = {"devices": count, "shard": "parameters"}
    else:
        print("one device: none to share a batch with")
    losses, weights = train(batch)
    for way, how in ways.items():
        found, own = train(batch, device=device, **how)
        part = difference(found, losses)
        require(part < TOLERANCE, f"{way}: losses differ from the CPU's by {part:.1e}")
        close = all(
            np.allclose(a, b, rtol=1e-2, atol=2e-3) for a, b in zip(own, weights, strict=True)
        )
        require(close, f"{way}: weights read from the device aren't those of the CPU")
        print(f"{way}: losses differ from the CPU's by {part:.0e}", flush=True)


def devices_of(kind: str) -> list[Any]:
    """Return JAX's devices of a kind."""
    import jax

    try:
        return list(jax.devices(kind))
    except RuntimeError:
        return []


def main(arguments: list[str] | None = None) -> None:
    """Check everything, or say why there is nothing to check."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"workloads; {', '.join(NAMES)} by default")
    parser.add_argument("--device", choices=["gpu", "tpu", "cpu"], default="gpu")
    parser.add_argument("--quick", action="store_true", help="a step or two each")
    args = parser.parse_args(arguments)
    timed = {b.name: b for b in training.BENCHMARKS}
    if unknown := set(args.names) - set(timed):
        parser.error(f"there is no workload {', '.join(sorted(unknown))}")
    if why := compilers.without_jax():
        sys.exit(f"JAX is needed, and {why}")
    devices = devices_of(args.device)
    if not devices:
        sys.exit(f"JAX finds no {args.device.upper()} here: nothing was checked")
    import jax

    start = time.perf_counter()
    print(f"{len(devices)} x {devices[0].device_kind}, JAX {jax.__version__}")
    jax.config.update("jax_default_matmul_precision", "float32")
    if measure.torch is not None:
        measure.torch.backends.cudnn.allow_tf32 = False
        if args.device == "gpu" and not measure.torch.cuda.is_available():
            print("PyTorch has no CUDA here: it is left out")
            training.FRAMEWORKS.pop("PyTorch")
    conditions = Conditions(check=True, xla=True, device=args.device)
    effort = measure.QUICK if args.quick else Effort(11, 0.1, 0.05)
    with jax.default_device(devices[0]):
        several(args.device, len(devices))
        for name in args.names or NAMES:
            workload(timed[name], conditions, effort)
    print(f"all is as it should be; {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
