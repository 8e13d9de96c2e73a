"""Curves of a history, drawn while it grows or afterwards."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_mnist.io.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = {"train": "-", "validation": "--", "test": ":"}


def draw_curves(history: Mapping[str, Sequence[float]], title: str = "") -> Figure:
    """Draw a panel for each figure of a history, with a curve for each part.

    The name ``train_cost`` is the figure ``cost`` of the part ``train``. What isn't finite is left
    out, and the panel says in which epoch that began.

    Parameters
    ----------
    history
        The figures by name, each a list with a number for each epoch.
    title
        What stands above.

    Returns
    -------
    Matplotlib's figure.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    ModuleNotFoundError
        If matplotlib is missing; it names the extra to install.

    Examples
    --------
    >>> from tinygrad_mnist.viz import draw_curves
    >>> figure = draw_curves({"train_cost": [0.5, 0.3], "validation_cost": [0.6, 0.4]})
    >>> [axes.get_ylabel() for axes in figure.axes]
    ['cost']
    """
    panels: dict[str, list[tuple[str, Sequence[float]]]] = {}
    for name, values in history.items():
        part, _, kind = name.rpartition("_")
        if len(values):
            panels.setdefault(kind, []).append((part, values))
    if not panels:
        raise ValueError("draw_curves: the history is empty; add an epoch first")
    figure = figure_class()(figsize=(4.5 * len(panels), 3.6), layout="constrained")
    figure.suptitle(title)
    for axes, (kind, lines) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for part, values in lines:
            epochs = range(1, len(values) + 1)
            axes.plot(epochs, values, STYLES.get(part, "-"), marker=".", label=_label(part, values))
        axes.set(xlabel="epoch", ylabel=kind)
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def _label(part: str, values: Sequence[float]) -> str:
    finite = [value for value in values if abs(value) < float("inf")]
    if len(finite) < len(values):
        first = next(n for n, value in enumerate(values, 1) if not abs(value) < float("inf"))
        return f"{part} diverged in epoch {first}".strip()
    return f"{part} {values[-1]:.4f}".strip()


class LiveCurves:
    """Curves that are redrawn during training: in a notebook, or in a PNG file.

    Parameters
    ----------
    path
        The PNG file to replace at each update; may be left out in a notebook.
    title
        What stands above the curves.

    Raises
    ------
    ValueError
        If there is neither a notebook nor a path.

    Examples
    --------
    >>> from pathlib import Path
    >>> import tempfile
    >>> from tinygrad_mnist.viz import History, LiveCurves
    >>> path = tempfile.mkdtemp() + "/curves.png"
    >>> history, live = History(), LiveCurves(path)
    >>> for epoch in range(2):
    ...     history.add(train_cost=1 / (epoch + 1))
    ...     live.update(history)
    >>> Path(path).read_bytes()[1:4]
    b'PNG'
    """

    def __init__(self, path: str | os.PathLike[str] | None = None, title: str = "") -> None:
        self.path = None if path is None else Path(path)
        self.title = title
        self._notebook = _in_notebook()
        self._shown: Any = None
        if self.path is None and not self._notebook:
            raise ValueError("LiveCurves: there is no notebook to draw in; give path= for a PNG")

    def update(self, history: Mapping[str, Sequence[float]]) -> None:
        """Draw the history as it is now."""
        buffer = io.BytesIO()
        draw_curves(history, self.title).savefig(buffer, format="png", dpi=100)
        picture = buffer.getvalue()
        if self.path is not None:
            with replacing(self.path) as file:
                file.write(picture)
        if self._notebook:
            from IPython.display import Image, display

            image = Image(data=picture, format="png")
            if self._shown is None:
                self._shown = display(image, display_id=True)
            else:
                self._shown.update(image)


def figure_class() -> type[Figure]:
    """Return the class of figures, which needs no window."""
    try:
        # The figure itself needs no backend, and is there without pyplot's second of imports.
        from matplotlib.figure import Figure
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            'drawing needs matplotlib: pip install "tinygrad_mnist[examples]"'
        ) from error
    found: type[Figure] = Figure
    return found


def _in_notebook() -> bool:
    """Whether a Jupyter kernel is listening (a terminal's IPython can't show pictures)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
