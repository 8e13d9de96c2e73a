"""What all processes do together: sums, copies, and waiting for each other.

Each is called by all processes, in the same order, with tensors of the same shapes and dtypes. They
write to tensors in place, as PyTorch's do, and know no gradients.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.process_group import ProcessGroup
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.distributed.errors import DistBackendError
from tinygrad_mnist.distributed.group import Group, member, present
from tinygrad_mnist.distributed.marks import description
from tinygrad_mnist.tensor import Tensor


class ReduceOp(enum.Enum):
    """How numbers of several processes become one. Follows ``torch.distributed.ReduceOp``.

    Examples
    --------
    >>> from tinygrad_mnist.distributed import ReduceOp
    >>> ReduceOp.MAX.name
    'MAX'
    """

    SUM = 0
    AVG = 1
    PRODUCT = 2
    MIN = 3
    MAX = 4
    BAND = 5
    BOR = 6
    BXOR = 7

    @classmethod
    def _missing_(cls, value: object) -> None:
        """Raise an error that says which there are."""
        raise TypeError(
            f"expected a ReduceOp, got {value!r}: give one of "
            f"{', '.join(f'ReduceOp.{name}' for name in cls.__members__)}"
        ) from None


_OF_ROWS = {
    "SUM": np.add,
    "AVG": np.add,
    "PRODUCT": np.multiply,
    "MIN": np.minimum,
    "MAX": np.maximum,
    "BAND": np.bitwise_and,
    "BOR": np.bitwise_or,
    "BXOR": np.bitwise_xor,
}


class Work:
    """What a collective with ``async_op=True`` returns; it is done already."""

    def wait(self, timeout: object = None) -> bool:
        """Return True."""
        return True

    def is_completed(self) -> bool:
        """Return True."""
        return True


@contextmanager
def _inside(group: Group, what: str) -> Iterator[None]:
    """Let the monitor know where this process is, and say what failed."""
    if group.monitor is None:
        yield
        return
    try:
        with group.monitor.inside(what):
            yield
    except DistBackendError:
        raise
    except (RuntimeError, ValueError) as error:
        raise DistBackendError(f"{what}: {error}") from error


def _words(array: np.ndarray) -> np.ndarray:
    """Return an array's bytes as numbers of 32 bits, filled up with zeros."""
    data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    if data.size % 4:
        data = np.concatenate([data, np.zeros(-data.size % 4, np.uint8)])
    return data.view(np.uint32)


def _from_words(words: np.ndarray, like: np.ndarray) -> np.ndarray:
    """Return the array whose bytes they are."""
    return words.view(np.uint8)[: like.nbytes].view(like.dtype).reshape(like.shape)


@one_call
def reduce_arrays(op: str, name: str, *, out: np.ndarray) -> None:
    """Replace an array by the sum, or the like, of those of all processes.

    The operation is given by its name, so that a program of NumPy calls shows it.
    """
    group = present()
    if op == "AVG" and out.dtype.kind != "f":
        raise TypeError(f"{name}: the average of {out.dtype} isn't defined; use ReduceOp.SUM")
    if not out.size:
        return
    what = description(name, out, op)
    with _inside(group, what):
        if op in ("SUM", "AVG") and out.dtype in (np.float32, np.int32):
            flat = group.exchange.sum(out.reshape(-1), what)
        else:
            rows = group.exchange.all(_words(out), what)
            arrays = np.stack([_from_words(row, out) for row in rows])
            flat = _OF_ROWS[op].reduce(arrays, axis=0, dtype=out.dtype)
    if op == "AVG":
        np.divide(flat.reshape(out.shape), group.size(), out=out)
    else:
        out[...] = flat.reshape(out.shape)


@one_call
def broadcast_array(src: int, name: str, *, out: np.ndarray) -> None:
    """Replace an array by that of one process, bit for bit."""
    group = present()
    if not 0 <= src < group.size():
        raise ValueError(f"{name}: there is no rank {src} among {group.size()} processes")
    if out.size:
        words, what = _words(out), description(name, out, f"from rank {src}")
        with _inside(group, what):  # nobody else adds anything
            mine = words if group.rank() == src else np.zeros_like(words)
            words = group.exchange.sum(mine, what)
        out[...] = _from_words(words, out)


@one_call
def gather_arrays(array: np.ndarray, name: str, *, outs: Sequence[np.ndarray]) -> None:
    """Copy the arrays of all processes into others, one for each."""
    group = present()
    if array.size:
        what = description(name, array)
        with _inside(group, what):
            rows = group.exchange.all(_words(array), what)
        for out, row in zip(outs, rows, strict=True):
            out[...] = _from_words(row, array)


@one_call
def wait_for_all() -> None:
    """Return when all processes have called it."""
    group = present()
    with _inside(group, "barrier"):
        group.exchange.sum(np.zeros(1, np.float32), "barrier")


