"""The explorer: a page on which one steps through a backward pass, node by node."""

from __future__ import annotations

import json
import math
import os
import webbrowser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.viz.computation import Computation, Edge, Vertex

NUMBERS = 2_000_000
"""How many characters of numbers a page holds at most; of larger arrays it shows a part."""
MOST_OF_ONE = 4096
"""How many numbers of one array it shows at most."""
BINS = 24
"""How many bars a histogram has."""
DRAWN = 5_000
"""From how many vertices on the page has a summary in the place of the drawing."""


def explore(
    loss: Any,
    params: Any = None,
    path: str | os.PathLike[str] = "explore.html",
    *,
    show: bool = False,
) -> Path:
    """Write a page on which the backward pass of a loss can be followed step by step.

    The page is one file that needs no other and asks no host for anything. It shows the graph,
    with modules as groups to open and close. A click shows a vertex with its numbers, its gradient
    and, if the step was recorded (:class:`record`), the line of the program that computed it. The
    keys of the arrows, or the slider, play the backward pass: the gradient that comes in, the rule,
    the gradients that go out, the sum where branches meet and where broadcasting is undone.

    Parameters
    ----------
    loss
        A tensor of one element that was computed from others.
    params
        What names the parameters: a module, a dictionary of tensors, or pairs.
    path
        The file to write.
    show
        Whether to open it in a browser.

    Returns
    -------
    The file's path.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, more than one element, or its graph was released and not
        recorded.
    TypeError
        If it isn't a tensor, or the parameters have no names.

    Examples
    --------
    >>> from tinygrad_mnist.viz import explore
    >>> import tempfile
    >>> from tinygrad_mnist import tensor
    >>> w = tensor(2.0, requires_grad=True)
    >>> page = explore((w * 3).exp(), {"w": w}, tempfile.mkdtemp() + "/page.html")
    >>> "https://" in page.read_text()
    False
    """
    text = page(Computation(loss, params))
    path = Path(path)
    with replacing(path) as file:
        file.write(text.encode())
    if show:
        webbrowser.open(path.resolve().as_uri())
    return path


def page(found: Computation) -> str:
    """Return the explorer's page of a computation."""
    data = json.dumps(described(found), allow_nan=False, separators=(",", ":"))
    parts = {
        "style": _asset("explore.css"),
        "dagre": _asset("dagre.min.js").partition("\n/*! For license")[0],
        "licence": _asset("dagre.LICENSE"),
        "script": _asset("explore.js"),
        # In a script element only these would end it, or be taken for a comment.
        "data": data.replace("<", "\\u003c").replace("\u2028", "\\u2028"),
    }
    text = _asset("explore.html")
    before, *pieces = text.split("{{")
    for piece in pieces:
        name, _, rest = piece.partition("}}")
        before += parts[name] + rest
    return before


def _asset(name: str) -> str:
    return files("tinygrad_mnist.viz").joinpath("assets", name).read_text("utf-8")


def described(found: Computation) -> dict[str, Any]:
    """Return a computation as what can be written as JSON."""
    arrays = sum(2 + 2 * len(v.inputs) for v in found.vertices)
    most = max(0, min(MOST_OF_ONE, NUMBERS // (8 * max(arrays, 1))))
    if len(found.vertices) > DRAWN:
        most = 0
    rules: dict[str, int] = {}
    turned = [v for v in found.vertices if v.turn is not None]
    vertices = [_vertex(v, most, rules) for v in found.vertices]
    return {
        "vertices": vertices,
        "rules": list(rules),
        "loss": found.loss.number,
        "drawn": len(found.vertices) <= DRAWN,
        "turns": [v.number for v in sorted(turned, key=lambda v: v.turn or 0)],
    }


def _vertex(v: Vertex, most: int, rules: dict[str, int]) -> dict[str, Any]:
    line = v.line and {
        "file": os.path.basename(v.line.file), "number": v.line.number,
        "function": v.line.function, "text": v.line.text,
    }  # fmt: skip
    return {
        "kind": v.kind, "name": v.name, "formula": v.formula, "path": v.path, "line": line,
        "settings": v.settings, "remark": v.remark, "shape": v.shape, "dtype": v.dtype,
        "turn": v.turn, "value": _array(v.value, most), "gradient": _array(v.gradient, most),
        "bytes": math.prod(v.shape) * np.dtype(v.dtype).itemsize,
        "inputs": [_edge(edge, most, rules) for edge in v.inputs],
        "given": [{"argument": x.argument, "text": x.text} for x in v.given],
        "outputs": [
            {"name": x.name, "value": _array(x.value, most), "gradient": _array(x.gradient, most)}
            for x in v.outputs
        ],
    }  # fmt: skip


def _edge(edge: Edge, most: int, rules: dict[str, int]) -> dict[str, Any]:
    return {
        "source": edge.source.number, "argument": edge.argument, "output": edge.output,
        "rule": rules.setdefault(edge.rule, len(rules)),
        "gradient": _array(edge.gradient, most), "raw": _array(edge.raw, most),
        "summed": edge.summed,
    }  # fmt: skip


def _array(array: np.ndarray | None, most: int) -> dict[str, Any] | None:
    """Describe an array: its shape, a summary, a histogram, and its first numbers."""
    if array is None:
        return None
    numbers = np.asarray(array).reshape(-1)
    finite = numbers[np.isfinite(numbers)]
    described: dict[str, Any] = {"shape": array.shape, "size": array.size}
    if finite.size:
        # As parts of the largest neither sums nor squares of them overflow.
        parts = finite.astype(np.float64)
        scale = np.abs(parts).max() or np.float64(1)
        parts /= scale
        described |= {
            "min": _number(finite.min()), "max": _number(finite.max()),
            "mean": _number(scale * parts.mean()), "std": _number(scale * parts.std()),
        }  # fmt: skip
        if array.size > 16 and most:
            described["bins"] = _histogram(parts)
    if finite.size < array.size:
        described["odd"] = int(array.size - finite.size)
    described["data"] = [_number(x) for x in _part(array, most).reshape(-1)]
    described["part"] = list(_part(array, most).shape)
    return described


def _histogram(numbers: np.ndarray) -> list[int]:
    """Count numbers in equal steps from the least to the largest; equal ones are in the middle."""
    low, spread = numbers.min(), np.ptp(numbers)
    places = (numbers - low) * (BINS / spread) if spread else np.full(numbers.shape, BINS // 2)
    found: list[int] = np.bincount(
        np.minimum(places.astype(int), BINS - 1), minlength=BINS
    ).tolist()
    return found


def _part(array: np.ndarray, most: int) -> np.ndarray:
    """Return as many first slices of an array as are shown; of one example all, if they fit."""
    part = np.asarray(array)
    if part.size > 1 and not most:
        return part[..., :0]
    for axis in range(part.ndim):
        if part.size <= most:
            break
        rest = max(part.size // max(part.shape[axis], 1), 1)
        keep = max(1, most // rest)
        part = part[(slice(None),) * axis + (slice(0, keep),)]
    return part if part.size <= max(most, 1) else part[..., :0]


def _number(x: Any) -> float | str:
    """Return a number for the page: of six digits, or text, where that says more."""
    x = x.item()
    if isinstance(x, float):
        return float(f"{x:.6g}") if math.isfinite(x) else str(x)
    return int(x) if abs(x) < 10**6 else str(x)
