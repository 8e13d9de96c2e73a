"""The page in a browser: strokes are drawn, answers are read, a network is trained."""

from __future__ import annotations

import base64
import json
import math
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from browser import Page

from tinygrad_mnist.playground import server as server_module
from tinygrad_mnist.playground.drawing import rasterise
from tinygrad_mnist.playground.server import Server

Stroke = list[tuple[float, float]]


def line(*corners: tuple[float, float]) -> Stroke:
    """Return points along straight lines."""
    found = [
        (x + (u - x) * i / 6, y + (v - y) * i / 6)
        for (x, y), (u, v) in pairwise(corners)
        for i in range(6)
    ]
    return [*found, corners[-1]]


def arc(x: float, y: float, width: float, height: float, start: float, end: float) -> Stroke:
    """Return points of an ellipse; angles are counted in turns, clockwise from the right."""
    turns = np.linspace(start, end, 18) * 2 * math.pi
    return [(x + width * math.cos(t), y + height * math.sin(t)) for t in turns]


DIGITS: dict[int, list[Stroke]] = {
    0: [arc(0.5, 0.5, 0.2, 0.32, -0.25, 0.75)],
    1: [line((0.53, 0.15), (0.48, 0.85))],
    2: [arc(0.5, 0.33, 0.2, 0.18, -0.5, 0.1) + line((0.62, 0.47), (0.3, 0.83), (0.74, 0.83))],
    3: [arc(0.48, 0.33, 0.2, 0.17, -0.42, 0.25) + arc(0.48, 0.67, 0.23, 0.18, -0.22, 0.4)],
    4: [line((0.38, 0.15), (0.3, 0.5), (0.72, 0.5)), line((0.65, 0.18), (0.6, 0.88))],
    5: [line((0.7, 0.17), (0.38, 0.17), (0.35, 0.45)) + arc(0.47, 0.63, 0.23, 0.21, -0.3, 0.4)],
    6: [line((0.62, 0.13), (0.4, 0.4)) + arc(0.5, 0.66, 0.19, 0.19, -0.5, 0.5)],
    7: [line((0.25, 0.2), (0.73, 0.2), (0.45, 0.85))],
    8: [arc(0.5, 0.32, 0.15, 0.16, 0.25, 1.25) + arc(0.5, 0.67, 0.19, 0.18, -0.25, 0.75)],
    9: [arc(0.5, 0.34, 0.18, 0.18, 0, 1) + line((0.68, 0.34), (0.6, 0.87))],
}


def places(page: Page, stroke: Stroke) -> Stroke:
    x, y, width, height = page.box("#pad")
    return [(x + u * width, y + v * height) for u, v in stroke]


def draw(page: Page, strokes: list[Stroke], touch: bool = False) -> None:
    """Draw, and wait for the answer to all of it."""
    page.evaluate("document.querySelector('#clear').click(), 0")
    for stroke in strokes:
        (page.touch if touch else page.drag)(places(page, stroke))
    settle(page)


def settle(page: Page) -> None:
    """Wait until nothing is asked any more."""
    page.wait_for("sent.length && document.querySelector('#answer').ariaBusy === 'false'")


SPY = """
window.sent = [];
const real = window.fetch;
window.fetch = async (...given) => {
  const response = await real(...given);
  const body = JSON.parse(given[1].body);
  if (response.ok) sent.push({ body, found: await response.clone().json() });
  return response;
};
window.drawn = () => sent.at(-1)?.body.strokes ?? [];
"""


def opened(server: Server, open_page: Callable[..., Page], **settings: Any) -> Page:
    page = open_page(**settings)
    page.goto(server.url)
    page.wait_for(
        "!document.querySelector('#start').disabled || !document.querySelector('#stop').disabled"
    )
    page.evaluate(SPY)
    return page