def _written(name: str, tensor: Any) -> np.ndarray:
    """Return the memory of a tensor that is to be written to."""
    if not isinstance(tensor, TensorBase):
        raise TypeError(f"{name}: expected a Tensor, got {type(tensor).__name__}")
    array = tensor.memory()
    tensor._version.bump(name)
    return array


def _done(async_op: bool) -> Work | None:
    return Work() if async_op else None


def _rank(name: str, rank: int | None, group_rank: int | None, default: int = 0) -> int:
    """Return a rank that is given as that of the world or of the group, which are the same."""
    if rank is not None and group_rank is not None:
        raise ValueError(f"{name}: give the rank in the world or in the group, not both")
    found = (
        default if rank is None and group_rank is None else rank if rank is not None else group_rank
    )
    assert found is not None
    if not 0 <= found < present().size():
        raise ValueError(f"{name}: there is no rank {found} among {present().size()} processes")
    return found


def barrier(
    group: ProcessGroup | None = None,
    async_op: bool = False,
    device_ids: object = None,
    timeout: object = None,
) -> Work | None:
    """Wait for all processes to come here. Follows ``torch.distributed.barrier``.

    Parameters
    ----------
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.
    device_ids, timeout
        Accepted, without effect.

    Examples
    --------
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> dist.barrier()
    >>> dist.is_initialized()  # all of them are here
    True
    >>> dist.destroy_process_group()
    """
    member(group)
    wait_for_all()
    return _done(async_op)


