"""Serve the page that draws, and open it: ``python -m tinygrad_mnist.playground``."""

from __future__ import annotations

import argparse
import contextlib
import errno
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tinygrad_mnist.playground.server import Server
    from tinygrad_mnist.playground.session import Session

PORT = 8765


def options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        prog="python -m tinygrad_mnist.playground",
        description="Open a page on which one draws a digit, and sees what the models answer, why, "
        "and how a network learns. It is served to this computer only.",
    )
    parser.add_argument(
        "--port", type=_port, default=None,
        help=f"port to serve at; 0 is any that is free ({PORT} unless given, or any free one where "
        f"that is taken)",
    )  # fmt: skip
    parser.add_argument(
        "--no-browser", action="store_true", help="print the address, and open no browser"
    )
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 2**16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 0 to 65535")
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    """Load the digits, serve, and end at Ctrl-C."""
    args = options(arguments)
    try:
        _serve(args)
    except KeyboardInterrupt:
        _say("\nstopped")
    except (ImportError, OSError) as error:
        sys.exit(f"error: {error}")


def _serve(args: argparse.Namespace) -> None:
    from tinygrad_mnist._runtime import threads
    from tinygrad_mnist.datasets import load_sample
    from tinygrad_mnist.playground.session import Session

    threads.set_deterministic(True)  # the same settings give the same training, whenever
    session = Session(load_sample(), _say)
    try:
        with _listen(session, args.port) as server:
            _say(f"{server.url} (Ctrl-C ends it)")
            session.start()
            if not args.no_browser:
                threading.Thread(target=webbrowser.open, args=(server.url,), daemon=True).start()
            server.serve_forever()
    finally:
        session.close()


def _say(line: str) -> None:
    """Print a line, where somebody still reads."""
    with contextlib.suppress(OSError, ValueError):  # a pipe whose reader has gone; no terminal
        print(line, flush=True)


def _listen(session: Session, port: int | None) -> Server:
    """Return a server at a port: the one that was asked for, or the usual one if it is free."""
    from tinygrad_mnist.playground.server import Server

    try:
        return Server(session, PORT if port is None else port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        if port is None:
            return Server(session, 0)
        why = "is in use" if error.errno == errno.EADDRINUSE else "may not be used"
        raise OSError(f"--port: {port} {why}; give another, or 0 for any that is free") from error


if __name__ == "__main__":
    main()
