"""Layers for a drawing of a directed graph: every edge goes down, and few cross."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

GAP = 24.0
LAYER_GAP = 46.0


def layered(
    sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]]
) -> tuple[list[tuple[float, float]], list[list[tuple[float, float]]], tuple[float, float]]:
    """Place boxes in layers, in the manner of Sugiyama, Tagawa and Toda (1981).

    An edge over several layers passes through a point in each, so that it goes round the boxes.

    Parameters
    ----------
    sizes
        Width and height of each box. Boxes come in topological order: an edge goes from a lower
        number to a higher one.
    edges
        Pairs of numbers of boxes.

    Returns
    -------
    centres, routes, size
        The centre of each box, the points that each edge passes through between its two boxes, and
        the width and height of the whole.

    Examples
    --------
    >>> from tinygrad_mnist.viz.layout import layered
    >>> centres, routes, size = layered([(40, 20), (40, 20)], [(0, 1)])
    >>> centres[0][0] == centres[1][0], centres[0][1] < centres[1][1], routes
    (True, True, [[]])
    """
    if not sizes:
        return [], [], (0.0, 0.0)
    layers, chains = _layers(len(sizes), edges)
    widths = [w for w, _ in sizes] + [0.0] * (sum(map(len, layers)) - len(sizes))
    up: dict[int, list[int]] = {}
    down: dict[int, list[int]] = {}
    for chain in chains:
        for a, b in itertools.pairwise(chain):
            down.setdefault(a, []).append(b)
            up.setdefault(b, []).append(a)
    _order(layers, up, down)
    x = _columns(layers, widths, up, down)
    y, top = [0.0] * len(widths), 0.0
    for layer in layers:
        height = max((sizes[v][1] for v in layer if v < len(sizes)), default=0.0)
        for v in layer:
            y[v] = top + height / 2
        top += height + LAYER_GAP
    left = min((x[v] - widths[v] / 2 for v in range(len(widths))), default=0.0)
    right = max((x[v] + widths[v] / 2 for v in range(len(widths))), default=0.0)
    points = [(x[v] - left, y[v]) for v in range(len(widths))]
    routes = [[points[v] for v in chain[1:-1]] for chain in chains]
    return points[: len(sizes)], routes, (right - left, max(top - LAYER_GAP, 0.0))


def _layers(
    count: int, edges: Sequence[tuple[int, int]]
) -> tuple[list[list[int]], list[list[int]]]:
    """Give each box a layer below its sources, near its targets; cut long edges into chains."""
    sources: list[list[int]] = [[] for _ in range(count)]
    targets: list[list[int]] = [[] for _ in range(count)]
    for a, b in edges:
        sources[b].append(a)
        targets[a].append(b)
    level = [0] * count
    for v in range(count):
        level[v] = max((level[a] + 1 for a in sources[v]), default=0)
    for v in reversed(range(count)):
        if targets[v] and not sources[v]:  # what comes from outside stands where it goes in
            level[v] = min(level[b] for b in targets[v]) - 1
    lowest = min(level, default=0)
    layers: list[list[int]] = [[] for _ in range(max(level, default=0) - lowest + 1)]
    for v in range(count):
        level[v] -= lowest
        layers[level[v]].append(v)
    chains: list[list[int]] = []
    for a, b in edges:
        chain = [a]
        for passed in range(level[a] + 1, level[b]):
            chain.append(count)
            layers[passed].append(count)
            count += 1
        chains.append([*chain, b])
    return layers, chains


def _order(layers: list[list[int]], up: dict[int, list[int]], down: dict[int, list[int]]) -> None:
    """Sort each layer by the mean place of its neighbours, down and up a few times."""
    for turn in range(8):
        near, order = (up, layers[1:]) if turn % 2 == 0 else (down, layers[-2::-1])
        place = {v: i for layer in layers for i, v in enumerate(layer)}
        for layer in order:
            mean = {
                v: sum(place[u] for u in near[v]) / len(near[v]) if v in near else place[v]
                for v in layer
            }
            layer.sort(key=mean.__getitem__)
            place.update((v, i) for i, v in enumerate(layer))


def _columns(
    layers: list[list[int]],
    widths: Sequence[float],
    up: dict[int, list[int]],
    down: dict[int, list[int]],
) -> list[float]:
    """Move each box towards its neighbours, as far as the boxes beside it let it."""
    x = [0.0] * len(widths)
    for layer in layers:
        at = 0.0
        for v in layer:
            x[v] = at + widths[v] / 2
            at += widths[v] + GAP
        for v in layer:
            x[v] -= at / 2
    for turn in range(12):
        near = up if turn % 2 == 0 else down
        for layer in layers if near is up else layers[::-1]:
            wanted = [
                sum(x[u] for u in near[v]) / len(near[v]) if v in near else x[v] for v in layer
            ]
            for v, place in zip(layer, _apart(layer, wanted, widths), strict=True):
                x[v] = place
    return x


def _apart(layer: list[int], wanted: list[float], widths: Sequence[float]) -> list[float]:
    """Return the places nearest to the wanted ones at which boxes of a layer do not overlap.

    Boxes that would overlap form a block, whose offset is the mean of its members' wishes: the
    least squares under constraints of order, by pooling adjacent violators.
    """
    offsets = [0.0]
    for a, b in itertools.pairwise(layer):
        offsets.append(offsets[-1] + (widths[a] + widths[b]) / 2 + GAP)
    blocks: list[tuple[float, int]] = []  # the mean of wish less offset, and how many
    for wish, offset in zip(wanted, offsets, strict=True):
        mean, count = wish - offset, 1
        while blocks and blocks[-1][0] > mean:
            before, n = blocks.pop()
            mean, count = (mean * count + before * n) / (count + n), count + n
        blocks.append((mean, count))
    means = [mean for mean, count in blocks for _ in range(count)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]
