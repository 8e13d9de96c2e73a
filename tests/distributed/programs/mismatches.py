"""Exchanges that aren't the same in both processes: what each is told, and how the job ends."""

import sys
from datetime import timedelta

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist
from tinygrad_mnist.distributed import ReduceOp

end = sys.argv[1]
dist.init_process_group(timeout=timedelta(minutes=3))
rank = dist.get_rank()
form, dtype = [(2, 6), (3, 4)][rank], [torch.float32, torch.int32][rank]
parts = [torch.zeros(form), torch.zeros(form)]
mismatches = {
    "dtype": lambda: dist.all_reduce(torch.ones(4, dtype=dtype)),
    "shape": lambda: dist.all_reduce(torch.ones(form)),
    "operation": lambda: dist.all_reduce(torch.ones(4), [ReduceOp.SUM, ReduceOp.AVG][rank]),
    "source": lambda: dist.broadcast(torch.ones(3), src=rank),
    "target": lambda: dist.reduce(torch.ones(3), dst=rank),
    "gathered": lambda: dist.all_gather(parts, torch.ones(form)),
    "name": lambda: dist.barrier() if rank else dist.all_reduce(torch.ones(1)),
}
for name, call in mismatches.items():
    try:
        call()
    except dist.DistBackendError as error:
        print(f"{name}: {error}")


@torch.compile(backend="xla", fullgraph=True)
def step(x: torch.Tensor) -> torch.Tensor:
    """Return the sum of both processes' numbers."""
    dist.all_reduce(y := x * 2)
    return y


for _ in range(4):
    assert step(torch.ones(2, 6)).sum().item() == 48
if end in ("read", "unread"):
    if rank:
        dist.all_reduce(torch.ones(3, 4))
    else:
        y = step(torch.ones(2, 6))
        if end == "read":
            print("handed out", y.sum().item())
elif end == "operation":
    dist.all_reduce(torch.ones(4), [ReduceOp.SUM, ReduceOp.MAX][rank])
elif end == "length":
    dist.all_gather([torch.zeros(3 + rank) for _ in range(2)], torch.ones(3 + rank))
