"""The checks of a GPU run on the CPU too, and say so where there is no GPU."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*words: str) -> subprocess.CompletedProcess[str]:
    settings = {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "benchmarks.gpu", *words]
    return subprocess.run(
        command, env=os.environ | settings, cwd=ROOT, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_checks_of_a_gpu_pass_on_the_cpu() -> None:
    pytest.importorskip("jax", reason="JAX isn't installed")
    done = run("--device", "cpu", "--quick", "W1", "W9")
    assert done.returncode == 0, done.stderr
    for words in ("batches sent ahead: losses differ", "2 devices, parameters split: losses"):
        assert words in done.stdout
    assert done.stdout.count("xla / JAX") == 2
    assert "all is as it should be" in done.stdout


def test_where_there_is_no_gpu_one_sentence_says_so() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stdout == ""
    found = find_spec("jax") is not None
    said = "JAX finds no GPU here" if found else "JAX is needed, and it isn't installed"
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1
