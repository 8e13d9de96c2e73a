"""Train a network of 784-256-256-10 units, sigmoid, by Adam.

The report's section 7.2, there in TensorFlow: uniform Xavier weights, batches of 512. The curves in
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
HIDDEN = 256


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    parts = train, validation, _ = common.split(args.dataset, common.load(args))
    tg.manual_seed(args.seed)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)
    network = nn.Sequential(
        nn.Linear(784, HIDDEN), nn.Sigmoid(), nn.Linear(HIDDEN, HIDDEN), nn.Sigmoid(),
        nn.Linear(HIDDEN, 10),
    )  # fmt: skip
    for layer in (network[0], network[2], network[4]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    optimizer = tg.optim.Adam(network.parameters(), lr=args.lr)
    checkpoint = args.out / "mlp-sigmoid.npz"
    history, seconds = common.resume(checkpoint, args, network=network, optimizer=optimizer)
    live = LiveCurves(args.out / "mlp-sigmoid-curves.png", "784-256-256-10, sigmoid")

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
        "mlp-sigmoid", "784-256-256-10, sigmoid", args, network, parts, history, seconds
    )


if __name__ == "__main__":
    with common.one_line_errors():
        main()
