"""A small step that XLA runs; one process makes fewer of them than the other, and leaves."""

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist

dist.init_process_group()


@torch.compile(backend="xla", fullgraph=True)
def step(x: torch.Tensor) -> torch.Tensor:
    """Return the sum of all processes' numbers."""
    dist.all_reduce(y := x * 2)
    return y


for _ in range(8 + 4 * dist.get_rank()):
    y = step(torch.ones(8))
print(y.sum().item())
dist.destroy_process_group()
