"""Train a short convolutional network on handwritten digits.

Two convolutions of 5 x 5 pixels, each normalised over the batch, rectified, and pooled; then a
hidden layer. Dropout, and a learning rate that shrinks each epoch, keep it from overfitting.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.98 on its 1,000 test digits, in some 15 seconds.
"""

from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
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
    args = experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = experiment.split(args.dataset, experiment.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = Network()
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    run = experiment.Run("cnn", args, network=network, optimizer=optimizer)

    @tg.compile(disable=not args.compile)
    def step(images, labels):
        logits = network(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, logits

    print(network)
    for epoch in run.epochs():
        optimizer.param_groups[0]["lr"] = args.lr * DECAY ** (epoch - 1)
        for images, labels in run.batches(loader):
            run.count(*step(images, labels), labels)
        run.note(**experiment.scores(network, validation=validation))
    return run.finish("convolutional, Adam", network, parts)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