def clean(page: Page, server: Server) -> None:
    """Nothing went wrong, nobody else was asked, and nothing reaches over the edge."""
    assert page.errors == []
    assert page.requests and page.outside(server.url) == []
    assert page.sideways() == []


def last(page: Page) -> Any:
    return page.evaluate("sent.at(-1)")


@pytest.fixture
def page(server: Server, open_page: Callable[..., Page]) -> Page:
    """The playground, at a desk."""
    return opened(server, open_page)


@pytest.mark.slow
def test_drawn_digits_are_recognised(page: Page, server: Server) -> None:
    read = {}
    for digit, strokes in DIGITS.items():
        draw(page, strokes)
        text = page.text("#verdict")
        read[digit] = int(text.split()[0])
        assert "The convolutional network gives it" in text
        found = last(page)["found"]["answers"]["convolutional"]
        shares = page.evaluate(
            "[...document.querySelectorAll('#bars i')].map(e => Number(e.style.getPropertyValue('--share')))"
        )
        assert shares == pytest.approx(found["probabilities"])
        assert page.text("#bars .first b") == str(read[digit])
    wrong = {digit: answer for digit, answer in read.items() if answer != digit}
    assert not wrong
    clean(page, server)


def test_strokes_arrive_as_drawn_and_the_image_is_the_servers(page: Page) -> None:
    draw(page, DIGITS[4])
    body, found = last(page)["body"], last(page)["found"]
    assert len(body["strokes"]) == 2
    for sent, stroke in zip(body["strokes"], DIGITS[4], strict=True):
        np.testing.assert_allclose(sent[0], stroke[0], atol=0.01)
        np.testing.assert_allclose(sent[-1], stroke[-1], atol=0.01)
        assert len(sent) > 4
    image = rasterise([np.array(stroke) for stroke in body["strokes"]])
    shown = page.evaluate(
        "(() => { const c = document.querySelector('#seen');"
        " return [...c.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0); })()"
    )
    dark = np.array(shown).reshape(28, 28) < 128
    np.testing.assert_array_equal(dark[image > 150], True)
    np.testing.assert_array_equal(dark[image < 100], False)
    assert found["image"]["largest"] == image.max()


def test_all_models_stand_in_the_table_with_their_answers(page: Page, server: Server) -> None:
    draw(page, DIGITS[0])
    found = last(page)["found"]["answers"]
    for name in ("perceptron", "convolutional", "gaussian", "logistic", "nearest"):
        row = f"#table [data-model={name}]"
        assert page.text(f"{row} .digit") == str(found[name]["digit"])
        right = server.session.channel.state["models"][name]
        assert page.text(f"{row} small") == f"{100 * right:.1f} %"
    captions = page.evaluate(
        "[...document.querySelectorAll('#nearest b')].map(e => Number(e.innerText))"
    )
    assert captions == found["nearest"]["labels"]
    assert page.evaluate("document.querySelectorAll('#nearest canvas').length") == 5


def test_another_network_is_looked_into(page: Page, server: Server) -> None:
    draw(page, DIGITS[3])
    assert page.evaluate("document.querySelectorAll('#layers canvas').length") == 9
    before = page.evaluate("document.querySelector('#gradient').toDataURL()")
    page.click("#networks [value=perceptron] + span")
    page.wait_for("document.querySelectorAll('#layers canvas').length === 5")
    assert "The perceptron network gives it" in page.text("#verdict")
    assert page.evaluate("document.querySelector('#gradient').toDataURL()") != before
    captions = page.evaluate(
        "[...document.querySelectorAll('#layers figcaption')].map(e => e.innerText)"
    )
    assert captions == ["Linear 100", "ReLU 100", "Linear 200", "ReLU 200", "Linear 10"]
    # where the pointer rests on the last layer, its number is told
    x, y, width, height = page.box("#layers figure:last-child canvas")
    page.send("Input.dispatchMouseEvent", type="mouseMoved", x=x + 0.35 * width, y=y + 0.3 * height)
    title = page.evaluate("document.querySelector('#layers figure:last-child canvas').title")
    tiles = last(page)["found"]["look"]["layers"][-1]["tiles"]
    numbers = np.frombuffer(base64.b64decode(tiles["numbers"]), np.int8)
    unit, _, value = title.partition(": ")
    assert unit == "unit 3"
    assert float(value) == pytest.approx(numbers[3] / 127 * tiles["largest"], rel=0.06)
    clean(page, server)


