"""Steps that XLA runs, with what processes exchange in them, beside the same that aren't compiled."""

import io
from datetime import timedelta

import jax
import numpy as np

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist
from tinygrad_mnist import nn
from tinygrad_mnist.nn.parallel import DistributedDataParallel

dist.init_process_group(timeout=timedelta(seconds=30))
rank, size = dist.get_rank(), dist.get_world_size()


def xla(function, **how):
    return torch.compile(function, backend="xla", fullgraph=True, **how)


def train(compiled: bool, **how: object) -> tuple[list[float], dict]:
    """Train a network with batch norm on this process's part; return losses and state."""
    torch.manual_seed(0)
    images, labels = torch.randn(16, 9), torch.randint(0, 4, (16,))
    net = nn.Sequential(nn.Linear(9, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    model = DistributedDataParallel(net)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    run = xla(step, **how) if compiled else step
    losses = []
    for i in range(8):
        loss = run(images[rank::size].clone(), labels[rank::size].clone()).detach()
        if i % 3 == 2:  # and now and then something that isn't compiled
            dist.all_reduce(loss, dist.ReduceOp.AVG)
            dist.barrier()
        losses.append(loss.item())
    if compiled:
        assert "reduce_arrays('AVG', 'DistributedDataParallel'" in run.source(), run.source()
    if rank == 0:  # alone, as a checkpoint is written
        torch.save({"model": net.state_dict(), "optimizer": optimizer.state_dict()}, io.BytesIO())
    everyone = [None] * size
    dist.all_gather_object(everyone, [p.detach() for p in net.parameters()])
    for other in everyone:
        for a, b in zip(everyone[0], other, strict=True):
            assert np.array_equal(a, b)
    return losses, net.state_dict()


def alike(mine: tuple, theirs: tuple) -> None:
    np.testing.assert_allclose(mine[0], theirs[0], rtol=1e-5)
    for name, x in theirs[1].items():  # Adam makes much of what is next to nothing
        np.testing.assert_allclose(mine[1][name], x, rtol=1e-3, atol=2e-2, err_msg=name)


def all_of_them(x: torch.Tensor) -> list[torch.Tensor]:
    """Make each collective, of numbers that are other ones in each process."""
    last, found = size - 1, []
    for dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8):
        dist.all_reduce(y := (x * 3).to(dtype))
        found.append(y)
    for op in ("AVG", "PRODUCT", "MIN", "MAX"):
        dist.all_reduce(y := x * 1, getattr(dist.ReduceOp, op))
        found.append(y)
    dist.all_reduce(y := (x * 3).to(torch.int64), dist.ReduceOp.BXOR)
    found.append(y)
    for dtype in (torch.float32, torch.float64, torch.bool, torch.uint8, torch.int64):
        dist.broadcast(y := (x * 3).to(dtype), src=last)
        found.append(y)
    parts = [torch.zeros(3) for _ in range(size)]
    dist.all_gather(parts, x)
    dist.scatter(z := x * 1, [p * 2 for p in parts] if rank == 0 else None, src=0)
    dist.barrier()
    dist.all_reduce(a := x + 1)  # two of one size, which mustn't change places
    dist.all_reduce(b := x * 5)
    dist.reduce(y := x * 1, dst=last)  # the others have no use for what they help with
    return [*found, y, *parts, z, a, b]


mine = torch.tensor([0.5, 1.25, 7.0]) * (rank + 1)
expected = all_of_them(mine)
for compiled in (True, rank == 0):  # by all, and by one of them
    step = xla(all_of_them) if compiled else all_of_them
    for _ in range(5):
        found = step(mine)
    for i, (x, y) in enumerate(zip(found, expected, strict=True)):
        assert x.dtype == y.dtype and np.array_equal(x, y), (compiled, i, x, y)

eager = train(False)
alike(train(True), eager)
if jax.local_device_count() > 1:
    if jax.__version_info__ >= (0, 8):
        alike(train(True, devices=2), eager)
        added = xla(lambda x: dist.all_reduce(y := x * 2) or y.sum(), devices=2)
        for _ in range(70):  # none of which is waited for
            total = added(torch.ones(4, 20))
        assert total.item() == 160 * size
    try:
        xla(train, devices=jax.devices())
    except ValueError as error:
        print(error)
print("the same")
dist.destroy_process_group()
