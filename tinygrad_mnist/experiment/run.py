"""A training run: its history, its seconds, its checkpoint, and what is left at its end."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any, Protocol, TypeVar

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist._runtime.lazy_imports import late
from tinygrad_mnist.experiment import reports
from tinygrad_mnist.experiment.digits import Part, evaluate
from tinygrad_mnist.experiment.errors import ExperimentError
from tinygrad_mnist.serialization import CheckpointError
from tinygrad_mnist.viz import History, draw_curves

Batch = TypeVar("Batch", covariant=True)


class Batches(Sized, Protocol[Batch]):
    """What can be counted and gone through: a loader, a range."""

    def __iter__(self) -> Iterator[Batch]: ...


class Run:
    """The bookkeeping of a training, which goes on from its checkpoint if the options ask for it.

    Parameters
    ----------
    name
        What the run's files begin with.
    args
        What ``options`` returned.
    leads
        Whether to print and to write: in one of several processes alone.
    parts
        Whatever has a ``state_dict`` and belongs into the checkpoint: network, optimizer.

    Attributes
    ----------
    history
        The figures of the epochs so far.
    seconds
        The time of training and evaluation so far, without that of writing.

    Raises
    ------
    FileNotFoundError
        If there is no checkpoint to go on from.
    ExperimentError
        If the checkpoint is damaged, of other settings, or of a run that diverged.

    Examples
    --------
    >>> import tempfile
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.experiment import Run, options
    >>> words = ["--out", tempfile.mkdtemp(), "--epochs", "2"]
    >>> args = options(None, epochs=9, batch_size=8, lr=0.1, arguments=words)
    >>> layer = nn.Linear(2, 2)
    >>> run = Run("line", args, network=layer)
    >>> for epoch in run.epochs():
    ...     for x in run.batches(range(3)):
    ...         pass  # a step of training
    ...     run.note(train_cost=1 / epoch)
    epoch   1  train cost 1.0000
    epoch   2  train cost 0.5000
    >>> run.history, run.checkpoint.name
    ({'train_cost': [1.0, 0.5]}, 'line.npz')
    """

    def __init__(
        self, name: str, args: argparse.Namespace, *, leads: bool = True, **parts: Any
    ) -> None:
        self.name = name
        self.checkpoint: Path = args.out / f"{name}.npz"
        self.history, self.seconds = History(), 0.0
        self._args, self._parts, self._leads = args, parts, leads
        self._start = time.perf_counter()
        self._bar: Any = None
        self._cost, self._right, self._count = 0.0, 0, 0
        if args.resume:
            self._resume()

    def epochs(self) -> Iterator[int]:
        """Yield the numbers, from 1, of the epochs that are left; none after one that diverged."""
        for epoch in range(self.history.epochs + 1, self._args.epochs + 1):
            self._cost, self._right, self._count = 0.0, 0, 0
            self._start = time.perf_counter()
            yield epoch
            if self.history.diverged:
                return

    def batches(self, loader: Batches[Batch]) -> Iterator[Batch]:
        """Yield the batches of an epoch; in a terminal a bar shows how far it is."""
        title = f"epoch {self.history.epochs + 1}/{self._args.epochs}"
        quiet = None if self._leads else True  # None: where there is no terminal
        self._bar = late("tqdm").tqdm(loader, desc=title, leave=False, disable=quiet)
        yield from self._bar

    def count(self, loss: tg.Tensor, logits: tg.Tensor, labels: tg.Tensor) -> None:
        """Add a batch's mean loss and its hits to the epoch's, which ``note`` takes.

        The shapes are () for the loss, (N, classes) for the logits and (N,) for the labels.
        """
        self._cost += loss.item() * len(labels)
        self._right += int((logits.argmax(dim=1) == labels).sum())
        self._count += len(labels)
        if self._bar is not None and not self._bar.disable and self._bar.n % 50 == 0:
            accuracy = self._right / self._count
            self._bar.set_postfix(loss=f"{loss.item():.3f}", accuracy=f"{accuracy:.3f}")

    def note(self, **figures: float) -> None:
        """End an epoch: add its figures to the history, print them, and write the checkpoint.

        ``train_cost`` and ``train_accuracy`` are those of the batches that were counted.
        """
        self.seconds += time.perf_counter() - self._start
        if self._count:
            counted = {
                "train_cost": self._cost / self._count,
                "train_accuracy": self._right / self._count,
            }
            figures = counted | figures
        if not self._leads:
            self.history.add(**figures)
            return
        note(self.history, **figures)
        self.keep()

    def keep(self) -> None:
        """Write the checkpoint: everything that has a ``state_dict``, and the random numbers."""
        tg.save(
            {
                **{name: part.state_dict() for name, part in self._parts.items()},
                "random": tg.get_rng_state(),
                "history": dict(self.history),
                "settings": self._settings(),
                "seconds": self.seconds,
            },
            self.checkpoint,
        )

    def _settings(self) -> dict[str, Any]:
        values = {name: getattr(self._args, name) for name in self._args.settings}
        return {name: str(v) if isinstance(v, Path) else v for name, v in values.items()}

    def _resume(self) -> None:
        path = self.checkpoint
        if not path.exists():
            raise FileNotFoundError(f"--resume: there is no checkpoint {path} yet")
        try:
            saved = tg.load(path)
        except CheckpointError as error:
            raise ExperimentError(str(error)) from error
        wanted = {"random", "history", "settings", "seconds", *self._parts}
        if not isinstance(saved, dict) or saved.keys() != wanted:
            raise ExperimentError(f"{path} is not a checkpoint of this example; leave out --resume")
        made_with = saved["settings"]
        if made_with != self._settings():
            raise ExperimentError(
                f"{path} was made with other settings, {made_with}; give the same, or leave out "
                f"--resume"
            )
        try:
            self.history, self.seconds = History(saved["history"]), float(saved["seconds"])
            for name, part in self._parts.items():
                part.load_state_dict(saved[name])
            tg.set_rng_state(saved["random"])
        except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
            raise ExperimentError(
                f"{path} is damaged, or of another network ({error}); leave out --resume"
            ) from error
        if self.history.diverged:
            raise ExperimentError(
                f"the run of {path} diverged in epoch {self.history.diverged}; leave out "
                f"--resume, and try a lower --lr"
            )
        if self._leads:
            print(f"resumed {path} after epoch {self.history.epochs}")

    def finish(
        self, title: str, network: nn.Module, parts: tuple[Part, Part, Part]
    ) -> dict[str, Any]:
        """Evaluate a trained network; write its report, pictures and figures, and return these.

        The parts are those of ``split``: to train, to validate and to test.
        """
        args = self._args
        figures: dict[str, Any] = {
            "dataset": args.dataset,
            "seed": args.seed,
            "epochs": self.history.epochs,
            "parameters": sum(p.numel() for p in network.parameters()),
        }
        for kind, part in zip(("train", "validation", "test"), parts, strict=True):
            cost, accuracy, predictions = evaluate(network, part)
            figures |= {f"{kind}_cost": cost, f"{kind}_accuracy": accuracy}
        images, labels = (tensor.numpy() for tensor in parts[2])
        figures |= reports.judge(args, self.name, images, labels, predictions)
        figures |= {"seconds": self.seconds, "history": dict(self.history)}
        curves = draw_curves(self.history, title)
        reports.write_figure(args.out / f"{self.name}-curves.png", curves)
        reports.tell(args, self.name, figures)
        return figures


def note(history: History, **figures: float) -> None:
    """Add an epoch to the history, and print it.

    Parameters
    ----------
    history
        Of the epochs so far; it is added to.
    figures
        The figures of this epoch, by name, such as ``train_cost`` or ``test_accuracy``.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import note
    >>> from tinygrad_mnist.viz import History
    >>> note(History(), train_cost=0.5)
    epoch   1  train cost 0.5000
    """
    history.add(**figures)
    values = "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures.items())
    print(f"epoch {history.epochs:>3}  {values}", flush=True)
    if history.diverged:
        print(f"diverged in epoch {history.diverged}: stopped; try a lower --lr")