@pytest.mark.slow
def test_answer_comes_while_the_line_grows(page: Page) -> None:
    way = places(page, line((0.5, 0.15), (0.5, 0.85)))
    page.evaluate("document.querySelector('#pad').setPointerCapture = () => 0, 0")
    page.evaluate(
        f"""(async () => {{
          const pad = document.querySelector("#pad"), [[x, top], [, bottom]] = {json.dumps([way[0], way[-1]])};
          const tell = (kind, y) => pad.dispatchEvent(new PointerEvent(kind, {{ pointerId: 1, button: 0, clientX: x, clientY: y }}));
          window.seen = [];
          tell("pointerdown", top);
          for (let i = 0; i < 120; i++) {{
            tell("pointermove", top + ((bottom - top) * i) / 120);
            await new Promise((done) => setTimeout(done, 16));
            seen.push(document.querySelector("#seen").toDataURL());
          }}
        }})()"""
    )
    assert len(set(page.evaluate("seen"))) > 5  # pictures, before the pointer is lifted
    assert page.text("#verdict").startswith("1")
    page.click("#clear")  # while it still is not: what moves after that draws nothing
    page.evaluate(
        "document.querySelector('#pad').dispatchEvent(new PointerEvent('pointermove', {pointerId: 1})), 0"
    )
    page.wait_for("document.querySelector('#verdict.blank')")
    assert page.errors == []


def test_undo_and_clear(page: Page, server: Server) -> None:
    draw(page, DIGITS[4])
    page.click("#undo")
    settle(page)
    assert page.evaluate("drawn().length") == 1
    page.click("#clear")
    page.wait_for("document.querySelector('#verdict').innerText.includes('Nothing is drawn yet')")
    assert not page.evaluate("document.querySelector('#hint').hidden")
    assert page.evaluate("document.querySelectorAll('#layers canvas').length") == 0
    page.click("#undo")  # of nothing
    clean(page, server)


def test_test_image_is_shown_with_its_label(page: Page, server: Server) -> None:
    page.evaluate("document.querySelector('#example').focus(), 0")
    page.press("Enter")  # by the keyboard alone
    settle(page)
    body, found = last(page)["body"], last(page)["found"]
    label = int(server.session.digits.test_labels[body["example"]])
    answer = found["answers"]["convolutional"]["digit"]
    wanted = "That is right." if answer == label else f"It is a {label}."
    assert wanted in page.text("#verdict")
    draw(page, DIGITS[1])  # takes its place
    assert page.text("#verdict").startswith("1")
    clean(page, server)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_finger_draws_on_a_phone(
    dark: bool, server: Server, open_page: Callable[..., Page]
) -> None:
    page = opened(server, open_page, width=390, height=844, touch=True, dark=dark, scale=2)
    before = page.evaluate("scrollY")
    draw(page, DIGITS[7], touch=True)
    assert page.text("#verdict").startswith("7")
    page.evaluate("scrollTo(0, 0), 0")
    start = page.evaluate("scrollY")
    page.touch(places(page, line((0.5, 0.9), (0.5, 0.1))))
    assert page.evaluate("scrollY") == pytest.approx(max(start, before), abs=300)
    for selector in ("#clear", "#example", "#start", "#networks label"):
        assert page.box(selector)[3] >= 30  # large enough for a finger
    clean(page, server)


SLOW = [pytest.param(width, marks=pytest.mark.slow) for width in (390, 700, 900, 1920)]


