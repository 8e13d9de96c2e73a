"""The server answers its own page, and refuses all else with a sentence."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.playground import server as server_module
from tinygrad_mnist.playground.messages import (
    MOST_POINTS,
    RequestError,
    parse,
    read_question,
    read_settings,
)
from tinygrad_mnist.playground.server import HEADERS, MOST_BYTES, Server
from tinygrad_mnist.playground.session import Session

ASSETS = {path.name for path in (Path(server_module.__file__).parent / "assets").iterdir()}
STROKES = [[[0.3, 0.2], [0.7, 0.2], [0.4, 0.8]]]
QUESTION = {"network": "perceptron", "strokes": STROKES}
TRAINING = {"network": "perceptron", "optimizer": "Adam", "rate": 0.001, "epochs": 1}


@contextmanager
def served(session: Session) -> Iterator[Server]:
    with Server(session) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield opened
        session.close()
        opened.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def idle(few: Digits) -> Iterator[Server]:
    """A server of a session in which nothing is ready."""
    with served(Session(few, lambda line: None)) as opened:
        yield opened


def ask(
    server: Server, method: str, path: str, body: bytes | None = None, **headers: str | None
) -> tuple[int, Any, http.client.HTTPMessage]:
    """Send a request as the page does, but for the headers that are given; None leaves one out."""
    own = server.url.rstrip("/")
    sent: dict[str, str | None] = {"Host": own.removeprefix("http://")}
    if method == "POST":
        sent |= {"Origin": own, "Content_Type": "application/json"}
        sent |= {"Content_Length": str(len(body or b""))}
    sent |= headers
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=20)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in sent.items():
        if value is not None:
            connection.putheader(name.replace("_", "-"), value)
    connection.endheaders(body)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.headers["Content-Type"] == "application/json" and content:
        return response.status, json.loads(content), response.headers
    return response.status, content, response.headers


def post(server: Server, path: str, found: object, **headers: str | None) -> tuple[int, Any]:
    return ask(server, "POST", path, json.dumps(found).encode(), **headers)[:2]


# what it serves


def test_page_and_its_files_are_served_with_their_types(idle: Server) -> None:
    kinds = {"html": "text/html; charset=utf-8", "css": "text/css; charset=utf-8",
             "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}  # fmt: skip
    for name in ASSETS:
        path = "/" if name == "index.html" else f"/{name}"
        status, content, headers = ask(idle, "GET", path)
        assert status == 200 and headers["Content-Type"] == kinds[name.rpartition(".")[2]]
        assert content == (Path(server_module.__file__).parent / "assets" / name).read_bytes()
        status, content, headers = ask(idle, "HEAD", path)
        assert status == 200 and content == b"" and int(headers["Content-Length"]) > 0


def test_files_ask_for_nothing_outside_and_hold_no_inline_code() -> None:
    for name in ASSETS:
        text = (Path(server_module.__file__).parent / "assets" / name).read_text()
        for line in text.splitlines():
            if "http" in line:
                assert "www.w3.org/2000/svg" in line, line  # a name, which nobody asks for
        assert "eval(" not in text and "innerHTML" not in text and "style=" not in text


@pytest.mark.parametrize("path", ["/", "/style.css", "/none", "/api/answer"])
def test_every_answer_is_locked_down(idle: Server, path: str) -> None:
    headers = ask(idle, "GET", path)[2]
    for name, value in HEADERS.items():
        assert headers[name] == value
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    assert headers["Server"].strip() == "tinygrad_mnist"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.parametrize(
    "path",
    [
        "/index.html", "/nothing", "/assets/main.js", "/../server.py", "/%2e%2e/server.py",
        "/..%2f..%2f..%2fetc/passwd", "//etc/passwd", "/./main.js", "/main.js/", "/main.js?x=1",
        "/main.js%00", "/\\..\\server.py", "/__init__.py", "http://example.org/", "*", "/api/news/x",
    ],
)  # fmt: skip
def test_no_path_leads_anywhere_else(idle: Server, path: str) -> None:
    status, found, _ = ask(idle, "GET", path)
    assert (status, found) == (404, {"error": "there is no such page"})


def test_it_listens_on_this_computer_only(idle: Server) -> None:
    assert idle.server_address[0] == "127.0.0.1"
    names = socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
    for address in {name[4][0] for name in names} - {"127.0.0.1"}:
        if not str(address).startswith("127."):
            with pytest.raises(OSError):
                socket.create_connection((address, idle.server_port), timeout=2)


# who may ask


@pytest.mark.parametrize(
    "host", [None, "", "example.org", "127.0.0.1", "localhost", "127.0.0.1:1", "0.0.0.0:PORT",
             "localhost.example.org:PORT", "127.0.0.1:PORT.example.org", "[::1]:PORT", "x@127.0.0.1:PORT"],
)  # fmt: skip
def test_another_host_is_refused(idle: Server, host: str | None) -> None:
    host = host and host.replace("PORT", str(idle.server_port))
    for method, path in (("GET", "/"), ("GET", "/api/news"), ("POST", "/api/stop")):
        status, found, _ = ask(idle, method, path, Host=host)
        assert status == 421 and found["error"].startswith("this page is at http://127.0.0.1:")


def test_localhost_is_this_host_too(idle: Server) -> None:
    own = f"localhost:{idle.server_port}"
    assert ask(idle, "GET", "/", Host=own)[0] == 200
    assert post(idle, "/api/answer", QUESTION, Host=own, Origin=f"http://{own}")[0] == 200


@pytest.mark.parametrize(
    "origin", ["null", "", "http://example.org", "https://127.0.0.1:PORT", "http://127.0.0.1",
               "http://localhost:PORT", "http://127.0.0.1:PORT/", "http://127.0.0.1:PORT.example.org"],
)  # fmt: skip
def test_another_origin_is_refused(idle: Server, origin: str) -> None:
    origin = origin.replace("PORT", str(idle.server_port))
    for method, path in (("GET", "/"), ("GET", "/api/news"), ("POST", "/api/train")):
        status, found, _ = ask(idle, method, path, Origin=origin)
        assert (status, found) == (403, {"error": "requests from other pages are refused"})


def test_request_of_another_site_without_an_origin_is_refused(idle: Server) -> None:
    for site in ("cross-site", "same-site"):
        assert ask(idle, "GET", "/main.js", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")[0] == 403
        assert ask(idle, "GET", "/api/news", Sec_Fetch_Site=site)[0] == 403
    assert ask(idle, "GET", "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    for site in ("same-origin", "none"):
        assert ask(idle, "GET", "/main.js", Sec_Fetch_Site=site)[0] == 200


def test_what_is_posted_names_its_origin_and_is_json(idle: Server) -> None:
    body = json.dumps(QUESTION).encode()
    assert ask(idle, "POST", "/api/answer", body)[0] == 200
    assert ask(idle, "POST", "/api/answer", body, Origin=None)[0] == 403
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        assert ask(idle, "POST", "/api/answer", body, Content_Type=kind)[0] == 415
    kind = "application/json; charset=utf-8"
    assert ask(idle, "POST", "/api/answer", body, Content_Type=kind)[0] == 200


# sizes


@pytest.mark.parametrize(
    ("length", "status"),
    [
        (None, 411), ("", 411), ("-1", 400), ("+5", 400), ("1e3", 400), ("0x10", 400), ("٣", 400),
        ("5, 5", 400), (str(MOST_BYTES + 1), 413), ("9" * 30, 413),
    ],
)  # fmt: skip
def test_body_whose_length_is_not_known_or_too_large_is_refused(
    idle: Server, length: str | None, status: int
) -> None:
    if length == "٣":
        reply = raw(idle, head(idle, "POST", "/api/answer") + "Content-Length: ٣\r\n\r\n".encode())
        assert reply.startswith(b"HTTP/1.1 400")
        return
    found = ask(idle, "POST", "/api/answer", None, Content_Length=length)
    assert found[0] == status and found[1]["error"]
    assert found[2]["Connection"] == "close"


def test_chunked_body_is_refused(idle: Server) -> None:
    found = ask(idle, "POST", "/api/answer", None, Transfer_Encoding="chunked")
    assert found[0] == 411


def test_drawing_of_the_most_points_fits_into_the_largest_body(idle: Server) -> None:
    strokes = [[[0.1234, 0.1234]] * (MOST_POINTS // 8)] * 8
    body = json.dumps({"network": "perceptron", "strokes": strokes}).encode()
    assert len(body) < MOST_BYTES
    assert ask(idle, "POST", "/api/answer", body)[0] == 200
    strokes[0] = [*strokes[0], [0.1, 0.1]]
    status, found = post(idle, "/api/answer", {"network": "perceptron", "strokes": strokes})
    assert (status, found) == (400, {"error": "a drawing may have 4000 points at most"})


# raw bytes


def raw(server: Server, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(2**16):
            found += piece
        return found


def head(server: Server, method: str, path: str) -> bytes:
    own = f"127.0.0.1:{server.server_port}"
    return (
        f"{method} {path} HTTP/1.1\r\nHost: {own}\r\nOrigin: http://{own}\r\n"
        f"Content-Type: application/json\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", b"400"),  # TLS
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n", b"431"),
        (b"GET / HTTP/1.1\r\nA: " + b"b" * 70_000 + b"\r\n\r\n", b"431"),
        (b"PUT / HTTP/1.1\r\n\r\n", b"501"),
        (b"OPTIONS /api/answer HTTP/1.1\r\n\r\n", b"501"),
        (b"CONNECT 127.0.0.1:80 HTTP/1.1\r\n\r\n", b"501"),
    ],
)
def test_malformed_request_is_refused_without_html(
    idle: Server, data: bytes, status: bytes
) -> None:
    reply = raw(idle, data)
    assert reply.split(b" ")[1] == status, reply[:100]
    assert b"<" not in reply and b"Content-Security-Policy" in reply
    assert json.loads(reply.partition(b"\r\n\r\n")[2])["error"]


def test_header_that_is_there_twice_is_refused(idle: Server) -> None:
    start = head(idle, "POST", "/api/stop")
    for line in (
        b"Host: a\r\n",
        b"Origin: a\r\n",
        b"Content-Type: a\r\n",
        b"Content-Length: 2\r\n",
    ):
        reply = raw(idle, start + line + b"Content-Length: 2\r\n\r\n{}")
        assert reply.startswith(b"HTTP/1.1 400") and b"is there 2 times" in reply


def test_body_that_ends_early_is_refused(idle: Server) -> None:
    reply = raw(idle, head(idle, "POST", "/api/stop") + b"Content-Length: 50\r\n\r\n{}")
    assert reply.startswith(b"HTTP/1.1 400") and b"shorter than announced" in reply


def test_what_follows_a_refused_request_is_not_read_as_another(idle: Server) -> None:
    hidden = head(idle, "GET", "/") + b"\r\n"
    start = head(idle, "POST", "/nothing") + f"Content-Length: {len(hidden)}\r\n\r\n".encode()
    assert raw(idle, start + hidden).count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("header", ["Content-Length: 40", "Transfer-Encoding: chunked"])
def test_page_that_is_asked_for_with_a_body_is_refused(idle: Server, header: str) -> None:
    second = b"GET /icon.svg HTTP/1.1\r\nHost: x\r\n\r\n"  # which would be read as another request
    with socket.create_connection(("127.0.0.1", idle.server_port), timeout=20) as connection:
        connection.sendall(head(idle, "GET", "/") + f"{header}\r\n\r\n".encode() + second)
        found = b""
        while part := connection.recv(2**16):
            found += part
    assert found.startswith(b"HTTP/1.1 400") and found.count(b"HTTP/1.1") == 1


def test_several_requests_share_a_connection(idle: Server) -> None:
    body = json.dumps(QUESTION).encode()
    one = head(idle, "POST", "/api/answer") + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    assert raw(idle, one * 3).count(b"HTTP/1.1 200") == 3


def test_browser_that_says_nothing_is_not_waited_for(
    idle: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module.Handler, "timeout", 0.2)
    for start in (
        b"",
        b"GET / HT",
        head(idle, "POST", "/api/stop") + b"Content-Length: 9\r\n\r\n{",
    ):
        with socket.create_connection(("127.0.0.1", idle.server_port), timeout=20) as connection:
            connection.sendall(start)
            assert connection.recv(100) == b""


def test_too_many_connections_are_hung_up_on(few: Digits, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "MOST_CONNECTIONS", 2)
    with served(Session(few, lambda line: None)) as server:
        address = ("127.0.0.1", server.server_port)
        held = [socket.create_connection(address, timeout=20) for _ in range(2)]
        for connection in held:  # which are answered, so that they have their places
            connection.sendall(head(server, "GET", "/icon.svg") + b"\r\n")
            assert connection.recv(100)
        with socket.create_connection(address, timeout=20) as third:
            assert third.recv(100) == b""
        for connection in held:
            connection.close()


# what is asked


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"", "not JSON"), (b"{", "not JSON"), (b"\xff", "not JSON"), (b"[]", "a JSON object"),
        (b"[" * 50_000, "not JSON"), (b'{"a":' * 20_000, "not JSON"), (b"NaN", "NaN is no JSON"),
        (b'{"strokes": [[[0, Infinity]]]}', "Infinity is no JSON"), (b"1" * 9000, "not JSON"),
        (b'{"network": "perceptron"}', "either 'strokes' or 'example'"),
    ],
)  # fmt: skip
def test_body_that_is_no_question_gets_a_sentence(idle: Server, body: bytes, sentence: str) -> None:
    status, found, _ = ask(idle, "POST", "/api/answer", body)
    assert status == 400 and sentence in found["error"], found


BAD_POINTS: list[Any] = [
    [0.5], [0.5, 0.5, 0.5], [-0.1, 0.5], [0.5, 1.01], ["0", 0.5], [True, 0.5], [None, 0.5], 0.5, {},
    "ab", [[0], 0.5], [1e999, 0.5], [10**400, 0],
]  # fmt: skip


@pytest.mark.parametrize("point", BAD_POINTS, ids=str)
def test_bad_point_is_refused(point: Any) -> None:
    with pytest.raises(RequestError, match="a point"):
        read_question({"network": "perceptron", "strokes": [[[0.5, 0.5], point]]}, 10)


BAD_QUESTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "'network' must be one of perceptron, convolutional, yours"),
    ({"network": 1, "strokes": STROKES}, "'network' must be one of"),
    ({"network": ["perceptron"], "strokes": STROKES}, "'network' must be one of"),
    ({"network": "../x", "strokes": STROKES}, "'network' must be one of"),
    ({"network": "yours", "strokes": STROKES, "example": 1}, "either 'strokes' or 'example'"),
    ({"network": "yours", "strokes": STROKES, "more": 1}, "either 'strokes' or 'example'"),
    ({"network": "yours", "strokes": []}, "at least one stroke"),
    ({"network": "yours", "strokes": {"0": 1}}, "at least one stroke"),
    ({"network": "yours", "strokes": [[]]}, "at least one point"),
    ({"network": "yours", "strokes": ["abc"]}, "at least one point"),
    ({"network": "yours", "example": -1}, "whole number from 0 to 9"),
    ({"network": "yours", "example": 10}, "whole number from 0 to 9"),
    ({"network": "yours", "example": 1.0}, "whole number from 0 to 9"),
    ({"network": "yours", "example": True}, "whole number from 0 to 9"),
    ({"network": "yours", "example": None}, "whole number from 0 to 9"),
]


@pytest.mark.parametrize(("question", "sentence"), BAD_QUESTIONS)
def test_bad_question_is_refused(question: dict[str, Any], sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence):
        read_question(question, 10)


@pytest.mark.parametrize(
    "change",
    [
        {"network": "yours"}, {"network": None}, {"optimizer": "eval"}, {"rate": 0}, {"rate": -1},
        {"rate": 11}, {"rate": "1"}, {"rate": True}, {"epochs": 0}, {"epochs": 51}, {"epochs": 2.5},
        {"epochs": "3"}, {"seed": 3}, {"rate": 10**400},
    ],
    ids=str,
)  # fmt: skip
def test_bad_settings_are_refused(change: dict[str, Any]) -> None:
    assert read_settings(TRAINING).rate == 0.001
    with pytest.raises(RequestError, match=r"must be|a training has"):
        read_settings(TRAINING | change)
    with pytest.raises(RequestError, match="a training has"):
        read_settings({"network": "perceptron"})


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.fixed_dictionaries({"network": st.sampled_from(["perceptron", "yours"]) | values},
                             optional={n: values for n in ("strokes", "example", "optimizer", "rate", "epochs")}))  # fmt: skip
def test_whatever_is_sent_is_understood_or_refused(found: dict[str, Any]) -> None:
    for reader in (lambda: read_question(found, 10), lambda: read_settings(found)):
        try:
            reader()
        except RequestError:
            pass


@given(st.binary(max_size=200))
def test_whatever_bytes_are_sent_are_json_or_refused(body: bytes) -> None:
    try:
        assert isinstance(parse(body), dict)
    except RequestError:
        pass


# what it answers


def test_drawing_is_answered(server: Server) -> None:
    status, found = post(server, "/api/answer", QUESTION)
    assert status == 200 and set(found) == {"image", "answers", "look"}
    assert set(found["answers"]) >= {
        "perceptron",
        "convolutional",
        "gaussian",
        "logistic",
        "nearest",
    }
    assert found["look"]["gradient"]["height"] == 28


def test_held_out_digit_is_answered_with_its_label(server: Server) -> None:
    labels = server.session.digits.test_labels
    found = [
        post(server, "/api/answer", {"network": "perceptron", "example": i})[1] for i in range(9)
    ]
    assert [answer["label"] for answer in found] == labels[:9].tolist()
    assert post(server, "/api/answer", {"network": "perceptron", "example": 1000})[0] == 400


def test_news_are_streamed_and_a_training_is_refused_while_one_runs(server: Server) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=60)
    connection.request("GET", "/api/news")
    response = connection.getresponse()
    assert response.headers["Content-Type"] == "text/event-stream"
    assert post(server, "/api/train", TRAINING | {"epochs": 50})[0] == 200
    status, found = post(server, "/api/train", TRAINING)
    assert status == 409 and found["error"].startswith("one training at a time")

    def news() -> Any:
        while not (line := response.readline()).startswith(b"data: "):
            assert line in (b"\n", b":\n")
        return json.loads(line[6:])

    state: Any = news()
    while not (training := state["training"]) or training["ended"] or not training["losses"]:
        state = news()
    assert training["epochs"] == 50 and state["examples"] == 1000
    assert post(server, "/api/stop", {})[0] == 200
    while not (state := news())["training"]["ended"]:
        pass
    assert state["training"]["ended"] == "stopped"
    assert post(server, "/api/stop", {}) == (409, {"error": "no training is running"})
    connection.close()


def test_quiet_stream_finds_out_that_nobody_listens(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "HEARTBEAT", 0.05)
    with socket.create_connection(("127.0.0.1", server.server_port), timeout=20) as connection:
        connection.sendall(head(server, "GET", "/api/news") + b"\r\n")
        found = b""
        while b":\n\n:\n\n" not in found:
            found += connection.recv(2**16)
        before = threading.active_count()
    for _ in range(200):
        if threading.active_count() < before:
            return
        threading.Event().wait(0.05)
    raise AssertionError("the stream goes on")


def test_error_of_the_inside_is_an_answer_without_its_words(
    idle: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*args: object) -> None:
        raise ZeroDivisionError("a secret of the inside")

    monkeypatch.setattr(idle.session, "answer", fail)
    status, found = post(idle, "/api/answer", QUESTION)
    assert (status, found) == (500, {"error": "this went wrong; the terminal says how"})
    assert "a secret of the inside" in capsys.readouterr().err


def test_many_clients_are_answered_at_once(server: Server) -> None:
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda: found.append(post(server, "/api/answer", QUESTION)))
        for _ in range(24)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 24 and all(answer == found[0] for answer in found)
    assert found[0][0] == 200
