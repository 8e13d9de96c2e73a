"""The options of an experiment, and whether what it writes can be written."""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tinygrad_mnist.experiment.errors import ExperimentError

LIBRARIES = {"matplotlib": "matplotlib", "sklearn": "scikit-learn", "tqdm": "tqdm"}
"""What an experiment imports when it needs it, and what that is called where it is installed."""


class HelpFormatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keep the lines of the description, and show the defaults."""


def options(
    description: str | None,
    *,
    epochs: int | Mapping[str, int] | None = None,
    batch_size: int | None = None,
    lr: float | None = None,
    digits: bool = True,
    settings: Sequence[str] = ("dataset", "seed", "batch_size", "lr"),
    arguments: list[str] | None = None,
    parents: Sequence[argparse.ArgumentParser] = (),
) -> argparse.Namespace:
    """Read the options of every experiment, and those of a training one with its defaults.

    Parameters
    ----------
    description
        What ``--help`` says: the docstring of the script.
    epochs, batch_size, lr
        The defaults of a training; without ``epochs`` there is no training, without ``lr`` no
        ``--resume``. ``epochs`` may differ from dataset to dataset.
    digits
        Whether there is a choice of a dataset.
    settings
        The options that a run which is resumed must share with the one before.
    arguments
        The command's words; else those of the process.
    parents
        Parsers with further options.

    Raises
    ------
    ExperimentError
        If a library is missing; it names the extra to install.
    SystemExit
        If an option is wrong; what is wrong is printed.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import options
    >>> args = options("An experiment.", epochs=5, batch_size=32, lr=0.1, arguments=["--lr", "1"])
    >>> args.epochs, args.lr, args.dataset, args.resume
    (5, 1.0, 'sample', False)
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=HelpFormatter, parents=list(parents)
    )
    parser.set_defaults(settings=settings)
    if digits:
        parser.add_argument(
            "--dataset", choices=["sample", "mnist"], default="sample",
            help="5,000 embedded digits, or all of MNIST (which examples.reproduce takes)",
        )  # fmt: skip
        parser.add_argument(
            "--data", type=Path, default=None,
            help="folder with the four IDX files, for mnist (else $TINYGRAD_MNIST_DATA, else "
            "download)",
        )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for what is written")
    parser.add_argument("--json", type=Path, default=None, help="file for all figures")
    parser.add_argument("--seed", type=_natural, default=0, help="seed of every random choice")
    if epochs is not None:
        passes = "passes over the data"
        if isinstance(epochs, Mapping):
            passes += f"; None: {epochs['sample']}, of MNIST {epochs['mnist']}"
        default = None if isinstance(epochs, Mapping) else epochs
        parser.add_argument("--epochs", type=positive, default=default, help=passes)
        parser.add_argument(
            "--batch-size", type=positive, default=batch_size, help="examples a step"
        )
        parser.add_argument(
            "--compile", action="store_true",
            help="take each step as a NumPy program: the same figures, sooner",
        )  # fmt: skip
    if lr is not None:
        parser.add_argument("--lr", type=_rate, default=lr, help="learning rate")
        parser.add_argument(
            "--resume", action="store_true", help="go on from the checkpoint in the output folder"
        )
    args = parser.parse_args(arguments)
    if isinstance(epochs, Mapping):
        args.epochs = args.epochs or epochs[args.dataset]
    for module, name in LIBRARIES.items():
        if importlib.util.find_spec(module) is None:
            raise ExperimentError(
                f"an experiment needs {name}, which isn't installed; install the extra: "
                'pip install "tinygrad_mnist[examples]"'
            )
    return args


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def _natural(text: str) -> int:
    number = _integer(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{number} is negative")
    return number


def positive(text: str) -> int:
    """Read a whole number of at least 1: the type of an option.

    What is none ends in ``argparse.ArgumentTypeError``, which the parser prints as a sentence.

    Parameters
    ----------
    text
        The number as it was typed.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import positive
    >>> positive("12")
    12
    """
    number = _integer(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small: at least 1 is needed")
    return number


def _rate(text: str) -> float:
    return above_zero(text, "learning rate")


def above_zero(text: str, what: str) -> float:
    """Read a finite number above 0: with ``what`` it is, the type of an option.

    What is none ends in ``argparse.ArgumentTypeError``, which the parser prints as a sentence.

    Parameters
    ----------
    text
        The number as it was typed.
    what
        What the number is, for the error.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import above_zero
    >>> above_zero("0.5", "temperature")
    0.5
    """
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is no {what}: give a number above 0")
    return number


def check_output(args: argparse.Namespace) -> None:
    """Make the output folder, and see that what is to be written can be.

    Parameters
    ----------
    args
        What ``options`` returned: ``out`` is the folder, ``json`` a file or None.

    Raises
    ------
    OSError
        Naming the folder or file that can't be written.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiment import check_output, options
    >>> folder = Path(tempfile.mkdtemp()) / "new"
    >>> check_output(options(None, arguments=["--out", str(folder)]))
    >>> folder.is_dir()
    True
    """
    try_folder(args.out)
    if args.json is not None and not args.json.parent.is_dir():
        raise OSError(f"--json: the folder {args.json.parent} does not exist")
    if args.json is not None and args.json.is_dir():
        raise OSError(f"--json: {args.json} is a folder; name a file")


def try_folder(folder: Path) -> None:
    """Make a folder if it isn't there, and see whether it can be written to.

    Parameters
    ----------
    folder
        Its path; folders above it are made too.

    Raises
    ------
    OSError
        If it can't.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from tinygrad_mnist.experiment import try_folder
    >>> folder = Path(tempfile.mkdtemp()) / "new"
    >>> try_folder(folder)
    >>> folder.is_dir()
    True
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(f"can't write to the output folder {folder}: {error}") from error
