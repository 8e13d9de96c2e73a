"""A model that several processes train together, each on its part of the batch."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.process_group import ProcessGroup
from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.distributed.collectives import broadcast_array, gather_arrays, reduce_arrays
from tinygrad_mnist.distributed.group import member
from tinygrad_mnist.nn import Module
from tinygrad_mnist.tensor import Tensor


class DistributedDataParallel(Module):
    """Train a module in several processes, each of which has a part of the batch.

    Parameters and buffers begin as those of rank 0. When ``backward()`` has stored the gradients,
    they are replaced by their average over all processes, in one exchange for all of them; so the
    optimizers of all processes take the same step. A parameter that no process has used keeps its
    gradient, or none. The names in its ``state_dict`` begin with ``module.``, as PyTorch's do.
    Follows ``torch.nn.parallel.DistributedDataParallel``.

    Shapes: those of the module.

    Parameters
    ----------
    module
        The module, the same in all processes.
    device_ids, output_device, dim
        Without effect, as there is no GPU.
    broadcast_buffers, forward_sync_buffers
        Whether buffers become those of rank 0 before each forward pass; None for yes. The latter is
        the newer name, and counts if both are given.
    init_sync
        Whether parameters and buffers begin as those of rank 0.
    process_group
        None, or the group that there is.
    find_unused_parameters
        Without effect: parameters without a gradient are found.
    bucket_cap_mb, check_reduction, gradient_as_bucket_view, static_graph
        Without effect: there is one exchange, for all gradients.
    delay_all_reduce_named_params, param_to_hook_all_reduce, skip_all_reduce_unused_params
        Without effect, for the same reason.
    bucket_cap_mb_list, batched_grad_copy, mixed_precision, device_mesh
        Without effect.

    Raises
    ------
    RuntimeError
        When the module has no parameter that requires a gradient, or isn't the same in all
        processes.
    ValueError
        When there is no process group.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import distributed as dist, nn
    >>> dist.init_process_group("gloo", world_size=1, rank=0)
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    >>> model(torch.ones(3, 2)).sum().backward()
    >>> model.module.weight.grad, list(model.state_dict())
    (tensor([[3., 3.]]), ['module.weight', 'module.bias'])
    >>> dist.destroy_process_group()
    """

    def __init__(
        self,
        module: Module,
        device_ids: object = None,
        output_device: object = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        bucket_cap_mb: object = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: object = None,
        param_to_hook_all_reduce: object = None,
        mixed_precision: object = None,
        device_mesh: object = None,
        skip_all_reduce_unused_params: bool = False,
        bucket_cap_mb_list: object = None,
        batched_grad_copy: bool = False,
        forward_sync_buffers: bool | None = None,
    ) -> None:
        group = member(process_group)
        super().__init__()
        self.module = module
        self.dim, self.device_ids = dim, None
        sync = broadcast_buffers if forward_sync_buffers is None else forward_sync_buffers
        self.broadcast_buffers = sync is None or sync
        self.require_backward_grad_sync = True
        self._exchanges = self._queued = False
        self._used: set[Tensor] = set()
        self._shared: list[list[Tensor]] = []
        """The parameters that are trained; those of one dtype are exchanged at once."""
        shared: list[Tensor] = [p for p in module.parameters() if p.requires_grad]
        if not shared:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter "
                "that requires a gradient."
            )
        self._alone = group.size() == 1
        if self._alone:
            return
        _check_alike(module, group.size())
        if init_sync:
            _become_those_of_rank_0([*module.parameters(), *module.buffers()])
        for dtype in dict.fromkeys(p._array.dtype for p in shared):
            self._shared.append([p for p in shared if p._array.dtype == dtype])
        for p in shared:
            p.register_post_accumulate_grad_hook(self._note)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        if modes.enabled:
            self._exchanges = self.require_backward_grad_sync and not self._alone
        if self.broadcast_buffers and self.require_backward_grad_sync and not self._alone:
            _become_those_of_rank_0(self.module.buffers())
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Leave the gradients of forward passes in this block to their process, to be added up.

        The next backward pass of a forward pass outside of it exchanges what has been added up.
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def _note(self, parameter: Tensor) -> None:
        """Remember that a parameter has got a gradient; exchange when all have."""
        self._used.add(parameter)
        if self._exchanges and not self._queued:
            self._queued = True
            modes.stored.append(self._average)

    def _average(self) -> None:
        """Replace all gradients by their averages."""
        self._queued = False
        for parameters in self._shared:
            dtype = parameters[0]._array.dtype
            # Behind the gradients, a number for each parameter: whether it has been used.
            used = np.array([p in self._used for p in parameters], dtype)
            flat = np.concatenate([*map(_flat_gradient, parameters), used])
            reduce_arrays("AVG", "DistributedDataParallel", out=flat)
            used, at = flat[flat.size - len(parameters) :], 0
            for i, p in enumerate(parameters):
                average = flat[at : at + p._array.size].reshape(p._array.shape)
                at += p._array.size
                if p in self._used or used[i]:
                    _set_gradient(p, average)
        self._used.clear()


def _flat_gradient(parameter: Tensor) -> np.ndarray:
    if parameter.grad is None:
        return np.zeros(parameter._array.size, parameter._array.dtype)
    return parameter.grad._array.reshape(-1)


def _set_gradient(parameter: Tensor, numbers: np.ndarray) -> None:
    if parameter.grad is None:
        parameter.grad = wrap(numbers.copy())
    else:
        parameter.grad._array[...] = numbers
        parameter.grad._version.bump("DistributedDataParallel")


def _become_those_of_rank_0(tensors: Iterable[Tensor]) -> None:
    """Give tensors the numbers that they have in rank 0, in one exchange."""
    tensors = list(tensors)
    arrays = [t.memory() for t in tensors]
    if not arrays:
        return
    flat = np.concatenate([a.reshape(-1).view(np.uint8) for a in arrays])
    broadcast_array(0, "DistributedDataParallel", out=flat)
    at = 0
    for tensor, array in zip(tensors, arrays, strict=True):
        array[...] = flat[at : at + array.nbytes].view(array.dtype).reshape(array.shape)
        tensor._version.bump("DistributedDataParallel")
        at += array.nbytes


def _check_alike(module: Module, size: int) -> None:
    """Refuse modules that aren't the same in all processes: their exchanges would not fit."""
    parts = (
        [(name, tuple(t.shape), str(t.dtype)) for name, t in module.state_dict().items()],
        [(name, p.requires_grad) for name, p in module.named_parameters()],
    )
    mine = np.array([zlib.crc32(repr(parts).encode())], np.uint32)
    all_of_them = [np.empty_like(mine) for _ in range(size)]
    gather_arrays(mine, "DistributedDataParallel", outs=all_of_them)
    other = [rank for rank, one in enumerate(all_of_them) if one != all_of_them[0]]
    if other:
        raise RuntimeError(
            f"DistributedDataParallel: names, shapes, dtypes or requires_grad of the module's "
            f"parameters in rank {other[0]} aren't those of rank 0"
        )
