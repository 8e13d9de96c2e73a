"""Two steps that XLA runs; at last one process calls one of them, and the other the other."""

from datetime import timedelta

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist

dist.init_process_group(timeout=timedelta(minutes=3))
rank, size = dist.get_rank(), dist.get_world_size()


@torch.compile(backend="xla", fullgraph=True)
def added_up(x: torch.Tensor) -> torch.Tensor:
    """Return the sum of all processes' numbers."""
    dist.all_reduce(y := x * 2)
    return y


@torch.compile(backend="xla", fullgraph=True)
def gathered(x: torch.Tensor) -> torch.Tensor:
    """Return all processes' numbers."""
    parts = [torch.zeros(1000) for _ in range(size)]
    dist.all_gather(parts, x * 2)
    return torch.stack(parts)


for _ in range(6):
    added_up(torch.ones(1000)), gathered(torch.ones(1000))
(added_up if rank else gathered)(torch.ones(1000)).sum().item()
