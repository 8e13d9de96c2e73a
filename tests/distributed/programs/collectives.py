"""Every collective, by the library that is named; each process writes what it has to a file."""

import importlib
import json
import os
import sys

name, folder = sys.argv[1:]
torch, dist, parallel = (
    importlib.import_module(f"{name}{part}") for part in ("", ".distributed", ".nn.parallel")
)
nn = torch.nn

dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()
last = size - 1


said = []


def plain(thing: object) -> object:
    """Return something of lists, numbers and text: a tensor's numbers and its dtype."""
    if isinstance(thing, torch.Tensor):
        return [str(thing.dtype), [str(x) for x in thing.flatten().tolist()], list(thing.shape)]
    if isinstance(thing, list | tuple):
        return list(map(plain, thing))
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in thing.items()}
    return thing


def say(*things: object) -> None:
    said.append(plain(things))


def mine(*shape, dtype=torch.float32):
    """Return numbers that are rank 0's times some factor."""
    return (torch.ones(shape).flatten().cumsum(0).reshape(shape) * (rank + 1)).to(dtype)


say(
    dist.is_available(), size, dist.get_backend(), dist.is_initialized(), dist.get_node_local_rank()
)
for dtype in (torch.float32, torch.float64, torch.int32, torch.int64, torch.uint8, torch.float16):
    x = mine(2, 3, dtype=dtype)
    say("all_reduce", dist.all_reduce(x), x)
for op in ("SUM", "PRODUCT", "MIN", "MAX"):
    x = mine(3)
    dist.all_reduce(x, getattr(dist.ReduceOp, op))
    say(op, x)
for op in ("BAND", "BOR", "BXOR"):
    x = mine(3, dtype=torch.int64)
    dist.all_reduce(x, op=getattr(dist.ReduceOp, op))
    say(op, x)

x = mine(4, 3)
dist.all_reduce(x[1:3])  # what it is a view of changes, too
say("view", x)
x = torch.tensor(float(rank))
say("scalar", dist.all_reduce(x), x)
x = mine(3)
x.requires_grad_()
dist.all_reduce(x)
say("leaf", x)
work = dist.all_reduce(x := mine(2), async_op=True)
say("work", work.wait(), work.is_completed(), x)

x = mine(2)
dist.reduce(x, dst=last)
if rank == last:
    say("reduce", x)
for dtype in (torch.float32, torch.bool, torch.uint8, torch.int64):
    x = mine(5, dtype=dtype)
    dist.broadcast(x, src=last)
    say("broadcast", x)
x = torch.tensor([float("nan"), float("inf"), -0.0]) if rank == 0 else torch.ones(3)
dist.broadcast(x, 0)
say("bits", x)
parts = [torch.zeros(2, 2) for _ in range(size)]
dist.all_gather(parts, mine(2, 2))
say("all_gather", parts)
whole = torch.zeros(2 * size, 3)
dist.all_gather_into_tensor(whole, mine(2, 3))
say("all_gather_into_tensor", whole)
parts = [torch.zeros(3) for _ in range(size)] if rank == last else None
dist.gather(mine(3), parts, dst=last)
say("gather", parts)
x = torch.zeros(2)
dist.scatter(x, [torch.full((2,), float(i)) for i in range(size)] if rank == 0 else None, src=0)
say("scatter", x)
things = [None] * size
dist.all_gather_object(things, {"rank": rank, "names": ["a"] * rank, "x": mine(rank + 1)})
say("all_gather_object", things)
things = [rank, {"from": rank}, None] if rank == last else [None] * 3
dist.broadcast_object_list(things, src=last)
say("broadcast_object_list", things)
dist.barrier()


class Net(nn.Module):
    """Two layers, of which a process uses one or the other, and one that nobody uses."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.never = nn.Linear(3, 2), nn.Linear(3, 2), nn.Linear(1, 1)
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x, which):
        """Return the output of one of the layers."""
        return self.norm((self.first, self.second)[which](x))


def show(model):
    say("gradients", {name: p.grad for name, p in model.named_parameters()})


torch.manual_seed(rank)
model = parallel.DistributedDataParallel(Net(), find_unused_parameters=True)
say("begin", model.state_dict())
batches = torch.arange(96).reshape(4, 8, 3).float().sin() * (rank + 1)
model(batches[0], 0).square().sum().backward()
show(model)
model(batches[1], rank % 2).pow(3).sum().backward()  # added to what is there
show(model)
model.zero_grad()
with model.no_sync():
    model(batches[2], 0).pow(3).sum().backward()
    model(batches[3], 0).pow(3).sum().backward()
say("buffers", sorted(name for name, _ in model.named_buffers()))
model(batches[0], 1).pow(3).sum().backward()
show(model)
model.eval()
say("eval", model(batches[1], 0), model.module.norm.running_mean)
try:
    parallel.DistributedDataParallel(nn.Identity())
except RuntimeError as error:
    say(str(error).split(": ")[-1])
dist.destroy_process_group()
say(dist.is_initialized())
with open(os.path.join(folder, f"{rank}.json"), "w") as file:
    json.dump(said, file)
