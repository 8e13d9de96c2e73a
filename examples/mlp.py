"""Train a network of 784-100-200-10 units on handwritten digits.

The settings are those of the report's section 6: rectified linear units, weights drawn from
N(0, 0.01²), plain gradient descent.
"""

import time

import common
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

EPOCHS = 25
BATCH_SIZE = 32
LEARNING_RATE = 0.1
WEIGHT_DEVIATION = 0.01


class Network(nn.Module):
    """784-100-200-10 units, rectified in between."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=WEIGHT_DEVIATION)
                nn.init.zeros_(layer.bias)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        """Return the logits of the ten digits."""
        return self.layers(images)


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = common.split(args.dataset, common.load(args))
    tg.set_num_threads(1)  # the products are small: more threads would only wait for each other
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = Network()
    optimizer = tg.optim.SGD(network.parameters(), lr=args.lr)
    checkpoint = args.out / "mlp.npz"
    history, seconds = common.resume(checkpoint, args, network=network, optimizer=optimizer)

    print(network)
    for epoch in range(history.epochs + 1, args.epochs + 1):
        start = time.perf_counter()
        bar = tqdm(loader, desc=f"epoch {epoch}/{args.epochs}", leave=False, disable=None)
        total = hits = 0.0
        for images, labels in bar:
            logits = network(images)
            loss = F.cross_entropy(logits, labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            hits += int((logits.argmax(dim=1) == labels).sum())
            if not bar.disable and bar.n % 50 == 0:
                right = hits / (bar.n + 1) / args.batch_size
                bar.set_postfix(loss=f"{loss.item():.3f}", accuracy=f"{right:.3f}")
        cost, accuracy, _ = common.evaluate(network, validation)
        seconds += time.perf_counter() - start
        common.note(
            history,
            train_cost=total / len(train[1]),
            train_accuracy=hits / len(train[1]),
            validation_cost=cost,
            validation_accuracy=accuracy,
        )
        common.keep(checkpoint, args, history, seconds, network=network, optimizer=optimizer)
        if history.diverged:
            break
    return common.finish("mlp", "784-100-200-10, SGD", args, network, parts, history, seconds)


if __name__ == "__main__":
    with common.one_line_errors():
        main()
