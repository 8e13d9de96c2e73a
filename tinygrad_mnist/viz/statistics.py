"""How activations and gradients flow through the layers of a recorded step, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.recorder import Record, Recorder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEAD = 0.5
"""The share of dead units from which there is a warning."""
SATURATED = 0.5
"""The share of saturated values from which there is a warning."""
FLOW = 1e3
"""How many times smaller or larger a gradient may be at the first layer than at the last."""


class Layer(NamedTuple):
    """What a module's output and its gradient look like in one step.

    ``dead`` is the share of units that are 0 for every example, ``saturated`` that of values at
    the flat ends of tanh or sigmoid; None where that has no meaning. ``gradient`` is the root of
    the mean square of the gradient that arrived at the output; None before the backward pass.
    """

    path: str
    operation: str
    shape: tuple[int, ...]
    mean: float
    deviation: float
    dead: float | None
    saturated: float | None
    gradient: float | None


class Statistics:
    """One row for each layer of a step; printed as a table, with warnings below it.

    Attributes
    ----------
    layers
        The layers, in the order of computation.
    warnings
        Sentences about what hinders training.
    """

    def __init__(self, step: Recorder) -> None:
        last: dict[str, Record] = {}
        for record in step.records:
            if record.call.path and record.outputs and record.outputs[0].array.dtype.kind == "f":
                last.pop(record.call.path, None)
                last[record.call.path] = record
        self.layers = [_layer(path, record) for path, record in last.items()]
        self.warnings = list(_warnings(self.layers))

    def plot(self) -> Figure:
        """Draw the spread of activations and the size of gradients, layer by layer.

        Raises
        ------
        ModuleNotFoundError
            If matplotlib is missing; it names the extra to install.
        """
        from tinygrad_mnist.viz.curves import figure_class

        figure = figure_class()(figsize=(8, 3.6), layout="constrained")
        names = [f"{layer.path} {layer.operation}" for layer in self.layers]
        left, right = figure.subplots(1, 2)
        left.plot([layer.deviation for layer in self.layers], "o-")
        left.set(ylabel="standard deviation of the activation", ylim=(0, None))
        right.plot([layer.gradient or np.nan for layer in self.layers], "o-")
        right.set(ylabel="root mean square of the gradient", yscale="log")
        for axes in (left, right):
            axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
            axes.grid(alpha=0.3)
        return figure

    def __repr__(self) -> str:
        rows = [("module", "operation", "output", "mean", "std", "dead", "saturated", "gradient")]
        for x in self.layers:
            rows.append(
                (
                    x.path, x.operation, "x".join(map(str, x.shape)), f"{x.mean:.3g}",
                    f"{x.deviation:.3g}", _percent(x.dead), _percent(x.saturated),
                    "" if x.gradient is None else f"{x.gradient:.2e}",
                )
            )  # fmt: skip
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(
                text.ljust(w) if i < 3 else text.rjust(w)
                for i, (text, w) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in rows
        ]
        return "\n".join([*lines, *self.warnings])


def statistics(step: Recorder) -> Statistics:
    """Return how activations and gradients flow through the layers of a recorded step.

    Parameters
    ----------
    step
        A :class:`record` of a forward pass, and of its backward pass if gradients are wanted.

    Raises
    ------
    TypeError
        If it isn't a record.

    Examples
    --------
    >>> from tinygrad_mnist import manual_seed, nn, randn
    >>> from tinygrad_mnist.viz import record
    >>> _ = manual_seed(0)
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1))
    >>> _ = model[0].bias.data.fill_(-9)
    >>> with record() as step:
    ...     model(randn(5, 4)).sum().backward()
    >>> statistics(step).warnings
    ['1: 100 % of its units are dead: 0 for every example, so they learn nothing']
    """
    if not isinstance(step, Recorder):
        raise TypeError(
            f"statistics: expects a recorded step, not {type(step).__name__}; compute it inside "
            f"of: with viz.record() as step"
        )
    return Statistics(step)


def _layer(path: str, record: Record) -> Layer:
    array = record.outputs[0].array
    gradient = None
    if record.backward is not None and isinstance(record.backward.gradient, np.ndarray):
        gradient = float(np.sqrt(np.mean(np.square(record.backward.gradient, dtype=np.float64))))
    dead = None
    if array.ndim > 1 and array.size and (array == 0).any():
        # A unit is a place in the last dimension; of images, a channel.
        units = 1 if array.ndim == 4 else array.ndim - 1
        others = tuple(i for i in range(array.ndim) if i != units)
        dead = float((array == 0).all(axis=others).mean())
    saturated = None
    if record.name in ("tanh", "sigmoid") and array.size:
        low = -0.99 if record.name == "tanh" else 0.01
        saturated = float(((array < low) | (array > 0.99)).mean())
    mean, deviation = (float(array.mean()), float(array.std())) if array.size else (0.0, 0.0)
    return Layer(path, record.name, array.shape, mean, deviation, dead, saturated, gradient)


def _warnings(layers: list[Layer]) -> list[str]:
    found = []
    for x in layers:
        if not np.isfinite([x.mean, x.deviation]).all():
            found.append(f"{x.path}: its output has numbers that aren't finite")
        if x.dead is not None and x.dead >= DEAD and x.operation != "mul":
            found.append(
                f"{x.path}: {x.dead:.0%} of its units are dead: 0 for every example, so they "
                f"learn nothing".replace("%", " %")
            )
        if x.saturated is not None and x.saturated >= SATURATED:
            found.append(
                f"{x.path}: {x.saturated:.0%} of its values are saturated: there the slope is "
                f"nearly 0, and gradients vanish".replace("%", " %")
            )
    flow = [x for x in layers if x.gradient]
    if len(flow) > 1 and flow[0].gradient and flow[-1].gradient:
        ratio = flow[0].gradient / flow[-1].gradient
        if ratio < 1 / FLOW:
            found.append(
                f"{flow[0].path}: its gradient is {ratio:.1e} of that of {flow[-1].path}: "
                f"gradients vanish on the way back"
            )
        elif ratio > FLOW:
            found.append(
                f"{flow[0].path}: its gradient is {ratio:.1e} times that of {flow[-1].path}: "
                f"gradients explode on the way back"
            )
    return found


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.0%}"
