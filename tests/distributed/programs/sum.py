"""Add up one number of each process."""

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist

dist.init_process_group()
rank = dist.get_rank()
x = torch.tensor(rank + 1.0)
dist.all_reduce(x)
print(f"rank {rank} of {dist.get_world_size()}: {x.item()}")
