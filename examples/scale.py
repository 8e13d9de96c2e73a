"""Train the same network on one device, on several devices, and in several processes.

Whichever way, a step sees the same batch: --batch-size is that of all devices, or all processes,
together, and each of them has its part. So the figures are the same but for rounding. Rank 0 alone
prints and writes; all ranks go on from its checkpoint, also when there are more or fewer of them.

    python examples/scale.py                # one device
    python examples/scale.py --devices 2    # two devices of this process, by XLA
    python -m tinygrad_mnist.distributed.run --nproc-per-node 2 examples/scale.py
    python -m tinygrad_mnist.distributed.run --nproc-per-node 2 examples/scale.py --devices 1

In the last, XLA runs the steps of each process, on one device or on several. All but the first need
JAX, the extra xla. A CPU is one device, unless JAX is told to make several of it, by
XLA_FLAGS=--xla_force_host_platform_device_count=2. The launcher's --max-restarts starts all
processes anew when one is lost, and they go on from the last checkpoint.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.94 on its 1,000 test digits, in some 5 seconds.
"""

import argparse
import os
from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
import tinygrad_mnist.distributed as dist
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.experiment import ExperimentError
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.parallel import DistributedDataParallel
from tinygrad_mnist.utils.data import DataLoader, DistributedSampler, TensorDataset

EPOCHS = 10
BATCH_SIZE = 64
LEARNING_RATE = 0.002
LAUNCHED = {"RANK", "OMPI_COMM_WORLD_RANK", "SLURM_STEP_NODELIST"}
"""Variables by which launchers, mpirun and srun say that a process is one of several."""


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--devices", type=experiment.positive, default=None, metavar="N",
        help="devices of each process that share its part of a batch, by XLA",
    )  # fmt: skip
    return experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE,
        arguments=arguments, parents=[parser],
    )  # fmt: skip


def check(args: argparse.Namespace, size: int) -> None:
    """Refuse options that don't fit the number of processes."""
    if args.batch_size % (parts := size * (args.devices or 1)):
        raise ExperimentError(
            f"--batch-size {args.batch_size} can't be shared out to {parts}: give a multiple of "
            f"{parts}"
        )


def main(arguments: list[str] | None = None) -> dict:
    """Train; in rank 0 evaluate, and write report, pictures, checkpoint and figures."""
    args = options(arguments)
    if LAUNCHED & set(os.environ):
        dist.init_process_group()
    else:
        dist.init_process_group(world_size=1, rank=0)
    rank, size = dist.get_rank(), dist.get_world_size()
    check(args, size)
    restarted = os.environ.get("TORCHELASTIC_RESTART_COUNT", "0") != "0"
    args.resume = args.resume or (restarted and (args.out / "scale.npz").exists())

    parts = train, validation, _ = experiment.split(args.dataset, experiment.load(args))
    tg.set_num_threads(1)  # the products are small: one thread computes them, unasked
    tg.manual_seed(args.seed)
    data = TensorDataset(*train)
    sampler = DistributedSampler(data, seed=args.seed)
    loader = DataLoader(data, args.batch_size // size, sampler=sampler, drop_last=True)
    network = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10))
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    run = experiment.Run("scale", args, leads=rank == 0, network=network, optimizer=optimizer)
    model = DistributedDataParallel(network) if size > 1 else network

    def step(images, labels):
        logits = model(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, logits

    if args.devices:
        try:
            step = tg.compile(step, backend="xla", devices=args.devices)
        except (RuntimeError, ImportError) as error:  # too few devices, or no JAX
            raise ExperimentError(str(error)) from None
    elif args.compile:
        step = tg.compile(step)

    if rank == 0:
        print(network)
        print(f"processes: {size}, devices of each: {args.devices or 1}")
    for epoch in run.epochs():
        sampler.set_epoch(epoch)
        totals = tg.zeros(3)
        for images, labels in run.batches(loader):
            loss, logits = step(images, labels)
            right = (logits.argmax(dim=1) == labels).sum()
            totals += tg.tensor([loss.item() * len(labels), right.item(), len(labels)])
        dist.all_reduce(totals)
        cost, right, count = totals.tolist()
        run.note(
            train_cost=cost / count,
            train_accuracy=right / count,
            **experiment.scores(network, validation=validation),
        )
    figures = run.finish("784-256-10, Adam", network, parts) if rank == 0 else {}
    dist.destroy_process_group()
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
