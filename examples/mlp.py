"""Train a network of 784-100-200-10 units on handwritten digits.

The settings are those of the report's section 6: rectified linear units, weights drawn from
N(0, 0.01²), plain gradient descent.
"""

import time

import common
import numpy as np
from tqdm import tqdm

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.utils.data import DataLoader, TensorDataset

EPOCHS = 25
BATCH_SIZE = 32
LEARNING_RATE = 0.1
WEIGHT_DEVIATION = 0.01
VALIDATION = {"sample": 400, "mnist": 10_000}  # the last images of the training part


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


@tg.no_grad()
def evaluate(
    network: nn.Module, images: tg.Tensor, labels: tg.Tensor
) -> tuple[float, float, np.ndarray]:
    """Return cost, accuracy and predictions."""
    network.eval()
    logits = network(images)
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), accuracy, predictions.numpy()


def main(arguments: list[str] | None = None) -> dict:
    """Train, evaluate, and write report, pictures, checkpoint and figures."""
    args = common.options(
        __doc__, epochs=EPOCHS, batch_size=BATCH_SIZE, lr=LEARNING_RATE, arguments=arguments
    )
    digits = common.load(args)
    tg.set_num_threads(1)  # the products are small: more threads would only wait for each other
    tg.manual_seed(args.seed)

    def as_tensors(images: np.ndarray, labels: np.ndarray) -> tuple[tg.Tensor, tg.Tensor]:
        return tg.from_numpy(images.astype(np.float32) / 255), tg.from_numpy(labels)

    count = len(digits.train_images) - VALIDATION[args.dataset]
    train = as_tensors(digits.train_images[:count], digits.train_labels[:count])
    validation = as_tensors(digits.train_images[count:], digits.train_labels[count:])
    test = as_tensors(digits.test_images, digits.test_labels)
    loader = DataLoader(TensorDataset(*train), batch_size=args.batch_size, shuffle=True)

    network = Network()
    optimizer = tg.optim.SGD(network.parameters(), lr=args.lr)
    history = {
        f"{part}_{kind}": [] for part in ("train", "validation") for kind in ("cost", "accuracy")
    }
    settings = {name: getattr(args, name) for name in ("dataset", "seed", "batch_size", "lr")}
    checkpoint = args.out / "mlp.npz"
    seconds = 0.0
    if args.resume:
        if not checkpoint.exists():
            raise FileNotFoundError(f"--resume: there is no checkpoint {checkpoint} yet")
        saved = tg.load(checkpoint)
        made_with = saved.get("settings") if isinstance(saved, dict) else None
        if made_with != settings:
            raise ValueError(
                f"{checkpoint} was made with other settings, {made_with}; give the same, or leave "
                f"out --resume"
            )
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        tg.set_rng_state(saved["random"])
        history, seconds = saved["history"], saved["seconds"]
        print(f"resumed {checkpoint} after epoch {len(history['train_cost'])}")

    print(network)
    for epoch in range(len(history["train_cost"]) + 1, args.epochs + 1):
        start = time.perf_counter()
        network.train()
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
                bar.set_postfix(loss=f"{loss.item():.3f}")
        cost, accuracy, _ = evaluate(network, *validation)
        seconds += time.perf_counter() - start
        for name, value in (
            ("train_cost", total / count), ("train_accuracy", hits / count),
            ("validation_cost", cost), ("validation_accuracy", accuracy),
        ):  # fmt: skip
            history[name].append(value)
        print(
            f"epoch {epoch:>3}  train cost {total / count:.4f} accuracy {hits / count:.4f}  "
            f"validation cost {cost:.4f} accuracy {accuracy:.4f}"
        )
        tg.save(
            {
                "network": network.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": tg.get_rng_state(),
                "history": history,
                "settings": settings,
                "seconds": seconds,
            },
            checkpoint,
        )

    train_cost, train_accuracy, _ = evaluate(network, *train)
    validation_cost, validation_accuracy, _ = evaluate(network, *validation)
    test_cost, test_accuracy, predictions = evaluate(network, *test)
    figures = {
        "dataset": args.dataset,
        "seed": args.seed,
        "epochs": len(history["train_cost"]),
        "parameters": sum(p.numel() for p in network.parameters()),
        "train_cost": train_cost,
        "train_accuracy": train_accuracy,
        "validation_cost": validation_cost,
        "validation_accuracy": validation_accuracy,
        "test_cost": test_cost,
        "test_accuracy": test_accuracy,
        "test_errors": int((predictions != digits.test_labels).sum()),
        "seconds": seconds,
        "history": history,
    }
    print("\n" + common.report(args.out / "mlp-report.txt", digits.test_labels, predictions))
    common.curves(args.out / "mlp-curves.png", "784-100-200-10, SGD", history)
    common.confusion(
        args.out / "mlp-confusion.png", f"{figures['test_errors']} errors of {len(predictions)}",
        digits.test_labels, predictions,
    )  # fmt: skip
    common.write_json(args.json, figures)
    print(
        f"validation accuracy {validation_accuracy:.4f}, test accuracy {test_accuracy:.4f} "
        f"({figures['test_errors']} errors), {seconds:.1f} s of training\n"
        f"written to {args.out}/: mlp-report.txt, mlp-curves.png, mlp-confusion.png, mlp.npz"
    )
    return figures


if __name__ == "__main__":
    with common.one_line_errors():
        main()
