"""The explorer in a browser: it steps through all nodes, and what it shows is what was computed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, viz
from tinygrad_mnist.viz.computation import Computation
from tinygrad_mnist.viz.explore import DRAWN, _array

from .networks import NETWORKS, Cube, cnn, lstm, mlp, several, transformer

EVIL = """</script><script>window.hit = 1</script><img src=x onerror="window.hit = 1"> & 'x' "y" <!-- {{data}}"""

Open = Callable[..., Any]


def write(make: Any, path: Path, how: str = "both") -> tuple[Computation, Path]:
    """Write the page of a network's loss, and return what it shows."""
    tg.manual_seed(0)
    params, compute = make()
    if how == "alone":
        loss = compute()
    else:
        with viz.record():
            loss = compute()
            if how == "both":
                loss.backward()
    return Computation(loss, params), viz.explore(loss, params, path / "page.html")


def data_of(page: Path) -> Any:
    return json.loads(page.read_text().partition('id="data">')[2].partition("</script>")[0])


def equal(shown: Any, array: np.ndarray | None) -> None:
    """Compare what the page has of an array with the array: all digits that it has."""
    if array is None:
        assert shown is None
        return
    assert shown["shape"] == list(array.shape) and shown["size"] == array.size
    numbers = np.array([float(x) for x in shown["data"]]).reshape(shown["part"])
    part = np.asarray(array, np.float64)[tuple(slice(0, n) for n in numbers.shape)]
    np.testing.assert_allclose(numbers, part, rtol=1e-5)
    if array.size and np.isfinite(array).all():
        assert shown["min"] == pytest.approx(float(array.min()), rel=1e-5)
        assert shown["max"] == pytest.approx(float(array.max()), rel=1e-5)


@pytest.mark.parametrize("how", ["alone", "both"])
@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
def test_the_page_has_the_tensors_numbers(make: Any, how: str, tmp_path: Path) -> None:
    found, path = write(make, tmp_path, how)
    data = data_of(path)
    assert len(data["vertices"]) == len(found.vertices)
    for v, shown in zip(found.vertices, data["vertices"], strict=True):
        assert (shown["name"], shown["path"], shown["turn"]) == (v.name, v.path, v.turn)
        equal(shown["value"], v.value)
        equal(shown["gradient"], v.gradient)
        for edge, arrow in zip(v.inputs, shown["inputs"], strict=True):
            assert data["vertices"][arrow["source"]]["name"] == edge.source.name
            assert data["rules"][arrow["rule"]] == edge.rule
            equal(arrow["gradient"], edge.gradient)
            equal(arrow["raw"], edge.raw)


def table_numbers(page: Any, heading: str) -> list[float]:
    """Open the table below a heading of the panel, and return its numbers as they are shown."""
    page.evaluate(
        f"""(() => {{
          const h = [...panel.querySelectorAll("h3")].find((e) => e.textContent === {heading!r});
          let link = null;
          for (let e = h.nextSibling; e && e.tagName !== "H3"; e = e.nextSibling) {{
            link = e.querySelector && e.querySelector(".facts a") || link;
          }}
          link.click();  // the last: of several gradients that is their sum
        }})()"""
    )
    cells = page.evaluate(
        "[...panel.querySelectorAll('table.numbers td')].map((e) => e.textContent)"
    )
    page.evaluate("panel.querySelectorAll('table.numbers').forEach((e) => e.remove())")
    return [float(x) for x in cells]


@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
def test_all_nodes_are_stepped_through_by_key(make: Any, tmp_path: Path, page: Any) -> None:
    found, path = write(make, tmp_path)
    page.goto(path.as_uri())
    turned = sorted((v for v in found.vertices if v.turn is not None), key=lambda v: v.turn or 0)
    assert page.text("#step") == f"forward done; {len(turned)} steps back"
    for step, v in enumerate(turned, 1):
        page.press("ArrowRight")
        assert page.text("#step") == f"step {step} of {len(turned)}: {v.name}"
        assert page.text("#panel h2") == v.name
        assert page.evaluate("document.querySelectorAll('.box.now').length") == 1
        if v.value is not None and not v.outputs and 1 < v.value.size <= 64:
            for heading, array in (("Output", v.value), ("Gradient that comes in", v.gradient)):
                shown = table_numbers(page, heading)
                np.testing.assert_allclose(shown, np.ravel(array), rtol=6e-4, atol=1e-12)
    assert page.evaluate("vertices.every((v) => v.turn === null || isDone(v))")
    page.press("ArrowRight")
    assert page.text("#step").startswith(f"step {len(turned)} of")
    page.press("Home")
    assert page.text("#step").startswith("forward done")
    assert page.errors == [] and page.requests == [path.as_uri()]