@pytest.mark.parametrize("width", [320, 1280, *SLOW])
def test_nothing_reaches_over_the_edge(
    width: int, server: Server, open_page: Callable[..., Page]
) -> None:
    page = opened(server, open_page, width=width)
    draw(page, DIGITS[3])
    clean(page, server)


def test_colours_follow_the_system(page: Page) -> None:
    draw(page, DIGITS[1])
    ground = "getComputedStyle(document.body).backgroundColor"
    corner = "[...document.querySelector('#seen').getContext('2d').getImageData(0, 0, 1, 1).data]"
    light = page.evaluate(ground), page.evaluate(corner)
    page.viewport(dark=True)
    page.wait_for(f"{corner}[0] < 60")
    assert page.evaluate(ground) != light[0]
    page.viewport(dark=False)
    page.wait_for(f"String({corner}) === '{','.join(map(str, light[1]))}'")


def test_training_is_watched_and_stopped(page: Page, server: Server) -> None:
    draw(page, DIGITS[7])
    page.evaluate("document.querySelector('[name=epochs]').value = 50, 0")
    page.click("#start")
    page.wait_for("!document.querySelector('#stop').disabled")
    page.wait_for("document.querySelector('#loss .curve')?.points.length > 3")
    assert page.evaluate("document.querySelector('#networks :checked').value") == "yours"
    page.wait_for("sent.at(-1).body.network === 'yours'")
    page.wait_for("document.querySelector('#verdict').innerText.includes('network in training')")
    assert page.evaluate("document.querySelector('#start').disabled")
    assert "perceptron, Adam, rate 0.001: epoch" in page.text("#progress")
    first = page.evaluate("document.querySelector('#weights canvas').toDataURL()")
    page.wait_for(f"document.querySelector('#weights canvas').toDataURL() !== {json.dumps(first)}")
    page.click("#stop")
    page.wait_for("document.querySelector('#progress').innerText.startsWith('Stopped.')")
    assert page.evaluate("document.querySelector('#stop').disabled")
    steps = server.session.channel.state["training"]["step"]
    assert 0 < steps < 50 * 63
    clean(page, server)


def test_training_ends_by_itself_and_answers(page: Page, server: Server) -> None:
    draw(page, DIGITS[0])
    page.evaluate("document.querySelector('[name=epochs]').value = 3, 0")
    page.click("#start")
    page.wait_for("/^Trained.*epoch 3 of 3/.test(document.querySelector('#progress').innerText)")
    assert page.evaluate("document.querySelectorAll('#accuracy circle').length") == 3
    page.wait_for("document.querySelector('#verdict b').innerText === '0'")
    assert page.text("#table [data-model=yours] .digit") == "0"
    clean(page, server)


def test_rate_that_is_too_large_is_explained(page: Page, server: Server) -> None:
    page.evaluate(
        "document.querySelector('[name=rate]').value = '10',"
        " document.querySelector('[name=optimizer]').value = 'SGD',"
        " document.querySelector('[name=epochs]').value = 2, 0"
    )
    page.click("#start")
    page.wait_for(
        "document.querySelector('#progress').innerText.startsWith('Trained. perceptron, SGD, rate 10:')"
    )
    assert page.text("#progress").endswith("It has learned nothing: try a smaller learning rate.")
    clean(page, server)


def test_second_training_is_refused_with_a_sentence(page: Page, server: Server) -> None:
    page.evaluate("document.querySelector('[name=epochs]').value = 50, 0")
    page.click("#start")
    page.wait_for("!document.querySelector('#stop').disabled")
    page.evaluate("document.querySelector('form').requestSubmit(), 0")
    page.wait_for("!document.querySelector('#trouble').hidden")
    assert page.text("#trouble").startswith("The server refuses: one training at a time")
    page.click("#stop")
    page.wait_for("document.querySelector('#stop').disabled")
    assert [e for e in page.errors if "409" not in e] == []


