"""The layout of a graph: edges go down, boxes stand apart, edges go round them."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.viz.layout import GAP, LAYER_GAP, layered


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    size = st.tuples(st.integers(10, 200), st.integers(10, 60))
    sizes = [(float(w), float(h)) for w, h in draw(st.lists(size, min_size=1, max_size=25))]
    pairs = list(itertools.combinations(range(len(sizes)), 2))
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=50)) if pairs else []
    return sizes, edges


@given(graphs())
def test_boxes_stand_apart_and_edges_go_down(
    graph: tuple[list[tuple[float, float]], list[tuple[int, int]]],
) -> None:
    sizes, edges = graph
    centres, routes, (width, height) = layered(sizes, edges)
    for (x, y), (w, h) in zip(centres, sizes, strict=True):
        assert -0.01 <= x - w / 2 and x + w / 2 <= width + 0.01
        assert -0.01 <= y - h / 2 and y + h / 2 <= height + 0.01
    for a, b in itertools.combinations(range(len(sizes)), 2):
        (x, y), (u, v) = centres[a], centres[b]
        aside = abs(x - u) - (sizes[a][0] + sizes[b][0]) / 2
        above = abs(y - v) - (sizes[a][1] + sizes[b][1]) / 2
        assert aside >= GAP - 0.01 or above >= LAYER_GAP - 0.01
    for (a, b), route in zip(edges, routes, strict=True):
        ys = [centres[a][1], *(y for _, y in route), centres[b][1]]
        assert all(y < below for y, below in itertools.pairwise(ys))
        between = {y for _, y in centres if ys[0] < y < ys[-1]}
        assert between <= set(ys)  # it has a point in each layer that it passes
        for x, y in route:  # no point of it lies in a box
            for (u, v), (w, h) in zip(centres, sizes, strict=True):
                assert abs(x - u) > w / 2 or abs(y - v) > h / 2


def test_nothing_and_one_box_have_a_layout() -> None:
    assert layered([], []) == ([], [], (0.0, 0.0))
    assert layered([(40, 20)], []) == ([(20.0, 10.0)], [], (40.0, 20.0))


def test_what_comes_from_outside_stands_above_where_it_goes_in() -> None:
    """0 -> 1 -> 2 -> 3, and 4, a weight, goes into 5 far below."""
    box = (40.0, 20.0)
    centres, _, _ = layered([box] * 6, [(0, 1), (1, 2), (2, 3), (3, 5), (4, 5)])
    assert centres[4][1] == centres[3][1]


def test_a_ladder_is_drawn_without_crossings() -> None:
    n = 8
    edges = [(2 * i + k, 2 * i + 2 + k) for i in range(n - 1) for k in (0, 1)]
    centres, _, _ = layered([(40.0, 20.0)] * (2 * n), edges)
    sides = {centres[2 * i][0] < centres[2 * i + 1][0] for i in range(n)}
    assert len(sides) == 1