def test_buttons_slider_and_play_step_too(tmp_path: Path, page: Any) -> None:
    found, path = write(mlp, tmp_path)
    count = sum(v.turn is not None for v in found.vertices)
    page.goto(path.as_uri())

    def step() -> int:
        return int(re.match(r"step (\d+)|forward", page.text("#step"))[1] or 0)  # type: ignore[index]

    page.click("#next")
    page.click("#next")
    assert step() == 2
    page.click("#back")
    assert step() == 1
    page.click("#last")
    assert step() == count
    page.click("#first")
    assert step() == 0
    x, y, width, height = page.box("#slider")
    page.drag([(x + 8, y + height / 2), (x + width - 2, y + height / 2)])
    assert step() == count
    page.press("ArrowLeft")  # the slider has the focus: one step, not two
    assert step() == count - 1
    page.click("#first")
    page.click("#play")
    assert page.text("#play") == "Stop"
    page.wait_for("state.step > 0")
    page.click("#play")
    assert page.text("#play") == "Play" and page.errors == []


def test_gradients_of_single_numbers_appear_as_they_come(tmp_path: Path, page: Any) -> None:
    w = tg.tensor(2.0, requires_grad=True)
    path = viz.explore((w * w + w).tanh() * 1000, {"w": w}, tmp_path / "page.html")
    page.goto(path.as_uri())
    gradients = (
        "[...document.querySelectorAll('text.gradient')].map((e) => e.textContent).filter(Boolean)"
    )
    assert page.evaluate(gradients) == []
    page.press("ArrowRight")
    assert "gradient 1" in page.evaluate(gradients)
    page.press("End")
    slope = 1000 * (1 - np.tanh(6.0) ** 2)
    shown = page.evaluate("document.querySelector('.box.parameter text.gradient').textContent")
    assert float(shown.split()[1]) == pytest.approx(5 * slope, rel=0.02)


def test_the_sum_where_paths_meet_and_where_broadcasting_is_undone(
    tmp_path: Path, page: Any
) -> None:
    found, path = write(mlp, tmp_path)
    page.goto(path.as_uri())
    (meet,) = [v for v in found.vertices if v.name == "linear" and v.path == "layers.2"]
    page.evaluate(f"choose(vertices[{meet.number}])")
    assert "0 of 2 paths have arrived" in page.text("#panel")
    page.evaluate(f"go({meet.turn})")
    page.evaluate(f"choose(vertices[{meet.number}])")
    assert "2 of 2 paths have arrived; their gradients are added:" in page.text("#panel")
    (scaled,) = [v for v in found.vertices if v.name == "mul"]
    page.evaluate(f"go({(scaled.turn or 0) + 1})")
    assert "so the copies' gradients are summed over dimension 0" in page.text("#panel")


def test_outputs_are_told_apart(tmp_path: Path, page: Any) -> None:
    found, path = write(several, tmp_path)
    page.goto(path.as_uri())
    (svd,) = [v for v in found.vertices if v.name == "svd"]
    page.evaluate(f"go({(svd.turn or 0) + 1})")
    text = page.text("#panel")
    assert "s: 2 of 2 paths have arrived" in text
    assert "vh: none, as nothing was computed from it" in text


@pytest.mark.parametrize("make", [cnn, transformer, lstm], ids=lambda f: f.__name__)
def test_modules_close_and_open(make: Any, tmp_path: Path, page: Any) -> None:
    found, path = write(make, tmp_path)
    page.goto(path.as_uri())
    boxes = "document.querySelectorAll('.box:not(.frame)').length"
    page.click("#open-all")
    assert page.evaluate(boxes) == len(found.vertices)
    page.click("#close-all")
    tops = {v.path.partition(".")[0] for v in found.vertices if v.path}
    outside = [v for v in found.vertices if not v.path]
    assert page.evaluate(boxes) == len(tops) + len(outside)
    name = sorted(tops)[0]
    page.evaluate(f"document.querySelector('[data-key=\"m{name}\"]').focus()")
    page.press("Enter")
    assert page.evaluate(f"state.open.has({name!r})")
    page.evaluate(
        f"document.querySelector('[data-path=\"{name}\"]').dispatchEvent(new MouseEvent('click'))"
    )
    assert page.evaluate(boxes) == len(tops) + len(outside)
    page.press("End")
    page.evaluate("go(Math.ceil(turns.length / 2))")  # a closed module is marked for what is in it
    assert page.evaluate("document.querySelectorAll('.box.now').length") == 1
    assert page.errors == []


