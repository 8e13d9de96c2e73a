"""Where a process stands among others: what launchers tell it by its environment.

torchrun's variables come first, as our own launcher sets them, then Open MPI's, then Slurm's: a
job of Slurm's may start processes by the other two, and each sees the variables of the job as well.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

PORT = 29500
"""The port where processes meet, if nothing says otherwise; PyTorch's."""


class Place(NamedTuple):
    """The number of a process, how many there are, and where they meet."""

    rank: int
    size: int
    local_rank: int
    address: str
    port: int

    @property
    def is_local(self) -> bool:
        """Whether all processes are on this host, by the address."""
        return self.address in ("127.0.0.1", "localhost", "::1")

    @property
    def host(self) -> str:
        """The address, without the names of this host that may mean several of its addresses."""
        return "127.0.0.1" if self.is_local else self.address


def find(
    init_method: str, rank: int, size: int, environment: Mapping[str, str] = os.environ
) -> Place:
    """Return the place of this process; a rank or size of -1 is looked for in the environment.

    Raises
    ------
    ValueError
        When it can't be told; the sentence names the variable or the argument that is missing.
    """
    told_rank, told_size, local, address, port = _told(environment)
    rank = told_rank if rank == -1 else rank
    size = told_size if size == -1 else size
    for name, number, argument in (("RANK", rank, "rank"), ("WORLD_SIZE", size, "world_size")):
        if number == -1:
            raise ValueError(
                f"environment variable {name} expected, but not set: start the script by "
                f"python -m tinygrad_mnist.distributed.run, srun or mpirun, or give {argument}"
            )
    if not 0 <= rank < size:
        raise ValueError(f"rank {rank} isn't one of {size} processes, from 0 to {size - 1}")
    if init_method.startswith("tcp://"):
        address, port = _split(init_method)
    elif init_method != "env://":
        raise ValueError(
            f"init_method {init_method!r} isn't offered; use env:// or tcp://host:port, where the "
            f"host is that of rank 0"
        )
    if not address and size > 1:
        raise ValueError(
            "environment variable MASTER_ADDR expected, but not set: it names the host of rank 0"
        )
    return Place(rank, size, rank if local == -1 else local, address, port)


def _told(environment: Mapping[str, str]) -> tuple[int, int, int, str, int]:
    """Return rank, size, local rank, address and port as a launcher says them; -1 and '' if not."""

    def number(*names: str) -> int:
        for name in names:
            if name in environment:
                try:
                    return int(environment[name])
                except ValueError:
                    raise ValueError(
                        f"environment variable {name} is {environment[name]!r}, not a number"
                    ) from None
        return -1

    address, port = environment.get("MASTER_ADDR", ""), number("MASTER_PORT")
    if "RANK" in environment or "WORLD_SIZE" in environment:
        rank, size, local = number("RANK"), number("WORLD_SIZE"), number("LOCAL_RANK")
    elif "OMPI_COMM_WORLD_RANK" in environment:
        rank, size = number("OMPI_COMM_WORLD_RANK"), number("OMPI_COMM_WORLD_SIZE")
        local = number("OMPI_COMM_WORLD_LOCAL_RANK")
        if number("OMPI_COMM_WORLD_LOCAL_SIZE") == size:
            address = address or "127.0.0.1"
    elif "SLURM_STEP_NODELIST" in environment:  # a batch script has the others, but isn't a task
        rank, local = number("SLURM_PROCID"), number("SLURM_LOCALID")
        size = number("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
        address = address or first_host(environment["SLURM_STEP_NODELIST"])
        job, step = number("SLURM_JOB_ID"), number("SLURM_STEP_ID")
        if port == -1 and job != -1:  # all tasks can work it out, and other jobs have another one
            port = 20000 + (job + 97 * max(step, 0)) % 10000
    else:
        rank = size = local = -1
    return rank, size, local, address, PORT if port == -1 else port


def first_host(nodes: str) -> str:
    """Return the first host of a list as Slurm writes it: ``node[07-09,12],other``.

    Examples
    --------
    >>> first_host("node[07-09,12],other"), first_host("login1")
    ('node07', 'login1')
    """
    first = re.match(r"(?:\[[^\]]*\]|[^,\[])*", nodes)
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", first[0] if first else nodes)


def _split(init_method: str) -> tuple[str, int]:
    match = re.fullmatch(r"tcp://(\[[^\]]+\]|[^:/]+):(\d+)/?", init_method)
    if match is None:
        raise ValueError(f"init_method {init_method!r} should be tcp://host:port")
    return match[1].strip("[]"), int(match[2])
