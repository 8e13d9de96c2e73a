"""Train a network of 784-100-200-10 units on handwritten digits.

The settings are those of the report's section 6: rectified linear units, weights drawn from
N(0, 0.01²), plain gradient descent.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.93 on its 1,000 test digits, in some 7 seconds.

The first two epochs are flat, at a cost of ln 10 = 2.303, that of a guess among ten digits. Weights
this small shrink the signal about tenfold in each layer: the first logits are some 0.0006. The
gradients pass through the same weights: that of the first layer is a hundredth of what it would be
with Xavier's. They double every 50 steps or so, as the weights grow; after some 250 the cost falls.
"""

from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset


class Network(nn.Module):
    """784-100-200-10 units, rectified in between."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10)
        )
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.normal_(layer.weight, std=0.01)
                nn.init.zeros_(layer.bias)

    def forward(self, images: tg.Tensor) -> tg.Tensor:
        """Return the logits of the ten digits."""
        return self.layers(images)


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = experiment.options(__doc__, epochs=25, batch_size=32, lr=0.1, arguments=arguments)
    parts = train, validation, _ = experiment.split(args.dataset, experiment.load(args))
    tg.set_num_threads(1)  # the products are small: one thread computes them, unasked
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = Network()
    optimizer = tg.optim.SGD(network.parameters(), lr=args.lr)
    run = experiment.Run("mlp", args, network=network, optimizer=optimizer)

    @tg.compile(disable=not args.compile)
    def step(images, labels):
        logits = network(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, logits

    print(network)
    print("The cost stays at ln 10 = 2.303 at first, since the weights begin small: see --help")
    for _ in run.epochs():
        for images, labels in run.batches(loader):
            run.count(*step(images, labels), labels)
        run.note(**experiment.scores(network, validation=validation))
    return run.finish("784-100-200-10, SGD", network, parts)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
