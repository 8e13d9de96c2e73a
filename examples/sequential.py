"""Build a network by adding layers, look at its summary, fit, evaluate, predict.

The report's section 8, there in Keras: 784-256-256-10 units, sigmoid, Adam, batches of 512. The
three verbs are functions here, to be read and changed: fit stops early if --patience asks for it,
and always keeps the weights of the best epoch in sequential-best.npz.

Data: the embedded sample, 3,600 digits to train on, or MNIST. Expect of the sample: an accuracy of
about 0.915 on its 1,000 test digits, in some 20 seconds.
"""

import argparse
import time
from contextlib import suppress
from pathlib import Path

with suppress(ImportError):  # Ctrl-C ends in one line from here on; a copy elsewhere goes without
    import interruption  # noqa: F401

import numpy as np
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import experiment, nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils import summary
from tinygrad_mnist.utils.data import DataLoader, TensorDataset
from tinygrad_mnist.viz import History, LiveCurves

EPOCHS = 40
BATCH_SIZE = 512
LEARNING_RATE = 0.001
HIDDEN = 256


def fit(
    model: nn.Module,
    optimizer: tg.optim.Optimizer,
    train: experiment.Part,
    validation: experiment.Part,
    *,
    epochs: int,
    batch_size: int,
    patience: int | None = None,
    best: Path | None = None,
    curves: LiveCurves | None = None,
    compiled: bool = False,
) -> tuple[History, float]:
    """Train, and return the history and the seconds of training, drawing not counted.

    Training ends after ``patience`` epochs without a lower validation cost; ``best`` is a file for
    the weights of the epoch where it was lowest.
    """

    @tg.compile(disable=not compiled)
    def step(inputs, labels):
        output = model(inputs)
        loss = F.nll_loss(output, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, output

    loader = DataLoader(TensorDataset(*train), batch_size=batch_size, shuffle=True)
    history, seconds = History(), 0.0
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        total = hits = count = 0.0
        bar = tqdm(loader, desc=f"epoch {epoch}/{epochs}", leave=False, disable=None)
        for inputs, labels in bar:
            loss, output = step(inputs, labels)
            total += loss.item() * len(labels)
            hits += int((output.argmax(dim=1) == labels).sum())
            count += len(labels)
            bar.set_postfix(cost=f"{total / count:.4f}", accuracy=f"{hits / count:.4f}")
        cost, accuracy = evaluate(model, validation)
        seconds += time.perf_counter() - start
        experiment.note(
            history,
            train_cost=total / count,
            train_accuracy=hits / count,
            validation_cost=cost,
            validation_accuracy=accuracy,
        )
        if curves is not None:
            curves.update(history)
        if best is not None and history.best("validation_cost") == epoch:
            tg.save(model.state_dict(), best)
        if history.diverged:
            break
        if patience is not None and epoch - history.best("validation_cost") >= patience:
            print(f"no lower validation cost in {patience} epochs: stopped")
            break
    return history, seconds


@tg.no_grad()
def evaluate(model: nn.Module, part: experiment.Part) -> tuple[float, float]:
    """Return cost and accuracy."""
    inputs, labels = part
    model.eval()
    output = model(inputs)
    model.train()
    hits = (output.argmax(dim=1) == labels).float().mean()
    return F.nll_loss(output, labels).item(), hits.item()


@tg.no_grad()
def predict(model: nn.Module, inputs: tg.Tensor) -> np.ndarray:
    """Return the probability of each class."""
    model.eval()
    output = model(inputs)
    model.train()
    return output.exp().numpy()


def main(arguments: list[str] | None = None) -> dict:
    """Build, fit, evaluate, predict, and write report, pictures, weights and figures."""
    more = argparse.ArgumentParser(add_help=False)
    more.add_argument(
        "--patience", type=experiment.positive, default=None,
        help="stop after as many epochs without a lower validation cost",
    )  # fmt: skip
    args = experiment.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, arguments=arguments, parents=[more]
    )
    train, validation, test = experiment.split(args.dataset, experiment.load(args))
    tg.manual_seed(args.seed)

    model = nn.Sequential()
    model.append(nn.Linear(784, HIDDEN))
    model.append(nn.Sigmoid())
    model.append(nn.Linear(HIDDEN, HIDDEN))
    model.append(nn.Sigmoid())
    model.append(nn.Linear(HIDDEN, 10))
    model.append(nn.LogSoftmax(dim=1))
    for layer in (model[0], model[2], model[4]):
        nn.init.xavier_uniform_(layer.weight)
        nn.init.zeros_(layer.bias)
    table = summary(model, (args.batch_size, 784))
    print(table)

    history, seconds = fit(
        model,
        tg.optim.Adam(model.parameters(), lr=LEARNING_RATE),
        train,
        validation,
        epochs=args.epochs,
        batch_size=args.batch_size,
        patience=args.patience,
        best=args.out / "sequential-best.npz",
        curves=LiveCurves(args.out / "sequential-curves.png", "Sequential, 784-256-256-10"),
        compiled=args.compile,
    )

    figures = {
        "dataset": args.dataset,
        "seed": args.seed,
        "epochs": history.epochs,
        "best_epoch": history.best("validation_cost"),
        "parameters": table.total_params,
        "layer_parameters": [layer.parameters for layer in table.layers if layer.parameters],
    }
    for name, part in (("train", train), ("validation", validation), ("test", test)):
        figures[f"{name}_cost"], figures[f"{name}_accuracy"] = evaluate(model, part)
    images, labels = (tensor.numpy() for tensor in test)
    predictions = predict(model, test[0]).argmax(axis=1)
    figures |= experiment.judge(args, "sequential", images, labels, predictions)
    figures |= {"seconds": seconds, "history": dict(history)}
    experiment.tell(args, "sequential", figures)
    return figures


if __name__ == "__main__":
    with experiment.one_line_errors():
        main()