def test_a_click_shows_a_vertex_with_its_line(tmp_path: Path, page: Any) -> None:
    found, path = write(mlp, tmp_path)
    page.goto(path.as_uri())
    (relu,) = [v for v in found.vertices if v.name == "relu"]
    x, y, width, height = page.evaluate(
        f"(() => {{ const b = layout.boxes.get('v{relu.number}').element.getBoundingClientRect();"
        " return [b.x, b.y, b.width, b.height]; })()"
    )
    page.drag([(x + width / 2, y + height / 2)])
    text = page.text("#panel")
    assert (
        text.startswith("relu")
        and "in layers.1" in text
        and "5 \u00d7 6 · float32 · 120 bytes" in text
    )
    assert relu.line and f"networks.py:{relu.line.number} in forward" in text
    assert relu.line.text in text
    before = page.evaluate("[camera.x, camera.y]")
    page.drag([(40, 400), (90, 430), (140, 460)])
    after = page.evaluate("[camera.x, camera.y]")
    assert after[0] - before[0] == pytest.approx(100) and after[1] - before[1] == pytest.approx(60)
    assert page.text("#panel h2") == "relu"


def test_search_finds_names_modules_formulas_and_lines(tmp_path: Path, page: Any) -> None:
    found, path = write(transformer, tmp_path)
    page.goto(path.as_uri())
    page.press("/")
    page.type("norm2")
    inside = [v for v in found.vertices if "norm2" in v.path or "norm2" in v.name]
    assert page.text("#found") == f"{len(inside)} found"
    page.press("Enter")
    assert "norm2" in page.text("#panel")
    assert page.evaluate("layout.boxes.has('v' + state.chosen.id)")  # its module has been opened
    page.press("Escape")
    assert page.text("#found") == "" and page.evaluate("document.activeElement.id") == "stage"
    page.evaluate(
        "byId('search').value = 'no such thing'; byId('search').dispatchEvent(new Event('input'))"
    )
    assert page.text("#found") == "0 found"


@pytest.mark.parametrize("width", [1300, 390])
@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("make", [mlp, cnn], ids=lambda f: f.__name__)
def test_it_fits_wide_and_narrow_screens(
    make: Any, dark: bool, width: int, tmp_path: Path, open_page: Open
) -> None:
    _, path = write(make, tmp_path)
    page = open_page(width=width, height=844, dark=dark, touch=width < 500)
    page.goto(path.as_uri())
    page.press("ArrowRight")
    assert page.sideways() == [] and page.errors == []
    paper, ink = page.evaluate(
        "['background-color', 'color'].map((p) => getComputedStyle(document.body).getPropertyValue(p)"
        ".match(/\\d+/g).reduce((a, b) => a + Number(b), 0))"
    )
    assert (paper < ink) == dark
    stage = page.evaluate(
        "(() => { const b = stage.getBoundingClientRect(); return [b.width, b.height]; })()"
    )
    assert min(stage) > 250
    box = page.evaluate(
        "(() => { const b = document.querySelector('.box.now').getBoundingClientRect(),"
        " s = stage.getBoundingClientRect();"
        " return b.left >= s.left && b.right <= s.right && b.top >= s.top && b.bottom <= s.bottom; })()"
    )
    assert box


