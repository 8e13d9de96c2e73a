"""Train a network of one hidden layer: 784-64-10 units, sigmoid.

The report's section 5. Its descent averages the gradient: V = beta V + (1 - beta) g from V = 0, and
the step is the learning rate times V.
"""

import math
import time

import common
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import nn
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
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = common.split(args.dataset, common.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = nn.Sequential(nn.Linear(784, HIDDEN), nn.Sigmoid(), nn.Linear(HIDDEN, 10))
    for layer in (network[0], network[2]):
        nn.init.normal_(layer.weight, std=math.sqrt(1 / layer.in_features))
        nn.init.zeros_(layer.bias)
    optimizer = Average(network.parameters(), args.lr, BETA)
    checkpoint = args.out / "two-layer.npz"
    history, seconds = common.resume(checkpoint, args, network=network, optimizer=optimizer)

    for epoch in range(history.epochs + 1, args.epochs + 1):
        start = time.perf_counter()
        for images, labels in tqdm(
            loader, desc=f"epoch {epoch}/{args.epochs}", leave=False, disable=None
        ):
            loss = F.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        cost, accuracy, _ = common.evaluate(network, train)
        validation_cost, validation_accuracy, _ = common.evaluate(network, validation)
        seconds += time.perf_counter() - start
        common.note(
            history,
            train_cost=cost,
            train_accuracy=accuracy,
            validation_cost=validation_cost,
            validation_accuracy=validation_accuracy,
        )
        common.keep(checkpoint, args, history, seconds, network=network, optimizer=optimizer)
        if history.diverged:
            break
    title = f"784-{HIDDEN}-10, averaged gradient"
    return common.finish("two-layer", title, args, network, parts, history, seconds)


if __name__ == "__main__":
    with common.one_line_errors():
        main()
