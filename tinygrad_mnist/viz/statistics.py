"""How activations and gradients flow through the layers of a recorded step, and what is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from tinygrad_mnist.autograd.recorder import Record, Recorder, Value
from tinygrad_mnist.ops.contract import Op
from tinygrad_mnist.viz.text import table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEAD = 0.5
"""The share of dead units from which there is a warning."""
SATURATED = 0.5
"""The share of saturated values from which there is a warning."""
FLAT = 0.02
"""The slope below which a value is saturated: that of tanh at 0.99."""
FLOW = 1e3
"""How many times smaller or larger a gradient may be at the first layer than at the last."""


class Layer(NamedTuple):
    """What a module's output and its gradient look like in one step.

    Of an elementwise function of one input, ``dead`` is the share of units that are 0 with slope 0
    for every example, and ``saturated`` that of other values at which the slope is nearly 0; None
    of other operations. ``gradient`` is the root of the mean square of the gradient that arrived
    at the output; None before the backward pass.
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

    A layer is what a module returned last, and each elementwise function that it applied.

    Attributes
    ----------
    layers
        The layers, in the order of computation.
    warnings
        Sentences about what hinders training.
    """

    def __init__(self, step: Recorder) -> None:
        last: dict[tuple[str, str], Record] = {}
        for record in step.records:
            if _shows(record):
                op = record.call.op
                place = _path(record), op.name if _is_function(op) else ""
                last.pop(place, None)
                last[place] = record
        self.layers = [_layer(path, record) for (path, _), record in last.items()]
        self.warnings = list(_warnings(self.layers))

    def plot(self) -> Figure:
        """Draw the spread of activations and the size of gradients, layer by layer.

        Raises
        ------
        ModuleNotFoundError
            If matplotlib is missing; it names the extra to install.
        """
        from tinygrad_mnist.viz.curves import figure_class

        names = [f"{layer.path} {layer.operation}" for layer in self.layers]
        size = min(max(8, 0.5 * len(names)), 40), 3.6 + 0.05 * max(map(len, names), default=0)
        figure = figure_class()(figsize=size, layout="constrained")
        left, right = figure.subplots(1, 2)
        left.plot([layer.deviation for layer in self.layers], "o-")
        left.set(ylabel="standard deviation of the output", ylim=(0, None))
        right.plot([layer.gradient or np.nan for layer in self.layers], "o-")
        right.set(ylabel="root mean square of the gradient", yscale="log")
        for axes in (left, right):
            axes.set_xticks(range(len(names)), names, rotation=60, ha="right")
            axes.grid(alpha=0.3)
        return figure

    def __repr__(self) -> str:
        head = ("module", "operation", "output", "mean", "std", "dead", "saturated", "gradient")
        rows = [
            (
                x.path, x.operation, "x".join(map(str, x.shape)), f"{x.mean:.3g}",
                f"{x.deviation:.3g}", _percent(x.dead), _percent(x.saturated),
                "" if x.gradient is None else f"{x.gradient:.2e}",
            )
            for x in self.layers
        ]  # fmt: skip
        return "\n".join([table(head, rows, left=3), *self.warnings])


def statistics(step: Recorder) -> Statistics:
    """Return how activations and gradients flow through the layers of a recorded step.

    Parameters
    ----------
    step
        A :class:`record` of a forward pass, and of its backward pass if gradients are wanted.

    Returns
    -------
    A table: its rows are in ``layers``, its sentences in ``warnings``.

    Raises
    ------
    TypeError
        If it isn't a record.

    Examples
    --------
    >>> from tinygrad_mnist import manual_seed, nn, randn
    >>> from tinygrad_mnist.viz import record, statistics
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


def _shows(record: Record) -> bool:
    """Whether it stands for a layer: computed in a module, and more than one number."""
    if not (record.call.modules and record.outputs):
        return False
    array = record.outputs[0].array
    return array.dtype.kind == "f" and array.size > 1


def _path(record: Record) -> str:
    """Name the module; the outermost, which has no name, by its type."""
    return record.call.path or type(record.call.modules[0]).__name__


def _is_function(op: Op) -> bool:
    return op.elementwise and len(op.inputs) == 1 and not op.packed and any(op.rules.values())


def _slope(record: Record) -> np.ndarray | None:
    """Return the slope at each value of an elementwise function of one input, by its rule."""
    op = record.call.op
    if not _is_function(op) or not isinstance(record.inputs[0], Value):
        return None
    known: dict[str, Any] = {
        op.inputs[0]: record.inputs[0].array,
        op.outputs[0]: record.outputs[0].array,
    }
    known |= {**record.call.settings, "shape": known[op.inputs[0]].shape}
    rule = op.rules[op.inputs[0]]
    ones = np.ones_like(known[op.outputs[0]])
    with np.errstate(all="ignore"):
        slope = rule.function(
            ones, *(known[n] for n in rule.arrays), **{n: known[n] for n in rule.keywords}
        )
    return np.broadcast_to(np.asarray(slope), ones.shape)


def _layer(path: str, record: Record) -> Layer:
    array = record.outputs[0].array
    gradient = None
    if record.backward is not None and isinstance(record.backward.gradient, np.ndarray):
        gradient = float(np.sqrt(np.mean(np.square(record.backward.gradient, dtype=np.float64))))
    dead = saturated = None
    slope = _slope(record)
    if slope is not None:
        off = (array == 0) & (slope == 0)
        if array.ndim > 1:
            # A unit is a place in the last dimension; of images, a channel.
            units = 1 if array.ndim == 4 else array.ndim - 1
            dead = float(off.all(axis=tuple(i for i in range(array.ndim) if i != units)).mean())
        saturated = float(((np.abs(slope) < FLAT) & (array != 0)).mean())
    with np.errstate(all="ignore"):  # infinities among them are told of
        mean, deviation = float(array.mean()), float(array.std())
    return Layer(path, record.name, array.shape, mean, deviation, dead, saturated, gradient)


def _warnings(layers: list[Layer]) -> list[str]:
    found = []
    for x in layers:
        if not np.isfinite([x.mean, x.deviation]).all():
            found.append(f"{x.path}: its output has numbers that aren't finite")
        if x.dead is not None and x.dead >= DEAD:
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
