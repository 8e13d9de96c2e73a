"""Starts the programs of these tests in several processes, and waits for them to end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import pytest

PROGRAMS = Path(__file__).parent / "programs"
LIMIT = 240.0
"""Seconds after which a test has failed; nothing takes a quarter of that on an idle machine."""

needs_jax = pytest.mark.skipif(
    find_spec("jax") is None, reason="several processes talk by JAX, which isn't installed"
)


class Ended(NamedTuple):
    """How a process has ended."""

    code: int
    out: str
    err: str
    seconds: float
    at: float
    """The time at which all had ended."""


def environment(**variables: object) -> dict[str, str]:
    """Return the environment of a process: none of a launcher's variables but those given."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
        and name != "PYTHONUNBUFFERED"  # it mixes the lines of processes that share an output
        and not name.startswith(("OMPI_", "SLURM_", "COV_"))
    }
    # JAX warns of proxies; two cores have to do for all processes.
    kept = {name: value for name, value in kept.items() if "proxy" not in name.lower()}
    kept |= {"OMP_NUM_THREADS": "1", "TINYGRAD_MNIST_HEARTBEAT": "2", "JAX_PLATFORMS": "cpu"}
    kept["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"  # LLVM's: they take longer than the trainings
    return kept | {name: str(value) for name, value in variables.items()}


def launch(count: int, *words: object, options: tuple[object, ...] = ()) -> Ended:
    """Run a program under the launcher."""
    head = [sys.executable, "-m", "tinygrad_mnist.distributed.run", "--nproc-per-node", str(count)]
    command = [*head, *map(str, options), *map(str, words)]
    start = time.monotonic()
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=LIMIT, env=environment(), check=False
    )
    seconds = time.monotonic() - start
    return Ended(done.returncode, done.stdout, done.stderr, seconds, time.time())


def by_hand(count: int, *words: object, kind: str = "torchrun") -> list[Ended]:
    """Run a program without the launcher, as Slurm or Open MPI would start it."""
    from tinygrad_mnist.distributed.monitor import free_port

    port, start = free_port(), time.monotonic()
    processes = []
    for rank in range(count):
        variables: dict[str, object] = {
            "torchrun": {"RANK": rank, "WORLD_SIZE": count, "LOCAL_RANK": rank},
            "slurm": {
                "SLURM_PROCID": rank, "SLURM_NTASKS": count, "SLURM_LOCALID": rank,
                "SLURM_STEP_NODELIST": "127.0.0.1", "SLURM_JOB_ID": 7,
            },
            "mpi": {
                "OMPI_COMM_WORLD_RANK": rank, "OMPI_COMM_WORLD_SIZE": count,
                "OMPI_COMM_WORLD_LOCAL_RANK": rank, "OMPI_COMM_WORLD_LOCAL_SIZE": count,
            },
        }[kind]  # fmt: skip
        variables |= {"MASTER_ADDR": "127.0.0.1"} if kind == "torchrun" else {}
        processes.append(
            subprocess.Popen(
                [sys.executable, *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=environment(MASTER_PORT=port, **variables),
            )
        )  # fmt: skip
    while any(p.poll() is None and state(p.pid) != "T" for p in processes):
        if time.monotonic() - start > LIMIT:
            break
        time.sleep(0.05)
    seconds, at = time.monotonic() - start, time.time()
    ended = []
    for process in processes:
        stopped = process.poll() is None
        process.kill()
        out, err = process.communicate()
        code = -signal.SIGSTOP if stopped else process.returncode
        ended.append(Ended(code, out, err, seconds, at))
    return ended


def state(pid: int) -> str:
    """Return the letter by which Linux says what a process does: T is stopped, Z has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""
