"""The launcher starts processes, says which one was lost and why, and leaves none behind."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from distributed.several import environment, launch, needs_jax, state

from tinygrad_mnist.distributed.launcher import GRACE
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


DEAF = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("pid", os.getpid(), flush=True)
time.sleep(60)
"""
COMMAND = [sys.executable, "-m", "tinygrad_mnist.distributed.run", "--nproc-per-node"]
INTERRUPTED = "launcher: interrupted; all processes have been ended\n"


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


def started_by(pid: int) -> set[int]:
    """Return the processes that a process has started, where Linux tells."""
    try:
        return {*map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())}
    except OSError:
        return set()


def catches(pid: int, kind: signal.Signals) -> bool:
    """Return whether a process has a handler of a signal; where Linux doesn't tell, it has."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return True
    caught = next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))
    return bool(caught >> (kind - 1) & 1)


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
        ("raise", "rank 1 is lost: it has ended with exit code 1; its last line: KeyError: 'x'", 1),
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
    launcher = subprocess.Popen(
        [*COMMAND, "2", str(script(tmp_path, FAIL)), "none"], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert launcher.stdout is not None
    pids = [int(launcher.stdout.readline().split()[-1]) for _ in range(2)]
    launcher.send_signal(kind)
    err = launcher.communicate(timeout=20)[1]
    if kind != signal.SIGKILL:
        assert (launcher.returncode, err) == (128 + kind, INTERRUPTED)
    end = time.monotonic() + 5
    while any(map(is_running, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(is_running, pids))


@pytest.mark.parametrize("how", ["none", pytest.param("deaf", marks=pytest.mark.slow)])
def test_signals_while_processes_start_and_end_leave_none(how: str, tmp_path: Path) -> None:
    """As ``timeout`` sends them, to the launcher and to its group; or whoever can't wait."""
    path, draw = script(tmp_path, FAIL), random.Random(how)
    for pause in (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8)[:: 3 if how == "deaf" else 1]:
        command = [*COMMAND, "4", str(path), how]
        launcher = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
        )
        end = time.monotonic() + 20
        while not catches(launcher.pid, signal.SIGTERM) and time.monotonic() < end:
            time.sleep(0.005)
        time.sleep(pause)
        found, start = started_by(launcher.pid), time.monotonic()
        kinds = draw.choices([signal.SIGINT, signal.SIGTERM], k=2)
        for kind in kinds:
            launcher.send_signal(kind)
            found |= started_by(launcher.pid)
            time.sleep(draw.choice([0, 0.001, 0.02]))
        err = launcher.communicate(timeout=20)[1]
        # Python takes signals that are there together by their numbers.
        assert launcher.returncode in [128 + kind for kind in kinds], (pause, err)
        assert err.splitlines(keepends=True)[-1] == INTERRUPTED
        assert not any(map(is_running, found))
        assert time.monotonic() - start < GRACE + 5


def test_who_interrupts_three_times_does_not_wait(tmp_path: Path) -> None:
    launcher = subprocess.Popen(
        [*COMMAND, "2", str(script(tmp_path, DEAF))], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert launcher.stdout is not None
    pids = [int(launcher.stdout.readline().split()[-1]) for _ in range(2)]
    start = time.monotonic()
    for _ in range(3):
        launcher.send_signal(signal.SIGINT)
        time.sleep(0.2)
    err = launcher.communicate(timeout=20)[1]
    assert (launcher.returncode, err) == (130, INTERRUPTED)
    assert time.monotonic() - start < GRACE
    assert not any(map(is_running, pids))


@pytest.mark.slow
def test_the_launcher_ends_though_somebody_else_holds_a_pipe(tmp_path: Path) -> None:
    code = """
import subprocess, sys
words = [sys.executable, "-c", "import time; time.sleep(60)"]
print(subprocess.Popen(words, start_new_session=True).pid)
"""
    ended = launch(2, script(tmp_path, code))
    assert ended.code == 0 and ended.seconds < 11
    for line in ended.out.splitlines():  # it has left its process's group on purpose
        os.kill(int(line.split()[-1]), signal.SIGKILL)


def test_the_last_line_of_a_process_is_told(tmp_path: Path) -> None:
    code = """
import sys
print("10%\\r100%\\rno more", file=sys.stderr)
print("\\n  ", file=sys.stderr)
print("this is no error")
sys.exit(2)
"""
    ended = launch(2, script(tmp_path, code))
    last = ended.err.splitlines()[-1]
    assert last.endswith(" is lost: it has ended with exit code 2; its last line: no more")


@needs_jax
@pytest.mark.parametrize("own", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_processes_that_have_met_end_when_they_are_told(own: bool, tmp_path: Path) -> None:
    code = """
import signal, sys, time
import tinygrad_mnist.distributed as dist
if sys.argv[1] == "True":
    signal.signal(signal.SIGTERM, lambda *_: (print("its own", flush=True), sys.exit(0)))
dist.init_process_group()
print("met", flush=True)
time.sleep(60)
"""
    launcher = subprocess.Popen(
        [*COMMAND, "2", str(script(tmp_path, code)), str(own)], stdout=subprocess.PIPE, text=True,
        stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert launcher.stdout is not None
    assert sorted(launcher.stdout.readline() for _ in range(2)) == ["[0] met\n", "[1] met\n"]
    start = time.monotonic()
    launcher.send_signal(signal.SIGINT)
    out, err = launcher.communicate(timeout=20)
    assert (launcher.returncode, err.splitlines(keepends=True)[-1]) == (130, INTERRUPTED)
    assert "SIGTERM caught" not in err
    assert out.count("its own") == 2 * own
    assert time.monotonic() - start < GRACE


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