def all_reduce(
    tensor: Tensor,
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Replace a tensor, in each process, by the sum of those of all processes.

    float32 and int32 are added up by JAX; all else, and all that isn't a sum, is gathered and
    added up by NumPy. All processes get the same bits. Follows ``torch.distributed.all_reduce``.

    Parameters
    ----------
    tensor
        A tensor of any shape, the same in all processes; it is written to.
    op
        What to do in the place of adding up: ``ReduceOp.AVG``, ``MIN``, ``MAX``, ``PRODUCT``.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Raises
    ------
    TypeError
        For the average of whole numbers.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> x = torch.tensor([1.0, 2.0])
    >>> dist.all_reduce(x)
    >>> x
    tensor([1., 2.])
    >>> dist.destroy_process_group()
    """
    member(group)
    reduce_arrays(ReduceOp(op).name, "all_reduce", out=_written("all_reduce", tensor))
    return _done(async_op)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: ReduceOp = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Replace a tensor, in one process, by the sum of those of all processes.

    In the others it stays as it is. Follows ``torch.distributed.reduce``.

    Parameters
    ----------
    tensor
        A tensor of any shape, the same in all processes.
    dst, group_dst
        The rank that gets the sum; 0 if none is given.
    op
        What to do in the place of adding up.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> x = torch.tensor([1.0, 2.0])
    >>> dist.reduce(x, dst=0, op=dist.ReduceOp.MAX)
    >>> x
    tensor([1., 2.])
    >>> dist.destroy_process_group()
    """
    there, rank = member(group), _rank("reduce", dst, group_dst)
    array = _written("reduce", tensor) if there.rank() == rank else tensor.numpy(force=True).copy()
    reduce_arrays(ReduceOp(op).name, f"reduce to rank {rank}", out=array)
    return _done(async_op)


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Replace a tensor, in each process, by that of one process, bit for bit.

    Follows ``torch.distributed.broadcast``.

    Parameters
    ----------
    tensor
        A tensor of any shape, the same in all processes; it is written to.
    src, group_src
        The rank whose tensor it is; 0 if none is given.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> x = torch.tensor([1.0, 2.0])
    >>> dist.broadcast(x, src=0)
    >>> x
    tensor([1., 2.])
    >>> dist.destroy_process_group()
    """
    member(group)
    rank = _rank("broadcast", src, group_src)
    broadcast_array(rank, "broadcast", out=_written("broadcast", tensor))
    return _done(async_op)


def all_gather(
    tensor_list: list[Tensor],
    tensor: Tensor,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Copy the tensors of all processes into a list of tensors, in each process.

    Follows ``torch.distributed.all_gather``.

    Parameters
    ----------
    tensor_list
        A tensor for each process, of the shape and dtype of ``tensor``; they are written to.
    tensor
        This process's tensor, of any shape, the same in all processes.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Raises
    ------
    ValueError
        When there isn't a tensor for each process, or one is of another shape or dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> parts = [torch.zeros(2)]
    >>> dist.all_gather(parts, torch.tensor([1.0, 2.0]))
    >>> parts
    [tensor([1., 2.])]
    >>> dist.destroy_process_group()
    """
    _check_parts("all_gather", tensor_list, tensor, member(group).size())
    outs = [_written("all_gather", part) for part in tensor_list]
    gather_arrays(tensor._array, "all_gather", outs=outs)
    return _done(async_op)


def all_gather_into_tensor(
    output_tensor: Tensor,
    input_tensor: Tensor,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Copy the tensors of all processes into one, side by side along the first dimension.

    Follows ``torch.distributed.all_gather_into_tensor``.

    Parameters
    ----------
    output_tensor
        A tensor of shape (processes * N, ...) or (processes, N, ...); it is written to.
    input_tensor
        This process's tensor, of shape (N, ...), the same in all processes.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Raises
    ------
    ValueError
        When the output has another shape or dtype.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> whole = torch.zeros(2)
    >>> dist.all_gather_into_tensor(whole, torch.tensor([1.0, 2.0]))
    >>> whole
    tensor([1., 2.])
    >>> dist.destroy_process_group()
    """
    name, size, shape = "all_gather_into_tensor", member(group).size(), tuple(input_tensor.shape)
    joined = (size * shape[0], *shape[1:]) if shape else (size,)
    wanted = (joined, (size, *shape))
    if tuple(output_tensor.shape) not in wanted or output_tensor.dtype != input_tensor.dtype:
        raise ValueError(
            f"{name}: the output has shape {list(output_tensor.shape)} and dtype "
            f"{output_tensor.dtype}; it needs {list(joined)} and {input_tensor.dtype}"
        )
    rows = _written(name, output_tensor).reshape(size, *shape)
    gather_arrays(
        input_tensor._array,
        name,
        outs=list(rows) if shape else [rows[i : i + 1] for i in range(size)],
    )
    return _done(async_op)


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Copy the tensors of all processes into a list of tensors, in one process.

    Follows ``torch.distributed.gather``.

    Parameters
    ----------
    tensor
        This process's tensor, of any shape, the same in all processes.
    gather_list
        In the process that gets them: a tensor for each process, of the shape and dtype of
        ``tensor``; in the others None.
    dst, group_dst
        The rank that gets them; 0 if none is given.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Raises
    ------
    ValueError
        When the list is there where it shouldn't be, or doesn't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> parts = [torch.zeros(2)]
    >>> dist.gather(torch.tensor([1.0, 2.0]), parts, dst=0)
    >>> parts
    [tensor([1., 2.])]
    >>> dist.destroy_process_group()
    """
    there, rank = member(group), _rank("gather", dst, group_dst)
    outs: list[np.ndarray] = []
    if there.rank() != rank:
        if gather_list:
            raise ValueError(f"gather: gather_list is for the rank that gets the tensors, {rank}")
        outs = [np.empty_like(tensor._array) for _ in range(there.size())]
    else:
        _check_parts("gather", gather_list or [], tensor, there.size())
        outs = [_written("gather", part) for part in gather_list or []]
    gather_arrays(tensor._array, f"gather to rank {rank}", outs=outs)
    return _done(async_op)


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Replace a tensor, in each process, by that which one process has for it.

    Follows ``torch.distributed.scatter``. All tensors are sent to all processes.

    Parameters
    ----------
    tensor
        A tensor of any shape, the same in all processes; it is written to.
    scatter_list
        In the process that sends: a tensor for each process; in the others None.
    src, group_src
        The rank that sends; 0 if none is given.
    group
        None, or the group that there is.
    async_op
        Return a handle, of what is done already.

    Raises
    ------
    ValueError
        When the list is there where it shouldn't be, or doesn't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> x = torch.zeros(2)
    >>> dist.scatter(x, [torch.tensor([1.0, 2.0])], src=0)
    >>> x
    tensor([1., 2.])
    >>> dist.destroy_process_group()
    """
    there, rank = member(group), _rank("scatter", src, group_src)
    if there.rank() == rank:
        _check_parts("scatter", scatter_list or [], tensor, there.size())
        parts = np.stack([part._array for part in scatter_list or []])
    elif scatter_list:
        raise ValueError(f"scatter: scatter_list is for the rank that sends, {rank}")
    else:
        parts = np.stack([tensor._array] * there.size())  # to be written to
    broadcast_array(rank, "scatter", out=parts)
    _written("scatter", tensor)[...] = parts[there.rank()]
    return _done(async_op)


def _check_parts(name: str, parts: Sequence[Tensor], tensor: Tensor, count: int) -> None:
    """Refuse a list that hasn't a tensor like this one for each process."""
    if len(parts) != count:
        raise ValueError(f"{name}: got a list of {len(parts)} tensors for {count} processes")
    for part in parts:
        if part.shape != tensor.shape or part.dtype != tensor.dtype:
            raise ValueError(
                f"{name}: a tensor of the list has shape {list(part.shape)} and dtype "
                f"{part.dtype}; it needs {list(tensor.shape)} and {tensor.dtype}"
            )
