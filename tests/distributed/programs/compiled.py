"""Steps as they are and compiled, with what they exchange in them: the same losses bit for bit."""

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist
from tinygrad_mnist import nn
from tinygrad_mnist.nn.parallel import DistributedDataParallel

dist.init_process_group()
rank = dist.get_rank()


def losses(wrapped: bool, compiled: bool) -> list[float]:
    """Train a network with batch norm on this process's part; return its losses and weights."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(9, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 4))
    model = DistributedDataParallel(net) if wrapped else net
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    torch.manual_seed(rank)
    images, labels = torch.randn(16, 9), torch.randint(0, 4, (16,))

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        if not wrapped:
            for p in net.parameters():
                dist.all_reduce(p.grad, dist.ReduceOp.AVG)
            for x in net.buffers():
                dist.broadcast(x, src=0)
            dist.barrier()
        optimizer.step()
        return loss

    if compiled:
        step = torch.compile(step, fullgraph=True)
    found = [step(images, labels).item() for _ in range(8)]
    if compiled:
        assert "reduce_arrays('AVG', " in step.source(), step.source()
        assert wrapped or "wait_for_all()" in step.source()
    return found + [p.sum().item() for p in net.parameters()]


for wrapped in (False, True):
    assert losses(wrapped, False) == losses(wrapped, True), wrapped
print("the same")
