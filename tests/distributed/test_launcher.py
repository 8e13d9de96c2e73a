"""The launcher starts processes, says which one was lost and why, and leaves none behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributed.several import environment, launch, state

from tinygrad_mnist.distributed.run import main

SAY = """
import os
names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "MASTER_ADDR", "OMP_NUM_THREADS")
print(*(os.environ[name] for name in names), flush=True)
"""
FAIL = """
import os, signal, sys, time
rank, how = int(os.environ["RANK"]), sys.argv[1]
if rank == 1:
    time.sleep(0.3)
    if how == "code":
        sys.exit(3)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "abort":  # as C++ does it
        print("terminate called\\n  what():  a length is wrong", file=sys.stderr, flush=True)
        os.abort()
    if how == "raise":
        raise KeyError("x")
if how == "deaf":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if rank == 0:
        time.sleep(2)
        sys.exit(5)
print("pid", os.getpid(), flush=True)
time.sleep(60)
"""


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return state(pid) != "Z"


def test_processes_know_which_they_are(tmp_path: Path) -> None:
    ended = launch(3, script(tmp_path, SAY))
    assert (ended.code, ended.err) == (0, "")
    assert sorted(ended.out.splitlines()) == [f"[{i}] {i} 3 {i} 3 127.0.0.1 1" for i in range(3)]


def test_one_of_several_hosts(tmp_path: Path) -> None:
    options = ("--nnodes=2", "--node-rank=1", "--master-addr", "host0", "--no-prefix")
    ended = launch(2, script(tmp_path, SAY), options=options)
    assert sorted(ended.out.splitlines()) == ["2 4 0 2 host0 1", "3 4 1 2 host0 1"]


def test_a_single_process_is_left_as_it_is(tmp_path: Path) -> None:
    code = "import sys; print(sys.argv[1:], file=sys.stderr)"
    ended = launch(1, script(tmp_path, code), "--epochs", 3)
    assert (ended.out, ended.err) == ("", "['--epochs', '3']\n")


@pytest.mark.parametrize(
    ("how", "words", "code"),
    [
        ("code", "rank 1 is lost: it has ended with exit code 3", 3),
        ("raise", "rank 1 is lost: it has ended with exit code 1", 1),
        ("kill", "rank 1 is lost: it was ended by the signal SIGKILL", 137),
        ("abort", "rank 1 is lost: it was ended by the signal SIGABRT: a length is wrong", 134),
    ],
)
def test_a_lost_process_ends_the_others_at_once(
    how: str, words: str, code: int, tmp_path: Path
) -> None:
    ended = launch(3, script(tmp_path, FAIL), how)
    assert (ended.code, ended.err.splitlines()[-1]) == (code, f"launcher: {words}")
    assert ended.seconds < 10
    pids = [int(line.split()[-1]) for line in ended.out.splitlines()]
    assert pids and not any(map(is_running, pids))


def test_what_a_process_has_started_ends_with_it(tmp_path: Path) -> None:
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=sys.stderr)
print(child.pid)
"""
    ended = launch(2, script(tmp_path, code))
    assert ended.code == 0
    assert not any(is_running(int(line.split()[-1])) for line in ended.out.splitlines())


@pytest.mark.slow
def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    ended = launch(2, script(tmp_path, FAIL), "deaf")
    assert ended.code == 5
    assert not is_running(int(ended.out.split()[-1]))


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_launcher(kind: signal.Signals, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tinygrad_mnist.distributed.run", "--nproc-per-node", "2"]
    launcher = subprocess.Popen(
        [*command, str(script(tmp_path, FAIL)), "none"], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert launcher.stdout is not None
    pids = [int(launcher.stdout.readline().split()[-1]) for _ in range(2)]
    launcher.send_signal(kind)
    err = launcher.communicate(timeout=20)[1]
    if kind != signal.SIGKILL:
        assert (launcher.returncode, "all processes have been ended" in err) == (130, True)
    end = time.monotonic() + 5
    while any(map(is_running, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_running, pids))


def test_a_job_is_started_anew(tmp_path: Path) -> None:
    code = """
import os, sys
time = int(os.environ["TORCHELASTIC_RESTART_COUNT"])
print(time, os.environ["TORCHELASTIC_MAX_RESTARTS"], flush=True)
sys.exit(4 if time < 2 and os.environ["RANK"] == "0" else 0)
"""
    ended = launch(2, script(tmp_path, code), options=("--max-restarts", 2))
    assert ended.code == 0
    assert [f"[0] {i} 2" in ended.out for i in range(3)] == [True] * 3
    said = [line for line in ended.err.splitlines() if line.startswith("launcher")]
    assert [line.rpartition(";")[2] for line in said] == [
        " starting all anew (1 of 2)", " starting all anew (2 of 2)"]  # fmt: skip
    ended = launch(2, script(tmp_path, code), options=("--max-restarts", 1))
    assert ended.code == 4 and ended.err.endswith("exit code 4\n")


def test_modules_and_programs_are_started_too() -> None:
    ended = launch(1, "json.tool", "--help", options=("--module",))
    assert ended.code == 0 and "json.tool" in ended.out
    ended = launch(2, "echo", "hello", options=("--no-python",))
    assert sorted(ended.out.splitlines()) == ["[0] hello", "[1] hello"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--nproc-per-node", "0", "x"], "0 is too small"),
        (["--nproc-per-node", "gpu", "x"], "there is no GPU"),
        (["--nproc-per-node", "-1", "x"], "is not a whole number"),
        (["--nnodes", "2", "x"], "several hosts need --master-addr"),
        (["--node-rank", "1", "x"], "isn't one of 1 hosts"),
        (["--heartbeat-timeout", "0", "x"], "0 is no time"),
        (["--rdzv-backend", "c10d", "x"], "unrecognized arguments: --rdzv-backend"),
        (["-m", "--no-python", "x"], "exclude each other"),
        (["--master-port", "70000", "x"], "70000 is no port"),
        (["nowhere.py"], "there is no script 'nowhere.py'"),
        (["--no-python", "nowhere"], "there is no program 'nowhere'"),
        ([], "required: script"),
    ],
)  # fmt: skip
def test_wrong_options_are_sentences(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    assert said in capsys.readouterr().err