def test_right_button_and_a_second_finger_draw_nothing(page: Page) -> None:
    x, y, width, height = page.box("#pad")
    for kind in ("mousePressed", "mouseMoved", "mouseReleased"):
        page.send(
            "Input.dispatchMouseEvent", type=kind, x=x + width / 2, y=y + height / 2, button="right"
        )
    page.wait_for("new Promise(done => setTimeout(() => done(true), 200))")
    assert page.evaluate("sent.length") == 0
    # a stroke that leaves the pad goes on at its edge
    page.drag([(x + width / 2, y + height / 2), (x + width / 2, y - 200), (x - 300, y - 200)])
    settle(page)
    assert page.evaluate("drawn()[0].at(-1)") == [0, 0]


def hide(page: Page, hidden: bool) -> None:
    page.evaluate(
        f"Object.defineProperty(document, 'hidden', {{ value: {json.dumps(hidden)}, configurable: true }}),"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )


def test_pages_that_are_not_seen_leave_connections_to_others(
    server: Server, open_page: Callable[..., Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    streams: list[object] = []
    stream = server_module.Handler._stream

    def counted(handler: server_module.Handler) -> None:
        streams.append(handler)
        try:
            stream(handler)
        finally:
            streams.remove(handler)

    def become(count: int) -> None:
        for _ in range(400):
            if len(streams) == count:
                return
            threading.Event().wait(0.05)
        raise AssertionError(f"{len(streams)} pages listen, not {count}")

    monkeypatch.setattr(server_module, "HEARTBEAT", 0.05)
    monkeypatch.setattr(server_module.Handler, "_stream", counted)
    page = opened(server, open_page)
    become(1)
    hide(page, True)
    become(0)  # the server finds out when it tries
    hide(page, False)
    become(1)
    draw(page, DIGITS[1])
    clean(page, server)


def test_server_that_was_started_again_has_no_network_in_training(
    page: Page, server: Server
) -> None:
    server.session.channel.publish(training=None)
    page.evaluate(
        "document.querySelector('[value=yours]').parentElement.hidden = false,"
        "document.querySelector('[value=yours]').click()"
    )
    hide(page, True)
    hide(page, False)  # so that it is told the state anew, in which nothing was trained
    page.wait_for("document.querySelector('#networks :checked').value === 'convolutional'")


def test_drawing_that_is_full_says_so(page: Page, server: Server) -> None:
    page.evaluate(
        """(() => {
          const box = document.querySelector('#pad').getBoundingClientRect();
          const event = (kind, i) => pad.dispatchEvent(new PointerEvent(kind, {
            pointerId: 1, button: 0, bubbles: true,
            clientX: box.left + box.width * (i % 97) / 97, clientY: box.top + box.height * (i % 89) / 89,
          }));
          const pad = document.querySelector('#pad');
          pad.setPointerCapture = () => {};
          event('pointerdown', 0);
          for (let i = 1; i < 4500; i++) event('pointermove', i);
          event('pointerup', 0);
        })()"""
    )
    page.wait_for("drawn().flat().length === 4000")
    assert "as many points as it may have" in page.text("#trouble")
    page.click("#undo")
    assert page.text("#trouble") == ""
    clean(page, server)


def test_trouble_is_seen_wherever_one_is_on_the_page(
    server: Server, open_page: Callable[..., Page]
) -> None:
    page = opened(server, open_page, width=390, height=844, touch=True)
    page.evaluate(
        "document.querySelector('#trouble').hidden = false,"
        "document.querySelector('#trouble').textContent = 'The server refuses.'"
    )
    for place in ("#training form", "#layers", "#pad"):
        page.box(place)  # which scrolls there
        top, bottom = page.evaluate(
            "(({ top, bottom }) => [top, bottom])(document.querySelector('#trouble').getBoundingClientRect())"
        )
        assert 0 <= top < bottom <= 844
    assert page.sideways() == []