def test_names_labels_and_lines_are_shown_and_not_executed(tmp_path: Path, page: Any) -> None:
    class Module(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self._modules[EVIL.replace(".", "")] = nn.Linear(2, 2)

        def forward(self, x: Any) -> Any:
            (layer,) = self.children()
            return layer(x)

    evil = type(EVIL, (Cube,), {})
    source = tmp_path / "<b>evil.py"
    source.write_text(
        f"def compute(model, x, evil):\n    return evil.apply(model(x)).sum()  # {EVIL}\n"
    )
    scope: dict[str, Any] = {}
    exec(compile(source.read_text(), str(source), "exec"), scope)
    model = Module()
    with viz.record():
        loss = scope["compute"](model, tg.ones(1, 2), evil)
    path = viz.explore(loss, model, tmp_path / "page.html")
    assert path.read_text().count("</script") == 3  # the data, the layout and the page's own
    page.goto(path.as_uri())
    assert page.evaluate("window.hit") is None
    page.press("ArrowRight")
    assert f"# {EVIL}" in page.text("#panel pre") and "<b>evil.py:2 in compute" in page.text(
        "#panel"
    )
    page.press("ArrowRight")
    assert page.text("#panel h2") == EVIL
    page.evaluate(
        "byId('search').value = 'onerror'; byId('search').dispatchEvent(new Event('input'))"
    )
    page.click("#close-all")
    page.click("#open-all")
    assert page.evaluate("vertices.some((v) => v.name.includes('<img src=x'))")
    assert page.evaluate("window.hit") is None
    assert page.evaluate("document.querySelectorAll('img, b').length") == 0
    assert page.errors == [] and page.requests == [path.as_uri()]


def chain(n: int) -> Any:
    x = tg.ones(3, requires_grad=True)
    y: Any = x
    for _ in range(n):
        y = y.sin()
    return y.sum()


def test_a_thousand_vertices_are_drawn_in_parts(tmp_path: Path, page: Any) -> None:
    path = viz.explore(chain(1000), None, tmp_path / "page.html")
    assert path.stat().st_size < 1_500_000
    page.goto(path.as_uri())
    assert 20 < page.evaluate("document.querySelectorAll('.box').length") < 80
    for _ in range(30):
        page.press("ArrowRight")
    assert page.text("#step").startswith("step 30 of 1001")
    page.click("#open-all")
    assert page.text("#found") == "Not all fits into 400 boxes: open what you want to see."
    page.evaluate("reveal(vertices[500]); choose(vertices[500])")
    assert page.evaluate("layout.boxes.has('v500')") and page.errors == []


@pytest.mark.slow
def test_ten_thousand_vertices_are_summed_up(tmp_path: Path, page: Any) -> None:
    path = viz.explore(chain(10_000), None, tmp_path / "page.html")
    assert path.stat().st_size < 12_000_000
    page.goto(path.as_uri())
    text = page.text("#notice")
    assert "10,002 vertices" in text and "10000 sin, 1 sum" in text and "smaller step" in text
    assert page.evaluate("document.querySelectorAll('.box').length") == 0
    for key in ("ArrowRight", "End", "0", "+", "Home"):
        page.press(key)
    page.click("#open-all")
    page.click("#fit")
    assert page.text("#found") == ""
    page.press("End")
    assert page.text("#step") == "step 10001 of 10001: sin" and page.errors == []


def test_large_arrays_are_shown_in_part(tmp_path: Path) -> None:
    w = tg.randn(300, 784, requires_grad=True)
    x = tg.randn(100, 784)
    loss = (x @ w.T).relu().sum()
    path = viz.explore(loss, {"w": w}, tmp_path / "page.html")
    assert path.stat().st_size < 500_000
    (shown,) = [v for v in data_of(path)["vertices"] if v["name"] == "w"]
    assert shown["value"]["part"] == [5, 784]
    equal(shown["value"], w.detach().numpy())


def test_odd_arrays_have_a_page(tmp_path: Path, page: Any) -> None:
    x = tg.tensor([float("nan"), float("inf"), -float("inf"), 1e-30, 1e30, 0.0], requires_grad=True)
    empty = tg.ones(0, 3, requires_grad=True)
    loss = x.sum() + empty.sum() + x[tg.tensor([5, 1])].sum()
    page.goto(viz.explore(loss, {"x": x, "": empty}, tmp_path / "page.html").as_uri())
    page.evaluate("choose(vertices.find((v) => v.name === 'x'))")
    assert "3 not finite" in page.text("#panel")
    for _ in range(8):
        page.press("ArrowRight")
    assert page.errors == []


def test_integers_are_shown_whole_and_numbers_with_six_digits() -> None:
    numbers = _array(np.array([1234567890, -1]), 100)
    assert numbers is not None and numbers["data"] == ["1234567890", -1]
    assert numbers["max"] == "1234567890"
    largest = _array(np.array([2**63 - 1, -(2**63)] * 9), 100)
    assert largest is not None and largest["max"] == "9223372036854775807"
    assert [n for n in largest["bins"] if n] == [9, 9]
    floats = _array(np.float32([1 / 3, 2e7 / 3]), 100)
    assert floats is not None and floats["data"] == [0.333333, 6666670.0]
    assert _array(np.array([True, False]), 100)["data"] == [1, 0]  # type: ignore[index]


def test_the_file_is_replaced_whole_and_needs_no_other(tmp_path: Path) -> None:
    _, path = write(mlp, tmp_path)
    text = path.read_text()
    assert "default-src 'none'" in text and "Permission is hereby granted" in text
    assert not re.search(r"""(?:src|href)\s*=\s*["']?(?:https?:)?//""", text)
    assert len(text) < 200_000 and DRAWN > 1000
    w = tg.ones(1, requires_grad=True)
    with pytest.raises(FileNotFoundError):
        viz.explore(w.exp(), {"w": w}, tmp_path / "no" / "folder.html")


def test_any_finite_numbers_have_a_mean_and_a_histogram() -> None:
    for numbers, spread in (
        (np.array([1.0] * 19 + [1 + 2.3e-16]), (19, 1)),
        (np.array([1.7e308] * 9 + [-1.7e308] * 9), (9, 9)),
        (np.array([5e-324] * 9 + [0.0] * 9), (9, 9)),
        (np.zeros(20), (20,)),
        (np.full(20, 60000, np.float16), (20,)),
    ):
        shown = _array(numbers, 100)
        assert shown is not None and tuple(n for n in shown["bins"] if n) == spread
        assert all(isinstance(shown[key], float) for key in ("min", "max", "mean", "std"))
    numbers = np.random.default_rng(0).normal(3, 2, 1000)
    shown = _array(numbers, 100)
    assert shown is not None and shown["bins"] == np.histogram(numbers, 24)[0].tolist()
    assert (shown["mean"], shown["std"]) == pytest.approx((numbers.mean(), numbers.std()), rel=1e-5)


def test_numbers_and_remarks_are_in_the_panel(tmp_path: Path, page: Any) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    w.register_hook(lambda g: g * 10)
    with viz.record():
        loss = ((w + 7) ** 2).sum()
    page.goto(viz.explore(loss, {"w": w}, tmp_path / "page.html").as_uri())
    page.evaluate("go(2)")
    assert "y: 2" in page.text("#panel") and "Rule for x" in page.text("#panel")
    page.evaluate("choose(vertices.find((v) => v.name === 'add'))")
    assert "y: 7" in page.text("#panel")
    page.evaluate("choose(vertices.find((v) => v.name === 'w'))")
    assert "a hook of the program has changed it:" in page.text("#panel")
    assert table_numbers(page, "Gradient") == [160.0, 180.0] and page.errors == []


FOCUSED = "document.activeElement.dataset.path || document.activeElement.dataset.key"


def test_the_keyboard_keeps_its_place(tmp_path: Path, page: Any) -> None:
    _, path = write(transformer, tmp_path)
    page.goto(path.as_uri())
    page.click("#close-all")
    page.evaluate("document.querySelector('[data-key=\"mlayers\"]').focus()")
    page.press("Enter")
    assert page.evaluate(FOCUSED) == "layers"  # now its frame
    page.press("Enter")
    assert page.evaluate(FOCUSED) == "mlayers"  # and again its box
    page.press("Enter")
    page.evaluate("document.querySelector('[data-key=\"mlayers.1\"]').focus()")
    page.press("Enter")
    page.evaluate("state.open.delete('layers'); draw()")
    assert page.evaluate(FOCUSED) == "mlayers"  # what had the focus is in it
    page.evaluate("panel.querySelector('a').focus()")
    page.press("Enter")
    page.press("ArrowRight")
    assert page.evaluate("document.activeElement.id") == "panel" and page.errors == []
    page.evaluate("document.querySelector('[data-key=\"mlayers\"]').focus()")
    page.press(" ")  # which plays elsewhere
    assert page.evaluate(FOCUSED) == "layers" and page.text("#play") == "Play"
    page.evaluate("go(1); panel.querySelector('a').focus()")
    page.press(" ")
    assert page.text("#play") == "Play" and page.evaluate("panel.querySelector('table') !== null")
    page.evaluate("stage.focus()")
    page.press(" ")
    assert page.text("#play") == "Stop"


def test_a_long_chain_of_modules_is_drawn_in_parts(tmp_path: Path, page: Any) -> None:
    model = nn.Sequential(*[nn.Linear(2, 2) for _ in range(400)])
    path = viz.explore(model(tg.ones(1, 2)).sum(), model, tmp_path / "page.html")
    boxes = "document.querySelectorAll('.box:not(.frame)').length"
    page.goto(path.as_uri())
    assert 10 < page.evaluate(boxes) < 80
    for part in range(1, 22):  # more and more is opened, as far as it can be drawn
        page.evaluate(f"toggle('part {part} of 21')")
        assert page.evaluate(boxes) <= 400
    assert page.text("#found") == "Other modules were closed: not all fits into 400 boxes."
    page.evaluate("reveal(vertices[3]); choose(vertices[3])")
    assert page.evaluate("layout.boxes.has('v3')") and page.errors == []


def test_edges_are_told_apart_whatever_the_names(tmp_path: Path, page: Any) -> None:
    names = ["a", "a mb", "b mc", "c"]  # "ma" to "mb mc" is not "ma mb" to "mc"
    layers = nn.ModuleDict({name: nn.Linear(1, 1) for name in names})
    with viz.record():
        out = {name: layers[name](tg.ones(1, 1)) for name in names[:2]}
        loss = layers["b mc"](out["a"]).sum() + layers["c"](out["a mb"]).sum()
    page.goto(viz.explore(loss, layers, tmp_path / "page.html").as_uri())
    page.click("#close-all")
    pairs = page.evaluate("layout.edges.map((e) => [e.a, e.b])")
    assert ["ma", "mb mc"] in pairs and ["ma mb", "mc"] in pairs


def test_a_summary_counts_operations_of_any_name(tmp_path: Path, page: Any) -> None:
    evil = type("constructor", (Cube,), {})
    x = tg.ones(2, requires_grad=True)
    y: Any = evil.apply(evil.apply(x))
    for _ in range(DRAWN):
        y = y + 1
    page.goto(viz.explore(y.sum(), None, tmp_path / "page.html").as_uri())
    assert "2 constructor" in page.text("#notice")
    page.evaluate("choose(vertices[0])")
    assert "numbers" not in page.text("#panel")
    page.click("#open-all")
    assert page.text("#found") == "" and page.errors == []


def test_pictures_follow_the_colours_of_the_system(tmp_path: Path, page: Any) -> None:
    _, path = write(mlp, tmp_path)
    page.goto(path.as_uri())
    page.press("ArrowRight")
    page.press("ArrowRight")
    picture = "document.querySelector('#panel canvas').toDataURL()"
    before = page.evaluate(picture)
    page.viewport(dark=True)
    page.wait_for(f"{picture} !== {json.dumps(before)}")


def test_what_is_given_to_every_step_of_a_loop_is_laid_out_near_the_first(
    tmp_path: Path, page: Any
) -> None:
    model, h = nn.RNNCell(2, 2), tg.ones(1, 2)
    for _ in range(15):
        h = model(tg.ones(1, 2), h)
    page.goto(viz.explore(h.sum(), model, tmp_path / "page.html").as_uri())
    page.click("#open-all")
    straight = page.evaluate("layout.edges.filter((e) => e.straight).map((e) => e.a)")
    assert len(straight) == 2 * (15 - 6) and len(set(straight)) == 2  # the two matrices
    assert page.evaluate(  # downwards
        "layout.edges.every((e) => layout.boxes.get(e.a).y < layout.boxes.get(e.b).y)"
    )
    page.press("End")
    assert page.errors == []


@pytest.mark.parametrize("width", [1300, 390])
def test_long_names_are_shortened_or_broken(width: int, tmp_path: Path, open_page: Open) -> None:
    layer = nn.ModuleDict({"a_module_of_a_very_long_name_" * 9: nn.Linear(1, 1)})
    (name,) = layer
    path = viz.explore(layer[name](tg.ones(1, 1)).sum(), layer, tmp_path / "page.html")
    page = open_page(width=width, height=844)
    page.goto(path.as_uri())
    page.press("End")
    assert name in page.text("#panel") and page.sideways() == []
    assert page.evaluate("panel.scrollWidth <= panel.clientWidth")
    longest = "Math.max(...[...svg.querySelectorAll('text')].map((e) => e.textContent.length))"
    assert page.evaluate(longest) < 60
