"""A headless Chromium for tests of pages, driven over its DevTools protocol.

>>> with Browser() as browser:                                  # doctest: +SKIP
...     page = browser.page(width=390, height=844, touch=True, dark=True)
...     page.goto("http://127.0.0.1:8765/")                     # or a file:// address
...     page.wait_for("document.querySelector('#pad')")
...     page.click("#clear")
...     page.evaluate("1 + 1")
...     page.screenshot("out/page.png")
...     assert not page.errors and page.requests == ["http://127.0.0.1:8765/"]

In a test the fixture ``page`` gives a page (see conftest.py); where there is no Chromium, it skips. The
variable ``CHROMIUM`` may name the program.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--headless", "--remote-debugging-port=0", "--no-first-run", "--no-default-browser-check",
    "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
    "--force-color-profile=srgb",
    # No name leads anywhere: a test that needs the network fails here as it would elsewhere.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost",
)  # fmt: skip
PATIENCE = 30.0
"""Seconds that anything may take."""


def program() -> str | None:
    """Return the path of Chromium, or of a browser of its kind."""
    names = [os.environ["CHROMIUM"]] if "CHROMIUM" in os.environ else PROGRAMS
    return next(filter(None, map(shutil.which, names)), None)


class Browser:
    """One Chromium with an empty profile; it ends with the block."""

    def __init__(self) -> None:
        path = program()
        if path is None:
            pytest.skip("no Chromium is installed, and CHROMIUM names none")
        websocket = pytest.importorskip("websocket", reason="websocket-client is not installed")
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        self._process = subprocess.Popen(
            [path, *SWITCHES, *root, f"--user-data-dir={self._profile.name}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            address = self._address(Path(self._profile.name) / "DevToolsActivePort")
            self._socket = websocket.create_connection(
                address, suppress_origin=True, timeout=PATIENCE
            )
        except BaseException:
            self.close()
            raise
        self._number = 0
        self._pages: dict[str, Page] = {}

    def _address(self, file: Path) -> str:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError, ValueError):
                port, path = file.read_text().split()
                return f"ws://127.0.0.1:{port}{path}"
            time.sleep(0.05)
        raise RuntimeError("Chromium did not start")

    def page(self, **settings: Any) -> Page:
        """Open a page, with its own cookies and storage; the settings are those of ``viewport``."""
        context = self.send("Target.createBrowserContext")["browserContextId"]
        target = self.send("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.send("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = self._pages[attached["sessionId"]] = Page(self, attached["sessionId"], context)
        page._begin(**settings)
        return page

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return what it returns."""
        self._number += 1
        number = self._number
        message = {"id": number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": session} if session else {})))
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self.receive()
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
        raise TimeoutError(f"{method}: no answer for {PATIENCE:g} seconds")

    def receive(self) -> dict[str, Any]:
        """Read a message; an event goes to its page."""
        message: dict[str, Any] = json.loads(self._socket.recv())
        page = self._pages.get(message.get("sessionId", ""))
        if "method" in message and page is not None:
            page._hear(message["method"], message["params"])
        return message

    def close(self) -> None:
        """End the browser, and remove its profile."""
        if hasattr(self, "_socket"):
            self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._profile.cleanup()

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class Page:
    """A page of a browser.

    Attributes
    ----------
    errors : list[str]
        What the console has shown as a warning or an error, and what was thrown and not caught.
    requests : list[str]
        The address of every request, whether it was answered or not; without ``data:`` and ``blob:``.
    """

    def __init__(self, browser: Browser, session: str, context: str) -> None:
        self.errors: list[str] = []
        self.requests: list[str] = []
        self._browser, self._session, self._context = browser, session, context
        self._loaded = False

    def _begin(self, **settings: Any) -> None:
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.send(f"{domain}.enable")
        self.viewport(**settings)

    def _hear(self, event: str, found: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            details = found["exceptionDetails"]
            self.errors.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and found["type"] in (
            "error",
            "warning",
            "assert",
        ):
            self.errors.append(
                " ".join(str(v.get("value", v.get("description"))) for v in found["args"])
            )
        elif event == "Log.entryAdded" and found["entry"]["level"] in ("error", "warning"):
            self.errors.append(f"{found['entry']['text']} {found['entry'].get('url', '')}".strip())
        elif event == "Network.requestWillBeSent":
            if not found["request"]["url"].startswith(("data:", "blob:")):
                self.requests.append(found["request"]["url"])
        elif event == "Network.webSocketCreated":
            self.requests.append(found["url"])
        elif event == "Page.loadEventFired":
            self._loaded = True

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol for this page."""
        return self._browser.send(method, self._session, **parameters)

    def viewport(
        self, width: int = 1280, height: int = 900, *, touch: bool = False, dark: bool = False,
        scale: float = 1,
    ) -> None:  # fmt: skip
        """Set the size in CSS pixels, whether fingers are used, and the scheme of colours."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=scale, mobile=touch,
        )  # fmt: skip
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def goto(self, url: str) -> None:
        """Open an address, and wait until it has loaded."""
        self._loaded = False
        failed = self.send("Page.navigate", url=url).get("errorText")
        if failed:
            raise RuntimeError(f"{url}: {failed}")
        end = time.monotonic() + PATIENCE
        while not self._loaded:
            self._browser.receive()
            if time.monotonic() > end:
                raise TimeoutError(f"{url} did not load in {PATIENCE:g} seconds")

    def evaluate(self, script: str) -> Any:
        """Return the value of an expression of JavaScript; a promise is waited for."""
        found = self.send(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise RuntimeError(details.get("exception", {}).get("description") or details["text"])
        return found["result"].get("value")

    def wait_for(self, script: str, seconds: float = PATIENCE) -> Any:
        """Wait until an expression is true, and return its value; an element counts as true."""
        script = f"Promise.resolve({script}).then((v) => v instanceof Node || v)"
        end = time.monotonic() + seconds
        while not (value := self.evaluate(script)):
            if time.monotonic() > end:
                raise TimeoutError(f"not true in {seconds:g} seconds: {script}; {self.errors}")
            time.sleep(0.05)
        return value

    def text(self, selector: str) -> str:
        """Return the text of the first element that a selector finds, as it is shown."""
        return str(self.evaluate(f"document.querySelector({json.dumps(selector)}).innerText"))

    def box(self, selector: str) -> tuple[float, float, float, float]:
        """Scroll to an element, and return left, top, width and height in the viewport."""
        found = self.evaluate(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            " e.scrollIntoView({block: 'center', behavior: 'instant'});"
            " const b = e.getBoundingClientRect(); return [b.x, b.y, b.width, b.height]; })()"
        )
        return tuple(found)

    def click(self, selector: str) -> None:
        """Click on the middle of an element."""
        x, y, width, height = self.box(selector)
        self.drag([(x + width / 2, y + height / 2)])

    def drag(self, points: Sequence[tuple[float, float]]) -> None:
        """Press the mouse at the first point, move it through the others, and let it go."""

        def mouse(kind: str, x: float, y: float, **more: Any) -> None:
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", **more)

        mouse("mousePressed", *points[0], buttons=1, clickCount=1)
        for point in points[1:]:
            mouse("mouseMoved", *point, buttons=1)
        mouse("mouseReleased", *points[-1], buttons=0, clickCount=1)

    def touch(self, points: Sequence[tuple[float, float]]) -> None:
        """Put a finger on the first point, move it through the others, and lift it."""

        def finger(kind: str, *places: tuple[float, float]) -> None:
            self.send(
                "Input.dispatchTouchEvent",
                type=kind,
                touchPoints=[{"x": x, "y": y} for x, y in places],
            )

        finger("touchStart", points[0])
        for point in points[1:]:
            finger("touchMove", point)
        finger("touchEnd")

    def press(self, key: str, *, shift: bool = False, control: bool = False) -> None:
        """Press and let go a key: a letter, or a name such as ``ArrowRight``, ``Enter`` or ``Tab``."""
        codes = {
            "Backspace": 8, "Tab": 9, "Enter": 13, "Escape": 27, "PageUp": 33, "PageDown": 34,
            "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39,
            "ArrowDown": 40, "Delete": 46,
        }  # fmt: skip
        typed = {"Enter": "\r"}.get(key, key if len(key) == 1 and not control else "")
        code = codes.get(key, ord(key.upper()) if len(key) == 1 else 0)
        shared = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift + 2 * control}
        self.send(
            "Input.dispatchKeyEvent",
            type="keyDown" if typed else "rawKeyDown",
            text=typed,
            **shared,
        )
        self.send("Input.dispatchKeyEvent", type="keyUp", **shared)

    def type(self, text: str) -> None:
        """Put text where the focus is."""
        self.send("Input.insertText", text=text)

    def screenshot(self, path: str | os.PathLike[str], *, whole: bool = True) -> Path:
        """Write a picture of the whole page, or of what the viewport shows."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole,
                          **({"clip": self._whole()} if whole else {}))  # fmt: skip
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(found["data"]))
        return path

    def _whole(self) -> dict[str, float]:
        size = self.send("Page.getLayoutMetrics")["cssContentSize"]
        return {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}

    def sideways(self) -> list[str]:
        """Return the elements that reach beyond the page's right edge.

        Those that scroll by themselves don't count, nor does a drawer that waits outside.
        """
        found: list[str] = self.evaluate(
            """(() => {
              const wide = document.documentElement.clientWidth + 1;
              const inside = (e) => {
                for (let p = e; p && p !== document.body; p = p.parentElement) {
                  const style = getComputedStyle(p);
                  if (p !== e && style.overflowX !== "visible") return true;
                  if (style.position === "fixed" && p.getBoundingClientRect().left >= wide - 1)
                    return true;
                }
                return false;
              };
              return [...document.body.querySelectorAll("*")]
                .filter((e) => e.getBoundingClientRect().right > wide && !inside(e))
                .map((e) => e.tagName.toLowerCase() + (e.id && "#" + e.id));
            })()"""
        )
        return found

    def outside(self, *own: str) -> list[str]:
        """Return the requests to other addresses than those that begin with one of these."""
        return [url for url in self.requests if not url.startswith(own)]

    def close(self) -> None:
        """Close the page, and forget what it stored."""
        self._browser._pages.pop(self._session, None)
        self._browser.send("Target.disposeBrowserContext", browserContextId=self._context)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process."""
    with Browser() as opened:
        yield opened


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Callable[..., Page]]:
    """A function that opens a page; its settings are those of ``Page.viewport``."""
    pages: list[Page] = []

    def opened(**settings: Any) -> Page:
        pages.append(browser.page(**settings))
        return pages[-1]

    yield opened
    for page in pages:
        page.close()


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Page:
    """A page of 1280 x 900 pixels."""
    return open_page()
