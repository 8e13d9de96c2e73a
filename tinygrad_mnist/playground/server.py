"""The server of the page: for this computer's browser, and for nobody and nothing else.

It listens on 127.0.0.1 only. A request must name that address, or localhost, as its host: a page of
another site, whose name is made to lead here, has its own name there. It must not come from a page
of another origin. What is served is a table of files, read at the start; no path leads anywhere
else.
"""

from __future__ import annotations

import json
import os
import socketserver
import sys
import threading
import traceback
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from typing import Any

from tinygrad_mnist.playground.drawing import rasterise
from tinygrad_mnist.playground.messages import RequestError, parse, read_question, read_settings
from tinygrad_mnist.playground.session import BusyError, Session

MOST_BYTES = 2**17
"""The largest body of a request; a drawing of all the points that are allowed has less."""

MOST_CONNECTIONS = 64
HEARTBEAT = 5.0
"""Seconds without news after which a page that listens is tried."""

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def read_assets() -> dict[str, tuple[str, bytes]]:
    """Return type and content of each file that is served, by its path."""
    folder = resources.files("tinygrad_mnist.playground") / "assets"
    found = {}
    for file in folder.iterdir():
        kind = TYPES.get(file.name.rpartition(".")[2])
        if kind is not None:
            found[f"/{file.name}"] = kind, file.read_bytes()
    found["/"] = found.pop("/index.html")
    return found


