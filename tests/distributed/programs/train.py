"""Train a small network, go on from a checkpoint if there is one, and fail where it is asked to."""

import argparse
import json
import os
import signal
import sys
import time
from datetime import timedelta
from pathlib import Path

import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.parallel import DistributedDataParallel
from tinygrad_mnist.utils.data import DataLoader, DistributedSampler, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("folder", type=Path)
parser.add_argument("--epochs", type=int, default=4)
parser.add_argument("--fault", default="", help="what to do in the first start, in epoch 2")
parser.add_argument("--rank", type=int, default=1, help="who does it")
parser.add_argument("--compile", default="", help="by which backend")
parser.add_argument("--timeout", type=float, default=60)
args = parser.parse_args()

dist.init_process_group(timeout=timedelta(seconds=args.timeout))
rank, size = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
source = torch.randn(64, 12)
data = TensorDataset(source, (source @ torch.randn(12, 4)).argmax(dim=1))
torch.manual_seed(rank)  # rank 0's weights are everybody's
model = DistributedDataParallel(nn.Sequential(nn.Linear(12, 16), nn.Tanh(), nn.Linear(16, 4)))
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)
sampler = DistributedSampler(data, seed=5)
loader = DataLoader(data, 8 // size, sampler=sampler)
checkpoint, losses, first = args.folder / "checkpoint.npz", [], 0
if checkpoint.exists():
    saved = torch.load(checkpoint)
    model.module.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    schedule.load_state_dict(saved["schedule"])
    losses, first = saved["losses"], len(saved["losses"])


def fail() -> None:
    """Be lost in the way that is asked for."""
    (args.folder / "time").write_text(str(time.time()))
    if args.fault == "raise":
        raise ValueError("a batch of nonsense")
    if args.fault == "exit":
        sys.exit("this rank has had enough")
    if args.fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if args.fault == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if args.fault == "sleep":
        time.sleep(100)


def train(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Take a step, and return the loss."""
    loss = F.cross_entropy(model(x), y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss


if args.compile:
    train = torch.compile(train, backend=args.compile, fullgraph=True)

for epoch in range(first, args.epochs):
    sampler.set_epoch(epoch)
    total = 0.0
    for step, (x, y) in enumerate(loader):
        anew = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
        if (epoch, step, rank, anew) == (2, 6, args.rank, False):
            fail()
        mean = train(x, y).detach().clone()
        dist.all_reduce(mean, dist.ReduceOp.AVG)
        total += mean.item()
    schedule.step()
    losses.append(total / len(loader))
    if rank == 0:
        state = {
            "model": model.module.state_dict(),
            "optimizer": optimizer.state_dict(),
            "schedule": schedule.state_dict(),
            "losses": losses,
        }
        torch.save(state, checkpoint)
    torch.compiler.reset()  # who goes on from here records the step first, and so do all
    dist.barrier()

weights = [p.flatten().tolist() for p in model.parameters()]
(args.folder / f"{rank}.json").write_text(json.dumps({"losses": losses, "weights": weights}))
