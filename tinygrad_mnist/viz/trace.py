"""A backward pass as text: each rule with the numbers that came in and went out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.viz.computation import Computation, Edge, Vertex

SMALL = 6
"""How many numbers are printed one by one; of more, their mean and range."""


def trace(loss: Any, params: Any = None) -> str:
    """Return the computation of a loss, forward and back, as text with its numbers.

    Forward, a line an operation: what it computed, in which module, at which line of the program
    (if it was recorded, by :class:`record`). Then a backward pass of its own, which changes no
    ``.grad``: each rule with the gradient ``g`` that came in, and those that went out.

    Parameters
    ----------
    loss
        A tensor of one element that was computed from others.
    params
        What names the parameters: a module, a dictionary of tensors, or pairs.

    Returns
    -------
    The text.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, has more than one element, or its graph was released.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.viz import trace
    >>> w = tensor(2.0, requires_grad=True)
    >>> print(trace((w * w + w) ** 2, {"w": w}))
    forward
      1  mul(w, w) = 4
      2  add(1, w) = 6
      3  pow(2, y=2) = 36
    backward
      3  pow: g = 1
           to 2: 12
      2  add: g = 12
           to 1: 12
           to w: 12
      1  mul: g = 12
           to w: 24
           to w: 24
    gradients
      w: 60
    """
    found = Computation(loss, params, name="trace")
    operations = [v for v in found.vertices if v.kind == "operation"]
    labels = {v: str(n) for n, v in enumerate(operations, 1)}
    labels.update({v: v.name for v in found.vertices if v.kind != "operation"})
    lines = ["forward"]
    for v in operations:
        arguments = ", ".join(_arguments(v, labels))
        place = "".join(f"  [{x}]" for x in (v.path, v.line) if x)
        lines.append(f"{labels[v]:>3}  {v.name}({arguments}) = {_value(v)}{place}")
    lines.append("backward")
    turns = sorted((v for v in operations if v.turn is not None), key=lambda v: v.turn or 0)
    for v in turns:
        lines.append(f"{labels[v]:>3}  {v.name}: {_gradient(v)}{_remark(v)}")
        for edge in v.inputs:
            if edge.gradient is not None:
                undone = f", summed over {_dims(edge.summed)}" if edge.summed else ""
                lines.append(f"       to {_from(edge, labels)}: {_numbers(edge.gradient)}{undone}")
    lines.append("gradients")
    lines += [
        f"  {labels[v]}: {_numbers(v.gradient)}{_remark(v)}"
        for v in _leaves(found)
        if v.gradient is not None
    ]
    return "\n".join(lines)


def _arguments(v: Vertex, labels: dict[Vertex, str]) -> list[str]:
    """Name an operation's inputs in their order: a tensor by its label, a number as ``y=2``."""
    found = [(edge.position, _from(edge, labels)) for edge in v.inputs]
    found += [(x.position, f"{x.argument}={x.text or '(not kept)'}") for x in v.given]
    return [text for _, text in sorted(found)]


def _from(edge: Edge, labels: dict[Vertex, str]) -> str:
    return labels[edge.source] + (f".{edge.output}" if edge.output else "")


def _value(v: Vertex) -> str:
    if not v.outputs:
        return _numbers(v.value)
    return ", ".join(f"{x.name} {_numbers(x.value)}" for x in v.outputs)


def _gradient(v: Vertex) -> str:
    if not v.outputs:
        return f"g = {_numbers(v.gradient)}"
    came = [x for x in v.outputs if x.gradient is not None]
    return ", ".join(f"g of {x.name} = {_numbers(x.gradient)}" for x in came)


def _remark(v: Vertex) -> str:
    return f" ({v.remark})" if v.remark else ""


def _leaves(found: Computation) -> list[Vertex]:
    return [v for v in found.vertices if v.kind == "parameter"]


def _dims(dims: tuple[int, ...]) -> str:
    return f"dimension {dims[0]}" if len(dims) == 1 else f"dimensions {list(dims)}"


def _numbers(array: np.ndarray | None) -> str:
    """Show an array on one line: its numbers, or its shape with their mean and range."""
    if array is None:
        return "not kept"
    if array.size == 1:
        return f"{array.item():.7g}" + (f" {list(array.shape)}" if array.ndim else "")
    if array.size <= SMALL:
        return np.array2string(
            array, precision=4, separator=", ", floatmode="maxprec"
        ).replace("\n", "")  # fmt: skip
    text = f"{list(array.shape)}"
    if array.dtype.kind != "f":
        return text
    with np.errstate(all="ignore"):
        mean = array.mean()
    return f"{text} mean {mean:.3g}, from {array.min():.3g} to {array.max():.3g}"