class RefusedError(Exception):
    """A request isn't answered as it wishes: the status, and a sentence."""

    def __init__(self, status: HTTPStatus, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Server(ThreadingHTTPServer):
    """A server for one session.

    Parameters
    ----------
    session
        What answers.
    port
        The port; 0 is any that is free.
    """

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = os.name == "posix"  # elsewhere it would share a port with another program

    def __init__(self, session: Session, port: int = 0) -> None:
        self.session = session
        self.assets = read_assets()
        self._places = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(("127.0.0.1", port), Handler)
        self.names = {f"{host}:{self.server_port}" for host in ("127.0.0.1", "localhost")}
        if self.server_port == 80:
            self.names |= {"127.0.0.1", "localhost"}

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server_port}/"

    def server_bind(self) -> None:
        """Bind, without asking the network for the name of this computer, as the base would."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or hang up when there are too many."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and make place for another."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a browser that hangs up or waits too long."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of a browser."""

    server: Server
    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.0"  # what names no version gets headers, too
    server_version, sys_version = "tinygrad_mnist", ""
    timeout = 10  # seconds that it waits for a browser

    def log_message(self, *args: Any) -> None:
        """Keep the terminal for what matters."""

    def do_GET(self) -> None:
        """Serve a file of the page, or the stream of news."""
        self._answer(self._get)

    def do_HEAD(self) -> None:
        """Say what a file of the page is like."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Answer a drawing, begin or stop a training."""
        self._answer(self._post)

    def _answer(self, method: Any) -> None:
        try:
            self._check_origin()
            method()
        except RefusedError as error:
            self.send_error(error.status, str(error))
        except RequestError as error:
            self.send_error(HTTPStatus.BAD_REQUEST, str(error))
        except BusyError as error:
            self.send_error(HTTPStatus.CONFLICT, str(error))
        except OSError:  # the browser has gone
            raise
        except Exception:
            traceback.print_exc()
            self.send_error(
                HTTPStatus.INTERNAL_SERVER_ERROR, "this went wrong; the terminal says how"
            )

    def _check_origin(self) -> None:
        """Refuse what another site's page may have sent."""
        host, origin = self._header("Host"), self._header("Origin")
        if host not in self.server.names:
            raise RefusedError(
                HTTPStatus.MISDIRECTED_REQUEST,
                f"this page is at {self.server.url} and nowhere else",
            )
        if origin not in (None, f"http://{host}"):
            raise RefusedError(HTTPStatus.FORBIDDEN, "requests from other pages are refused")
        site = self._header("Sec-Fetch-Site")
        visit = self.command == "GET" and self._header("Sec-Fetch-Mode") == "navigate"
        if site not in (None, "same-origin", "none") and not visit:
            raise RefusedError(HTTPStatus.FORBIDDEN, "requests from other pages are refused")

    def _header(self, name: str) -> str | None:
        """Return a header that may be there once."""
        values = self.headers.get_all(name, [])
        if len(values) > 1:
            raise RefusedError(
                HTTPStatus.BAD_REQUEST, f"the header {name} is there {len(values)} times"
            )
        return values[0] if values else None

    def _get(self) -> None:
        if self._header("Transfer-Encoding") or self._header("Content-Length") not in (None, "0"):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "a request for a page has no body")
        if self.path == "/api/news" and self.command == "GET":
            self._stream()
        elif self.path in self.server.assets:
            self._send(HTTPStatus.OK, *self.server.assets[self.path])
        else:
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")

    def _post(self) -> None:
        session = self.server.session
        if self.path not in ("/api/answer", "/api/train", "/api/stop"):
            raise RefusedError(HTTPStatus.NOT_FOUND, "there is no such page")
        found = parse(self._body())
        if self.path == "/api/train":
            session.train(read_settings(found))
            self._send_json({})
        elif self.path == "/api/stop":
            session.stop()
            self._send_json({})
        else:
            network, drawn = read_question(found, len(session.digits.test_labels))
            if isinstance(drawn, int):
                image = session.digits.test_images[drawn].reshape(28, 28)
                label = int(session.digits.test_labels[drawn])
                self._send_json(session.answer(image, network) | {"label": label})
            else:
                self._send_json(session.answer(rasterise(drawn), network))

    def _body(self) -> bytes:
        """Read the body of a request, when its size is known and small."""
        if self._header("Origin") is None:
            raise RefusedError(
                HTTPStatus.FORBIDDEN, "a request that is posted must name its origin"
            )
        if (self._header("Content-Type") or "").partition(";")[0].strip() != "application/json":
            raise RefusedError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the body must be application/json"
            )
        length = self._header("Content-Length") or ""
        if self._header("Transfer-Encoding") is not None or not length:
            raise RefusedError(HTTPStatus.LENGTH_REQUIRED, "the body must announce its length")
        if not (length.isascii() and length.isdigit()):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "Content-Length must be a whole number")
        if len(length) > 9 or int(length) > MOST_BYTES:
            raise RefusedError(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a body may have {MOST_BYTES} bytes at most"
            )
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            raise RefusedError(HTTPStatus.BAD_REQUEST, "the body is shorter than announced")
        return body

    def _stream(self) -> None:
        """Send the state at each change, as server-sent events, as long as the page listens."""
        self.close_connection = True
        self._send_head(HTTPStatus.OK, "text/event-stream")
        seen = 0
        while (news := self.server.session.channel.wait(seen, HEARTBEAT)) is not None:
            line = b":\n\n" if news[0] == seen else b"data: " + _json(news[1]) + b"\n\n"
            seen = news[0]
            self.wfile.write(line)
            self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send a sentence as JSON, also where the base class would send a page."""
        self.close_connection = True  # what may be left of the request is not read as another
        sentence = message or HTTPStatus(code).phrase
        self._send(HTTPStatus(code), "application/json", _json({"error": sentence}))

    def _send_json(self, found: Any) -> None:
        self._send(HTTPStatus.OK, "application/json", _json(found))

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self._send_head(status, kind, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def _send_head(self, status: HTTPStatus, kind: str, length: int | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        if self.close_connection:
            self.send_header("Connection", "close")
        for name, value in HEADERS.items():
            self.send_header(name, value)
        self.end_headers()


def _json(found: Any) -> bytes:
    return json.dumps(found, allow_nan=False, separators=(",", ":")).encode()
