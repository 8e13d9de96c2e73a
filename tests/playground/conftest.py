"""A session on part of the sample, with networks that are trained for seconds, and its server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tinygrad_mnist.datasets import Digits, load_sample
from tinygrad_mnist.playground import models
from tinygrad_mnist.playground.server import Server
from tinygrad_mnist.playground.session import Session
from tinygrad_mnist.playground.training import Settings

SHORT = {
    "perceptron": Settings("perceptron", epochs=4),
    "convolutional": Settings("convolutional", rate=2e-3, epochs=2),
}


@pytest.fixture(scope="session")
def digits() -> Digits:
    return load_sample()


@pytest.fixture(scope="session")
def few(digits: Digits) -> Digits:
    return Digits(
        *(array[:count] for array, count in zip(digits, (600, 600, 100, 100), strict=True))
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tinygrad_mnist" / "playground"


@pytest.fixture(scope="session")
def session(digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session that is ready."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setattr(models, "TRAINED", SHORT)
        opened = Session(digits, lambda line: None)
        opened.start()
        prepared(opened)
    yield opened
    opened.close()


def prepared(session: Session, seconds: float = 120) -> None:
    """Wait until the models of a session are ready."""
    seen = 0
    while True:
        news = session.channel.wait(seen, seconds)
        assert news is not None and news[0] != seen, f"nothing new for {seconds} seconds"
        seen, state = news
        if state["preparing"] is None:
            assert state["failed"] is None
            return


@pytest.fixture(scope="session")
def server(session: Session) -> Iterator[Server]:
    with Server(session) as opened:
        thread = threading.Thread(target=opened.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield opened
        opened.shutdown()
        thread.join()
