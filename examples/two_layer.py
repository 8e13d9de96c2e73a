"""Train a network of one hidden layer: 784-64-10 units, sigmoid.

The report's section 5. Its descent averages the gradient: V = beta V + (1 - beta) g from V = 0, and
the step is the learning rate times V.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.93 on its 1,000 test digits, in some 6 seconds.
"""

import math
from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

EPOCHS = 25
BATCH_SIZE = 128
LEARNING_RATE = 4.0
BETA = 0.9
HIDDEN = 64


class Average(tg.optim.Optimizer):
    """Descent by a running average of the gradient."""

    def __init__(self, params, lr: float, beta: float) -> None:
        super().__init__(params, {"lr": lr, "beta": beta})

    @tg.no_grad()
    def step(self, closure=None) -> None:
        """Average, and descend."""
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                if "average" not in state:
                    state["average"] = tg.zeros_like(p)
                state["average"].mul_(group["beta"]).add_(p.grad, alpha=1 - group["beta"])
                p.sub_(state["average"], alpha=group["lr"])


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = experiment.split(args.dataset, experiment.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = nn.Sequential(nn.Linear(784, HIDDEN), nn.Sigmoid(), nn.Linear(HIDDEN, 10))
    for layer in (network[0], network[2]):
        nn.init.normal_(layer.weight, std=math.sqrt(1 / layer.in_features))
        nn.init.zeros_(layer.bias)
    optimizer = Average(network.parameters(), args.lr, BETA)
    run = experiment.Run("two-layer", args, network=network, optimizer=optimizer)

    @tg.compile(disable=not args.compile)
    def step(images, labels):
        loss = F.cross_entropy(network(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    for _ in run.epochs():
        for images, labels in run.batches(loader):
            step(images, labels)
        run.note(**experiment.scores(network, train=train, validation=validation))
    return run.finish(f"784-{HIDDEN}-10, averaged gradient", network, parts)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
