"""The digits of an experiment, in parts, and how well a network does on a part."""

from __future__ import annotations

import argparse

import numpy as np

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits, load_digits
from tinygrad_mnist.experiment.errors import ExperimentError
from tinygrad_mnist.experiment.options import check_output
from tinygrad_mnist.nn import functional as F

VALIDATION = {"sample": 400, "mnist": 10_000}
"""How many of the last training images are kept for validation."""

BLOCK = 1000
"""The images that are evaluated at once."""

Part = tuple[tg.Tensor, tg.Tensor]


def load(args: argparse.Namespace) -> Digits:
    """Load the digits that the options name; the output folder is tried first.

    Parameters
    ----------
    args
        What ``options`` returned.

    Raises
    ------
    ExperimentError
        If the data are damaged or can't be had, or the options contradict each other.
    OSError
        If a file can't be read, or the output folder not written.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist.experiment import load, options
    >>> load(options(None, arguments=["--out", tempfile.mkdtemp()])).train_images.shape
    (4000, 784)
    """
    check_output(args)
    if args.data is not None and args.dataset != "mnist":
        raise ExperimentError(f"--data {args.data} is not read for the sample; add --dataset mnist")
    try:
        return load_digits(args.dataset, args.data, args.seed)
    except (ImportError, RuntimeError, ValueError) as error:
        raise ExperimentError(str(error)) from error


def split(dataset: str, digits: Digits) -> tuple[Part, Part, Part]:
    """Return images and labels to train, to validate and to test.

    Parameters
    ----------
    dataset
        ``"sample"``, of which 400 training images are kept for validation, or ``"mnist"``: 10,000.
    digits
        What ``load`` returned.

    Returns
    -------
    tuple of three pairs
        Images, float32 from 0 to 1 of shape (N, 784), and labels, int64 of shape (N,).

    Raises
    ------
    ExperimentError
        If there are too few images.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> from tinygrad_mnist.experiment import split
    >>> train, validation, test = split("sample", load_digits("sample"))
    >>> train[0].shape, len(validation[1]), len(test[1])
    (torch.Size([3600, 784]), 400, 1000)
    """

    def part(images: np.ndarray, labels: np.ndarray) -> Part:
        return tg.from_numpy(images.astype(np.float32) / 255), tg.from_numpy(labels)

    count = len(digits.train_images) - VALIDATION[dataset]
    if count < 1:
        raise ExperimentError(
            f"{len(digits.train_images)} training images are too few: the last "
            f"{VALIDATION[dataset]} are kept for validation"
        )
    return (
        part(digits.train_images[:count], digits.train_labels[:count]),
        part(digits.train_images[count:], digits.train_labels[count:]),
        part(digits.test_images, digits.test_labels),
    )


@tg.no_grad()
def evaluate(network: nn.Module, part: Part) -> tuple[float, float, np.ndarray]:
    """Return the mean cross-entropy in nats, the accuracy (0 to 1) and the predictions.

    The network is in evaluation mode meanwhile, and in training mode after.

    Parameters
    ----------
    network
        A module of images that returns logits, of shape (N, classes).
    part
        Images, of shape (N, *), and labels, of shape (N,).

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.experiment import evaluate
    >>> network = nn.Identity()
    >>> cost, accuracy, predictions = evaluate(network, (tg.eye(3), tg.tensor([0, 1, 0])))
    >>> round(accuracy, 3), predictions.tolist()
    (0.667, [0, 1, 2])
    """
    images, labels = part
    network.eval()
    logits = tg.cat([network(block) for block in images.split(BLOCK)])
    network.train()
    predictions = logits.argmax(dim=1)
    accuracy = (predictions == labels).float().mean().item()
    return F.cross_entropy(logits, labels).item(), accuracy, predictions.numpy()


def scores(network: nn.Module, **parts: Part) -> dict[str, float]:
    """Return cost and accuracy on each part, under the names of a history.

    Parameters
    ----------
    network
        A module of images that returns logits, of shape (N, classes).
    parts
        By name, images of shape (N, *) and labels of shape (N,).

    Examples
    --------
    >>> import tinygrad_mnist as tg
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.experiment import scores
    >>> scores(nn.Identity(), test=(tg.eye(2), tg.tensor([0, 1])))["test_accuracy"]
    1.0
    """
    found: dict[str, float] = {}
    for name, part in parts.items():
        found[f"{name}_cost"], found[f"{name}_accuracy"], _ = evaluate(network, part)
    return found
