"""History: the figures of a training, by epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping


class History(dict[str, list[float]]):
    """The figures of each epoch: a dict of lists, one list per figure.

    A name is ``part_figure``, such as ``train_cost`` and ``validation_cost``, so that curves of the
    same figure can be drawn together. Being a dict of lists of numbers, a history can be saved in
    a checkpoint and in JSON; ``History(saved)`` restores it.

    Parameters
    ----------
    saved
        A history, or a dict of lists, to go on from.
    figures
        The lists by name.

    Raises
    ------
    ValueError
        If an epoch brings other names than the one before, or what is restored is no history.

    Examples
    --------
    >>> from tinygrad_mnist.viz import History
    >>> history = History()
    >>> history.add(train_cost=0.5, validation_cost=0.6)
    >>> history.add(train_cost=0.3, validation_cost=0.4)
    >>> history["train_cost"], history.epochs, history.best("validation_cost")
    ([0.5, 0.3], 2, 2)
    """

    def __init__(self, *saved: Mapping[str, list[float]], **figures: list[float]) -> None:
        super().__init__(*saved, **figures)
        lengths = {len(v) if isinstance(v, list) else -1 for v in self.values()}
        numbers = (x for v in self.values() if isinstance(v, list) for x in v)
        if len(lengths) > 1 or -1 in lengths or not all(type(x) is float for x in numbers):
            raise ValueError("History: expected lists of numbers, of equal lengths")

    def add(self, **figures: float) -> None:
        """Append the figures of an epoch."""
        if self.epochs and figures.keys() != self.keys():
            raise ValueError(
                f"History.add: the epochs so far have {', '.join(self)}; this one has "
                f"{', '.join(figures) or 'nothing'}"
            )
        for name, value in figures.items():
            self.setdefault(name, []).append(float(value))

    @property
    def epochs(self) -> int:
        """The number of epochs."""
        return max((len(values) for values in self.values()), default=0)

    @property
    def diverged(self) -> int | None:
        """The first epoch, counted from 1, with a figure that isn't finite; None if all are."""
        for epoch in range(self.epochs):
            if not all(math.isfinite(values[epoch]) for values in self.values()):
                return epoch + 1
        return None

    def best(self, name: str, highest: bool = False) -> int:
        """Return the epoch, counted from 1, at which a figure was lowest (or highest) first.

        An epoch whose figure is NaN is never the best.
        """
        values = [math.inf if math.isnan(v) else -v if highest else v for v in self[name]]
        return values.index(min(values)) + 1

    def _repr_html_(self) -> str:
        """Show curves in a notebook."""
        from tinygrad_mnist.viz import notebook

        return notebook.shown(self)
