"""A graph as a picture: SVG for pages and notebooks, and DOT for Graphviz."""

from __future__ import annotations

import itertools
import math
import os
from collections import Counter
from typing import Any

from tinygrad_mnist._runtime.html import clean, escape
from tinygrad_mnist.io.files import replacing
from tinygrad_mnist.viz.computation import Computation, Vertex
from tinygrad_mnist.viz.layout import layered

MOST = 40
"""How many boxes a picture has at most, if its modules can be drawn as one box each."""

TOO_MANY = 4 * MOST
"""From how many boxes on operations that follow each other are drawn as one, whatever they are."""

_STYLE = """
.tg{font:13px system-ui,sans-serif;--paper:#fff;--ink:#1c2733;--soft:#5b6875;--line:#8894a0;
--operation:#e8f0fb;--parameter:#e5f4e8;--data:#f1f1f1;--module:#f3ecfa;max-width:100%;height:auto}
@media (prefers-color-scheme:dark){.tg{--paper:#14181d;--ink:#e6ebf0;--soft:#9aa7b3;--line:#71808e;
--operation:#1d3350;--parameter:#1c3b26;--data:#2b2f34;--module:#3a2b4c}}
.tg rect{stroke:var(--line)}.tg .n{fill:var(--ink);font-weight:600}.tg .s{fill:var(--soft);
font-size:11px}.tg path{fill:none;stroke:var(--line);stroke-width:1.2}
.tg .operation{fill:var(--operation)}.tg .parameter{fill:var(--parameter)}
.tg .data{fill:var(--data)}.tg .module{fill:var(--module)}.tg marker path{fill:var(--line)}
"""


class Box:
    """What is drawn as one: a vertex, or all vertices of a module."""

    def __init__(self, kind: str, title: str, below: str, tip: str) -> None:
        self.kind, self.title, self.below, self.tip = kind, title, below, tip

    @property
    def size(self) -> tuple[float, float]:
        """Its width and height, for the text in it."""
        return max(7.6 * len(self.title), 6.2 * len(self.below)) + 22.0, 40.0


class Graph:
    """A picture of the graph that leads to a tensor; a notebook shows it.

    Made by :func:`graph`.

    Parameters
    ----------
    boxes, edges
        What is drawn, and pairs of numbers of boxes.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import viz
    >>> w = torch.tensor(2.0, requires_grad=True)
    >>> print(viz.graph(w.exp(), {"w": w}).dot.splitlines()[-2])
      0 -> 1;
    """

    def __init__(self, boxes: list[Box], edges: list[tuple[int, int]]) -> None:
        self._boxes = boxes
        self._edges = edges

    @property
    def svg(self) -> str:
        """The picture as SVG."""
        centres, routes, (width, height) = layered([b.size for b in self._boxes], self._edges)
        parts = []
        for (a, b), route in zip(self._edges, routes, strict=True):
            (x, y), (u, v) = centres[a], centres[b]
            points = [(x, y + self._boxes[a].size[1] / 2), *route, (u, v - 22.0)]
            parts.append(f'<path d="{_curve(points)}" marker-end="url(#tg-tip)"/>')
        for box, (x, y) in zip(self._boxes, centres, strict=True):
            w, h = box.size
            parts.append(
                f"<g><title>{escape(box.tip)}</title>"
                f'<rect class="{box.kind}" x="{x - w / 2:.1f}" y="{y - h / 2:.1f}" '
                f'width="{w:.1f}" height="{h:.1f}" rx="6"/>'
                f'<text class="n" x="{x:.1f}" y="{y - 2:.1f}" text-anchor="middle">'
                f"{escape(box.title)}</text>"
                f'<text class="s" x="{x:.1f}" y="{y + 13:.1f}" text-anchor="middle">'
                f"{escape(box.below)}</text></g>"
            )
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="tg" role="img" '
            f'aria-label="graph of {len(self._boxes)} boxes" width="{width + 16:.0f}" '
            f'height="{height + 16:.0f}" viewBox="-8 -8 {width + 16:.1f} {height + 16:.1f}">'
            f"<style>{_STYLE}</style>"
            f'<defs><marker id="tg-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
            f'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>'
            f"{''.join(parts)}</svg>"
        )

    @property
    def dot(self) -> str:
        """The graph in Graphviz's language: ``dot -Tpdf`` draws it."""
        lines = ["digraph computation {", "  node [shape=box, style=rounded];"]
        for number, box in enumerate(self._boxes):
            label = _quoted(f"{box.title}\n{box.below}")
            lines.append(f"  {number} [label={label}, tooltip={_quoted(box.tip)}];")
        lines += [f"  {a} -> {b};" for a, b in self._edges]
        return "\n".join([*lines, "}", ""])

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file: ``.svg``, or ``.dot``.

        Raises
        ------
        ValueError
            If the file's name ends in neither.
        """
        kind = os.path.splitext(os.fspath(path))[1]
        if kind not in (".svg", ".dot"):
            raise ValueError(f"graph: can't write {kind or 'a file without an ending'}; name a "
                             f"file that ends in .svg or .dot")  # fmt: skip
        with replacing(path) as file:
            file.write((self.svg if kind == ".svg" else self.dot).encode())

    def _repr_svg_(self) -> str:
        return self.svg

    def __repr__(self) -> str:
        kinds = Counter(box.kind for box in self._boxes)
        return f"<graph of {', '.join(f'{n} {kind} boxes' for kind, n in kinds.items())}>"


def graph(loss: Any, params: Any = None, modules: bool | None = None) -> Graph:
    """Draw the graph that leads to a tensor, data at the top and the loss at the bottom.

    Parameters
    ----------
    loss
        A tensor of one element that was computed from others.
    params
        What names the parameters: a module, a dictionary of tensors, or pairs.
    modules
        Whether a module is drawn as one box; by default, if there would be more than 40. Where that
        leaves more than 160, operations that follow each other are drawn as one.

    Returns
    -------
    A :class:`Graph`.

    Raises
    ------
    RuntimeError
        If the tensor has no graph, or more than one element.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.viz import graph
    >>> w = tensor(2.0, requires_grad=True)
    >>> picture = graph((w * 3).exp(), {"w": w})
    >>> picture
    <graph of 1 parameter boxes, 2 operation boxes>
    >>> picture.svg[:4], "w" in picture.dot
    ('<svg', True)
    """
    found = Computation(loss, params, name="graph")
    depth = None
    if modules or (modules is None and len(found.vertices) > MOST):
        depth = _depth(found.vertices, 1 if modules else MOST)
    groups = _groups(found.vertices, depth)
    if modules is None and len(set(groups.values())) > TOO_MANY:
        groups = _parts(found.vertices)
    return _draw(groups)


def _depth(vertices: list[Vertex], most: int) -> int:
    """Return how many parts of modules' names to tell apart, so that few boxes remain."""
    deepest = max((v.path.count(".") + 1 for v in vertices if v.path), default=0)
    for depth in range(deepest, 0, -1):
        if len(set(_groups(vertices, depth).values())) <= most:
            return depth
    return 1


