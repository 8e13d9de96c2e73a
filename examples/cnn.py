"""Train a short convolutional network on handwritten digits.

Two convolutions of 5 x 5 pixels, each normalised over the batch, rectified, and pooled; then a
hidden layer. Dropout, and a learning rate that shrinks each epoch, keep it from overfitting.
"""

import time

import common
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

EPOCHS = 6
BATCH_SIZE = 64
LEARNING_RATE = 0.002
DECAY = 0.6  # of the learning rate, each epoch
DROPOUT = 0.3


class Network(nn.Module):
    """Images of 28 x 28 pixels to 16 channels, to 32 channels, to 128 units, to 10 logits."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 16, 5), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 5), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(512, 128), nn.ReLU(), nn.Dropout(DROPOUT), nn.Linear(128, 10),
        )  # fmt: skip

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        """Return the logits of the ten digits."""
        return self.layers(images)


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = common.split(args.dataset, common.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = Network()
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    checkpoint = args.out / "cnn.npz"
    history, seconds = common.resume(checkpoint, args, network=network, optimizer=optimizer)

    print(network)
    for epoch in range(history.epochs + 1, args.epochs + 1):
        start = time.perf_counter()
        optimizer.param_groups[0]["lr"] = args.lr * DECAY ** (epoch - 1)
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
    return common.finish("cnn", "convolutional, Adam", args, network, parts, history, seconds)


if __name__ == "__main__":
    with common.one_line_errors():
        main()
