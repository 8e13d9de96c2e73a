"""Train softmax regression: a single linear layer, by Adam.

The report's section 7.1, there in TensorFlow: uniform Xavier weights, batches of 512. The curves in
the output folder are drawn anew after each epoch.
"""

import time

import common
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset
from tinygrad_mnist.viz import LiveCurves

EPOCHS = 40
BATCH_SIZE = 512
LEARNING_RATE = 0.001


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = common.split(args.dataset, common.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = nn.Linear(784, 10)
    nn.init.xavier_uniform_(network.weight)
    nn.init.zeros_(network.bias)
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    checkpoint = args.out / "softmax-regression.npz"
    history, seconds = common.resume(checkpoint, args, network=network, optimizer=optimizer)
    live = LiveCurves(args.out / "softmax-regression-curves.png", "softmax regression")

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
        live.update(history)
        if history.diverged:
            break
    return common.finish(
        "softmax-regression", "softmax regression", args, network, parts, history, seconds
    )


if __name__ == "__main__":
    with common.one_line_errors():
        main()
