"""Time our work side by side with PyTorch's, hand-written NumPy's, and others'.

    python -m benchmarks.run              # everything: about a quarter of an hour
    python -m benchmarks.run W1 W3        # some
    python -m benchmarks.run --quick      # a step or two each, to see that everything starts
    python -m benchmarks.run --xla        # our steps by XLA and hand-written JAX take part
    python -m benchmarks.run --compilers  # these and torch.compile
    python -m benchmarks.run --as-installed     # training steps as a user has them

W1 to W12 are training steps; gaussian and nearest are the classical models on all of MNIST (its
folder is named by TINYGRAD_MNIST_DATA); import, memory, nodes and arrays are what the rest costs.
Printed are median ratios, and their quartiles. As installed: see benchmarks/installed.py.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from pathlib import Path
from typing import Any

import numpy as np

import benchmarks.classical
import benchmarks.compilers
import benchmarks.installed
import benchmarks.training
from benchmarks import measure
from benchmarks.resources import RESOURCES
from tinygrad_mnist.io.files import replacing


def machine() -> str:
    """Describe the machine in one line."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo") as file:
            model = next(line.split(":")[1].strip() for line in file if "model name" in line)
    except (OSError, StopIteration):
        pass
    torch = "" if measure.torch is None else f", PyTorch {measure.torch.__version__}"
    return (
        f"{os.cpu_count()} cores of {model}, Python {platform.python_version()}, NumPy "
        f"{np.__version__}{torch}"
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the benchmarks that the command line names."""
    classical = {b.name: b for b in benchmarks.classical.BENCHMARKS}
    timed = {b.name: b for b in benchmarks.training.BENCHMARKS} | classical
    names = [*timed, *RESOURCES]
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", nargs="*", help=f"{', '.join(names)}; all by default")
    parser.add_argument("--quick", action="store_true", help="a step or two each")
    parser.add_argument("--xla", action="store_true", help="our steps by XLA, and JAX's jit too")
    parser.add_argument("--compilers", action="store_true", help="these and torch.compile too")
    parser.add_argument("--as-installed", action="store_true", help="W1 to W12 as a user has them")
    parser.add_argument("--json", type=Path, help="a file for the numbers, written after each")
    args = parser.parse_args(arguments)
    if args.as_installed:
        names = [b.name for b in benchmarks.training.BENCHMARKS]
    unknown = set(args.names) - set(names)
    if unknown:
        parser.error(
            f"unknown benchmark {', '.join(sorted(unknown))}; there are {', '.join(names)}"
        )
    if args.json and not args.json.parent.is_dir():
        parser.error(f"there is no folder {args.json.parent} for {args.json.name}")
    effort = measure.QUICK if args.quick else measure.Effort()
    print(machine())
    if measure.torch is None:
        print("PyTorch isn't installed: W1 to W4 are compared with NumPy, the others with nothing")
    conditions = measure.Conditions(compilers=args.compilers, xla=args.xla or args.compilers)
    for who, why in benchmarks.compilers.left_out(conditions).items():
        print(f"{who} is left out: {why}")
    if args.quick:
        print("a single step was timed of each: the figures say nothing\n")
    else:
        print(f"threads in brackets; {effort.rounds} rounds of turns of {effort.seconds:g} s\n")
    results: dict[str, Any] = {"machine": machine()}
    for name in args.names or names:
        if name in RESOURCES:
            results[name] = RESOURCES[name](effort)
        elif name in classical and (args.quick or benchmarks.classical.missing()):
            why = benchmarks.classical.missing() or "it takes a minute"
            print(f"{name}  left out: {why}")
        elif name == "W7" and args.quick:
            timed[name].check()
            print(f"{name}  checked, and not timed: it takes a minute")
        elif args.as_installed:
            timed[name].check()
            results[name] = benchmarks.installed.run(timed[name], effort)
        else:
            results[name] = measure.run(timed[name], effort, conditions)
        if args.json:
            with replacing(args.json) as file:
                file.write(json.dumps(results, indent=2).encode())


if __name__ == "__main__":
    main()
