"""Objects that are sent between processes, in the format of checkpoints: no pickle, no code."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.process_group import ProcessGroup
from tinygrad_mnist.distributed.collectives import broadcast_array, gather_arrays
from tinygrad_mnist.distributed.group import member
from tinygrad_mnist.serialization import load, save


def _bytes_of(obj: Any) -> np.ndarray:
    file = io.BytesIO()
    save(obj, file)
    return np.frombuffer(file.getvalue(), np.uint8)


def _object_of(data: np.ndarray) -> Any:
    return load(io.BytesIO(data.tobytes()))


def _padded(data: np.ndarray, length: int) -> np.ndarray:
    """Return data in a buffer of a power of two: few lengths are few compiled programs."""
    buffer = np.zeros(max(1024, 1 << (int(length) - 1).bit_length()), np.uint8)
    buffer[: len(data)] = data
    return buffer


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Put the objects of all processes into a list, in each process.

    Objects are what ``save`` takes: nested dicts, lists and tuples of tensors, arrays, numbers,
    strings and None. Follows ``torch.distributed.all_gather_object``, without pickle.

    Parameters
    ----------
    object_list
        A list with a place for each process; it is written to.
    obj
        This process's object.
    group
        None, or the group that there is.

    Raises
    ------
    TypeError
        For an object that can't be sent.
    ValueError
        When the list hasn't a place for each process.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> found = [None]
    >>> dist.all_gather_object(found, {"errors": 3})
    >>> found
    [{'errors': 3}]
    >>> dist.destroy_process_group()
    """
    name, size, data = "all_gather_object", member(group).size(), _bytes_of(obj)
    if len(object_list) != size:
        raise ValueError(f"{name}: the list has {len(object_list)} places for {size} processes")
    lengths = [np.zeros(1, np.int64) for _ in range(size)]
    gather_arrays(np.array([len(data)]), name, outs=lengths)
    buffer = _padded(data, max(int(n[0]) for n in lengths))
    buffers = [np.empty_like(buffer) for _ in range(size)]
    gather_arrays(buffer, name, outs=buffers)
    for i, (received, length) in enumerate(zip(buffers, lengths, strict=True)):
        object_list[i] = _object_of(received[: int(length[0])])


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: ProcessGroup | None = None,
    device: object = None,
    group_src: int | None = None,
) -> None:
    """Replace the objects of a list, in each process, by those of one process.

    Objects are what ``save`` takes: nested dicts, lists and tuples of tensors, arrays, numbers,
    strings and None. Follows ``torch.distributed.broadcast_object_list``, without pickle.

    Parameters
    ----------
    object_list
        A list of one length in all processes; it is written to.
    src, group_src
        The rank whose objects they are; 0 if none is given.
    group
        None, or the group that there is.
    device
        Accepted, without effect.

    Raises
    ------
    TypeError
        For an object that can't be sent.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> settings = [{"lr": 0.1}]
    >>> dist.broadcast_object_list(settings, src=0)
    >>> settings
    [{'lr': 0.1}]
    >>> dist.destroy_process_group()
    """
    name, here = "broadcast_object_list", member(group).rank()
    rank = src if src is not None else group_src or 0
    data = _bytes_of(object_list) if here == rank else np.empty(0, np.uint8)
    length = np.array([len(data)])
    broadcast_array(rank, name, out=length)
    buffer = _padded(data, int(length[0]))
    broadcast_array(rank, name, out=buffer)
    if here != rank:
        object_list[:] = _object_of(buffer[: int(length[0])])
