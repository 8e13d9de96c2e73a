"""Start a script in several processes on this host: torchrun's main options.

    python -m tinygrad_mnist.distributed.run --nproc-per-node 4 train.py --epochs 10

The script learns by the environment which process it is (RANK, WORLD_SIZE, LOCAL_RANK,
MASTER_ADDR, MASTER_PORT), and calls ``init_process_group()``. When one process is lost, all are
ended, and the last line says which one it was and why.

On several hosts, start it on each, with the number of hosts, the number of this one, and the
address of host 0:

    python -m tinygrad_mnist.distributed.run --nnodes 2 --node-rank 0 --master-addr host0 train.py
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from tinygrad_mnist.distributed.group import HEARTBEAT
from tinygrad_mnist.distributed.launcher import Job, launch
from tinygrad_mnist.distributed.place import PORT


def parser() -> argparse.ArgumentParser:
    """Return the parser of the options."""
    made = argparse.ArgumentParser(
        prog="python -m tinygrad_mnist.distributed.run",
        usage="%(prog)s [options] script [its arguments]", description=__doc__, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add = made.add_argument
    add(
        "--nproc-per-node",
        "--nproc_per_node",
        type=_count,
        default=1,
        metavar="N",
        help="processes on each host; auto or cpu: one for each core",
    )
    add("--nnodes", type=_positive, default=1, metavar="N", help="hosts")
    add(
        "--node-rank",
        "--node_rank",
        type=_natural,
        default=0,
        metavar="N",
        help="the number of this host, from 0",
    )
    add(
        "--master-addr",
        "--master_addr",
        default="127.0.0.1",
        metavar="HOST",
        help="the address of host 0",
    )
    add(
        "--master-port",
        "--master_port",
        type=_port,
        default=None,
        metavar="PORT",
        help=f"where the processes meet; {PORT}, or on a single host one that is free",
    )
    add(
        "--max-restarts",
        "--max_restarts",
        type=_natural,
        default=0,
        metavar="N",
        help="how often to start all processes anew when one is lost",
    )
    add(
        "--monitor-interval",
        "--monitor_interval",
        type=_seconds,
        default=0.1,
        metavar="SECONDS",
        help="time between two looks at the processes",
    )
    add(
        "--heartbeat-timeout",
        type=_seconds,
        default=None,
        metavar="SECONDS",
        help="a process that is silent for so long is lost; 10",
    )
    add(
        "--no-prefix",
        action="store_true",
        help="leave the output as it is; else each line begins with its rank, if there are several",
    )
    add("--standalone", action="store_true", help="as on a single host, which is the default")
    add("-m", "--module", action="store_true", help="the script is a module's name")
    add("--no-python", "--no_python", action="store_true", help="the script is a program")
    add("script", help="what to start")
    add("arguments", nargs=argparse.REMAINDER, help="its arguments")
    return made


def _positive(text: str) -> int:
    number = _natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is too small: at least 1 is needed")
    return number


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 0")
    return int(text)


def _port(text: str) -> int:
    number = _natural(text)
    if number > 65535:
        raise argparse.ArgumentTypeError(f"{text} is no port: they go up to 65535")
    return number


def _count(text: str) -> int:
    if text in ("auto", "cpu"):
        return (
            len(os.sched_getaffinity(0))
            if hasattr(os, "sched_getaffinity")
            else os.cpu_count() or 1
        )
    if text == "gpu":
        raise argparse.ArgumentTypeError("there is no GPU here; give a number, or cpu")
    return _positive(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no time: give seconds, above 0")
    return seconds


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the options, run the job, and return its exit code."""
    made = parser()
    args = made.parse_args(arguments)
    if args.node_rank >= args.nnodes:
        made.error(f"--node-rank {args.node_rank} isn't one of {args.nnodes} hosts, from 0")
    if args.nnodes > 1 and args.master_addr in ("127.0.0.1", "localhost"):
        made.error("--nnodes: several hosts need --master-addr, the address of host 0")
    if args.module and args.no_python:
        made.error("--module and --no-python exclude each other")
    if not (args.module or args.no_python or Path(args.script).exists()):
        made.error(f"there is no script {args.script!r}")
    if args.no_python and shutil.which(args.script) is None:
        made.error(f"there is no program {args.script!r}; give a file that can be executed")
    port = args.master_port
    if port is None:
        port = 0 if args.nnodes == 1 else PORT
    python = [] if args.no_python else [sys.executable, *["-m"] * args.module]
    variables = {HEARTBEAT: str(args.heartbeat_timeout)} if args.heartbeat_timeout else {}
    interrupts: list[int] = []
    for kind in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(kind) != signal.SIG_IGN:  # as that of a job in a shell's background is
            signal.signal(kind, lambda number, frame: interrupts.append(number))
    job = Job(
        [*python, args.script, *args.arguments], args.nproc_per_node, args.nnodes, args.node_rank,
        args.master_addr, port, args.nproc_per_node * args.nnodes > 1 and not args.no_prefix,
        variables,
    )  # fmt: skip
    try:
        return launch(job, args.max_restarts, args.monitor_interval, interrupts)
    except KeyboardInterrupt:
        print("launcher: interrupted; all processes have been ended", file=sys.stderr)
        return 128 + interrupts[0]


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # a thread may stand at a pipe that nobody reads, and would be waited for