def _groups(vertices: list[Vertex], depth: int | None) -> dict[Vertex, Any]:
    """Return what each vertex is drawn as a part of: a call of its module, or itself.

    The operations of a call follow each other, so no edge leads from one call back to another
    that comes before it.
    """
    groups: dict[Vertex, Any] = {}
    last = ("", 0)
    for vertex in vertices:
        groups[vertex] = vertex
        if not depth or vertex.kind != "operation":
            continue
        path = ".".join(vertex.path.split(".")[:depth])
        if path != last[0]:
            last = (path, vertex.number)
        if path:
            groups[vertex] = last
            for edge in vertex.inputs:
                own = edge.source.kind == "parameter" and edge.source.path.startswith(path)
                if own and groups[edge.source] is edge.source:
                    groups[edge.source] = last
    return groups


def _parts(vertices: list[Vertex]) -> dict[Vertex, Any]:
    """Return parts of as many operations each; what is given to one is in the part of its first."""
    operations = [v for v in vertices if v.kind == "operation"]
    size = math.ceil(len(operations) / MOST)
    groups: dict[Vertex, Any] = dict.fromkeys(vertices)
    for place, vertex in enumerate(operations):
        first = place // size * size
        last = min(first + size, len(operations))
        groups[vertex] = f"operations {first + 1} to {last}", first
        for edge in vertex.inputs:
            groups[edge.source] = groups[edge.source] or groups[vertex]
    return groups


def _draw(groups: dict[Vertex, Any]) -> Graph:
    """Make one box of each group; it stands where its last vertex does."""
    vertices = list(groups)
    members: dict[Any, list[Vertex]] = {}
    for vertex in vertices:
        members.setdefault(groups[vertex], []).append(vertex)
    keys = sorted(members, key=lambda key: members[key][-1].number)
    number = {key: i for i, key in enumerate(keys)}
    boxes = [
        _box(key) if isinstance(key, Vertex) else _module(key[0], members[key]) for key in keys
    ]
    edges: dict[tuple[int, int], None] = {}
    for vertex in vertices:
        for edge in vertex.inputs:
            a, b = number[groups[edge.source]], number[groups[vertex]]
            if a != b:
                edges[a, b] = None
    return Graph(boxes, list(edges))


def _box(vertex: Vertex) -> Box:
    shape = " x ".join(map(str, vertex.shape)) or "one number"
    if vertex.value is not None and vertex.value.size == 1:
        shape = f"{vertex.value.item():.4g}"
    tip = [vertex.formula, vertex.path, str(vertex.line or "")]
    return Box(vertex.kind, vertex.name, shape, "\n".join(filter(None, tip)) or vertex.kind)


def _module(path: str, vertices: list[Vertex]) -> Box:
    operations = Counter(v.name for v in vertices if v.kind == "operation")
    names = [name if n == 1 else f"{n} {name}" for name, n in operations.items()]
    below = ", ".join(names[:3]) + (f", {len(names) - 3} more" if len(names) > 3 else "")
    return Box("module", path, below, f"{path}: {', '.join(names)}")


def _curve(points: list[tuple[float, float]]) -> str:
    """Return a path that leaves and reaches each point going down."""
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    for (x, y), (u, v) in itertools.pairwise(points):
        middle = (y + v) / 2
        path += f"C{x:.1f} {middle:.1f} {u:.1f} {middle:.1f} {u:.1f} {v:.1f}"
    return path


def _quoted(text: str) -> str:
    escaped = clean(text).replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
