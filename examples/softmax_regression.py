"""Train softmax regression: a single linear layer, by Adam.

The report's section 7.1, there in TensorFlow: uniform Xavier weights, batches of 512. The curves in
the output folder are drawn anew after each epoch.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.88 on its 1,000 test digits, in some 20 seconds, most of which the curves take.
"""

from contextlib import suppress

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset
from tinygrad_mnist.viz import LiveCurves

EPOCHS = 40
BATCH_SIZE = 512
LEARNING_RATE = 0.001


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = experiment.split(args.dataset, experiment.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = nn.Linear(784, 10)
    nn.init.xavier_uniform_(network.weight)
    nn.init.zeros_(network.bias)
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    run = experiment.Run("softmax-regression", args, network=network, optimizer=optimizer)
    live = LiveCurves(args.out / "softmax-regression-curves.png", "softmax regression")

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
        live.update(run.history)
    return run.finish("softmax regression", network, parts)


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
