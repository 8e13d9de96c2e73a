"""The group of all processes: how it is made, asked and left."""

from __future__ import annotations

import atexit
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, SupportsIndex

from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist._runtime.process_group import ProcessGroup, holder, present_group
from tinygrad_mnist.distributed.errors import DistNetworkError
from tinygrad_mnist.distributed.exchange import Alone, Exchange, Jax, need_jax
from tinygrad_mnist.distributed.monitor import Hub, Monitor, end_process, note_error
from tinygrad_mnist.distributed.place import Place, find

default_pg_timeout = timedelta(minutes=30)
"""How long a process waits for another one in a collective; PyTorch's."""

HEARTBEAT = "TINYGRAD_MNIST_HEARTBEAT"
"""The variable that says after how many seconds a silent process is lost."""

_SILENCE = 10.0
SOCKETS = 3
"""Sockets for each process in rank 0: one of Gloo's, one of JAX's service, one of the hub."""
_LAST = 0.3
"""Seconds by which rank 0 outlives the others: without its service JAX aborts them noisily."""
_OF_JAX = ("JaxRuntimeError", "XlaRuntimeError")
"""What JAX raises when a collective in a compiled step has failed."""
_MEETING = 300
"""Seconds to wait at most for all processes to start."""


class Group(ProcessGroup):
    """The group of all processes.

    Parameters
    ----------
    place
        The place of this process.
    timeout
        How long one waits for another in a collective.
    """

    def __init__(self, place: Place, timeout: timedelta) -> None:
        super().__init__(place.rank, place.size)
        self.place = place
        self.exchange: Exchange = Alone()
        self.monitor: Monitor | None = None
        self._hub: Hub | None = None
        if place.size > 1:
            need_jax(place.size)
            _allow_sockets(place.size)
            self.monitor = self._meet(timeout.total_seconds())
            self.monitor.start()
            sys.excepthook = partial(_fail, sys.excepthook, place.rank, self.monitor)
            self.exchange = Jax(place, self.monitor.port)

    def _meet(self, patience: float) -> Monitor:
        """Start the hub in rank 0, connect this process to it, and wait for the others."""
        place, silence = self.place, _silence()

        def end(reason: str, speak: bool) -> None:
            if place.rank == 0:
                time.sleep(_LAST)
            end_process(reason, speak or place.rank == 0 or place.local_rank == 0)

        what = f"init_process_group: rank {place.rank} of {place.size}"
        if place.rank == 0:
            try:
                self._hub = Hub(place.size, place.port, silence, patience, place.is_local)
            except OSError as error:
                raise DistNetworkError(
                    f"{what} can't listen at port {place.port}: {error}; name another, by "
                    f"MASTER_PORT in all processes"
                ) from error
            self._hub.start()
        waiting = min(patience, _MEETING)
        try:
            return Monitor(place.rank, place.size, place.host, place.port, waiting, silence, end)
        except DistNetworkError as error:
            missing = f" (missing: {self._hub.missing()})" if self._hub else ""
            raise DistNetworkError(
                f"{what} has waited at {place.address}:{place.port}, for {waiting:.0f} s at most: "
                f"{error}{missing}"
            ) from error

    def leave(self) -> None:
        """Wait for the others to leave, too."""
        if self.monitor is not None:
            self.monitor.leave()
        self.exchange.close()
        if self.monitor is not None:
            self.monitor.close()
        if self._hub is not None:
            self._hub.close()


def _allow_sockets(size: int) -> None:
    """Raise this process's limit of open files, if the system lets it, to what its sockets need."""
    try:
        resource = late("resource")
    except ImportError:  # not on this system
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = SOCKETS * size + soft // 2  # half of them are for the script's own files
    if soft < wanted and soft != resource.RLIM_INFINITY:
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))


def _silence() -> float:
    text = os.environ.get(HEARTBEAT, "")
    try:
        seconds = float(text or _SILENCE)
    except ValueError:
        seconds = 0.0
    if not 0.1 <= seconds < float("inf"):
        raise ValueError(
            f"environment variable {HEARTBEAT} is {text!r}: give seconds, at least 0.1"
        )
    return seconds


def present() -> Group:
    """Return the group of this process."""
    group = present_group()
    assert isinstance(group, Group)
    return group


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: None = None,
    group_name: str = "",
    pg_options: object = None,
    device_id: object = None,
) -> None:
    """Meet the other processes of a job.

    Rank, number of processes and the place to meet are told by the environment, as torchrun, this
    package's launcher, Open MPI and Slurm set it, or by arguments. The processes talk by JAX, which
    has to be installed, and unused until now, where there is more than one. Follows
    ``torch.distributed.init_process_group``.

    From now on a process that dies, is stopped, or ends by an exception ends all others within
    seconds, with its rank and the reason on stderr.

    Parameters
    ----------
    backend
        None or ``"gloo"``: tensors lie in the memory of the CPU.
    init_method
        ``"env://"``, or ``"tcp://host:port"`` with the host of rank 0.
    timeout
        How long a process may wait for another one in a collective; None for 30 minutes.
    world_size, rank
        How many processes there are, and the number of this one; -1 asks the environment.
    store, group_name, pg_options, device_id
        Accepted, without effect.

    Raises
    ------
    ValueError
        When rank or number can't be told, or the backend is another one.
    TypeError
        When they are no whole numbers, or the timeout is no ``datetime.timedelta``.
    DistError
        When JAX isn't installed, or in use already.
    DistNetworkError
        When the others don't come.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.get_rank(), dist.get_world_size(), dist.get_backend()
    (0, 1, 'gloo')
    >>> dist.destroy_process_group()
    """
    if holder.group is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if backend not in (None, "", "gloo", "cpu:gloo", "cpu:gloo,cuda:nccl"):
        raise ValueError(
            f"init_process_group: backend {backend!r} isn't offered; use 'gloo': tensors lie in "
            f"the memory of the CPU"
        )
    if store is not None:
        raise ValueError("init_process_group: stores aren't offered; use init_method")
    for name, number in (("world_size", world_size), ("rank", rank)):
        if not isinstance(number, SupportsIndex):
            raise TypeError(f"init_process_group: {name}={number!r}: expects an int")
    if timeout is not None and not isinstance(timeout, timedelta):
        raise TypeError(
            f"init_process_group: timeout={timeout!r}: expects a datetime.timedelta, such as "
            f"timedelta(minutes=5)"
        )
    group = Group(find(init_method or "env://", rank, world_size), timeout or default_pg_timeout)
    holder.group = group
    if group.monitor is not None:
        atexit.register(_leave_at_exit)


def _fail(
    previous: Callable[..., Any],
    rank: int,
    monitor: Monitor,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType | None,
) -> None:
    """Print an exception that ends this process, tell the others, and wait for none of them."""
    if kind.__name__ in _OF_JAX:  # if another process is lost, the reason is on its way
        time.sleep(min(_silence(), 2))
    previous(kind, error, trace)
    words = f"{kind.__name__}: {error}"
    note_error(words)
    monitor.fail(words)
    sys.stdout.flush()
    sys.stderr.flush()
    if rank == 0:
        time.sleep(_LAST)
    os._exit(130 if issubclass(kind, KeyboardInterrupt) else 1)


def _leave_at_exit() -> None:
    """Leave the group at the end of a script, which fails if that does."""
    try:
        destroy_process_group()
    except Exception:
        sys.excepthook(*sys.exc_info())


def destroy_process_group(group: ProcessGroup | None = None) -> None:
    """Leave the group, after waiting for all others to do so; at the end of a script it is done.

    Follows ``torch.distributed.destroy_process_group``. There can't be a second group of several
    processes afterwards.

    Parameters
    ----------
    group
        None, or the group that there is.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.destroy_process_group()
    >>> dist.is_initialized()
    False
    """
    if group is None and holder.group is None:
        return  # at the end of a script that has done it
    present = member(group)
    present.leave()
    holder.group = None


def member(group: ProcessGroup | None) -> Group:
    """Return the group that a function is given: the one that there is."""
    there = present()
    if group is not None and group is not there:
        raise ValueError(
            f"expected the group of all processes, or None, got {type(group).__name__}: there are "
            f"no other groups"
        )
    return there


def new_group(*args: object, **settings: object) -> ProcessGroup:
    """Raise an error that says what to do: there is one group, of all processes.

    Parameters
    ----------
    args, settings
        PyTorch's.

    Raises
    ------
    NotImplementedError
        Always.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> try:
    ...     dist.new_group([0, 1])
    ... except (NotImplementedError, ValueError):
    ...     print("there is no other group")
    there is no other group
    """
    raise NotImplementedError(
        "new_group: there is one group, of all processes; let those that aren't meant add zeros to "
        "all_reduce, or pick what is meant from all_gather"
    )


def is_available() -> bool:
    """Return True. Follows ``torch.distributed.is_available``.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.is_available()
    True
    """
    return True


def is_initialized() -> bool:
    """Return whether there is a process group. Follows ``torch.distributed.is_initialized``.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.is_initialized()
    False
    """
    return holder.group is not None


def is_torchelastic_launched() -> bool:
    """Return whether a launcher has started this process.

    Follows ``torch.distributed.is_torchelastic_launched``.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.is_torchelastic_launched()
    False
    """
    return "TORCHELASTIC_RUN_ID" in os.environ


def get_rank(group: ProcessGroup | None = None) -> int:
    """Return the number of this process, from 0. Follows ``torch.distributed.get_rank``.

    Parameters
    ----------
    group
        None, or the group that there is.

    Raises
    ------
    ValueError
        When there is no process group.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.get_rank()
    0
    >>> dist.destroy_process_group()
    """
    return member(group).rank()


def get_world_size(group: ProcessGroup | None = None) -> int:
    """Return how many processes there are. Follows ``torch.distributed.get_world_size``.

    Parameters
    ----------
    group
        None, or the group that there is.

    Raises
    ------
    ValueError
        When there is no process group.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.get_world_size()
    1
    >>> dist.destroy_process_group()
    """
    return member(group).size()


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """Return the number of this process among those of its host.

    Follows ``torch.distributed.get_node_local_rank``.

    Parameters
    ----------
    fallback_rank
        What to return if no launcher has said it.

    Raises
    ------
    RuntimeError
        When no launcher has said it.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.get_node_local_rank(0)
    0
    """
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if holder.group is not None:
        return present().place.local_rank
    if fallback_rank is not None:
        return fallback_rank
    raise RuntimeError("LOCAL_RANK is not in the environment; give fallback_rank")


def get_backend(group: ProcessGroup | None = None) -> str:
    """Return the name of what the processes talk by. Follows ``torch.distributed.get_backend``.

    Parameters
    ----------
    group
        None, or the group that there is.

    Raises
    ------
    ValueError
        When there is no process group.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.get_backend()
    'gloo'
    >>> dist.destroy_process_group()
    """
    member(group)
    return "gloo"
