"""Settings of the whole suite: Hypothesis profiles, PyTorch as the oracle, the MNIST folder."""

from __future__ import annotations

import os

if "PYTEST_XDIST_WORKER" in os.environ:  # the cores are shared out already; before NumPy is there
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from browser import browser as browser
from browser import open_page as open_page
from browser import page as page
from hypothesis import HealthCheck, settings

from tinygrad_mnist.tensor import exchange

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile("long", settings.get_profile("ci"), derandomize=False, max_examples=1000)
settings.register_profile("short", settings.get_profile("ci"), max_examples=5)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A warning that comes once in the life of a process would be the first test's, whichever that is.
exchange._warned.append("the suite")

NO_ORACLE = "parity tests, since PyTorch isn't installed: pip install torch==2.13.0"
"""Why all parity tests are skipped; the summary says it once."""

_counts = {"ran": 0, "skipped": 0}


@pytest.fixture(scope="session")
def torch() -> Any:
    """PyTorch; where it isn't installed, tests that ask for it are skipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch as module
    module.set_num_threads(1)
    return module


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with the four files of MNIST, or a skip where none is named."""
    folder = os.environ.get("TINYGRAD_MNIST_DATA")
    if not folder:
        pytest.skip("no MNIST: TINYGRAD_MNIST_DATA names no folder")
    return Path(folder)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that asks for PyTorch as a parity test, which is skipped if there is none.

    A fixture that skips raises the same error for each test, whose traceback pytest below 8.3 lets
    grow: thousands of skips took minutes, and gigabytes.
    """
    is_missing = find_spec("torch") is None
    for item in items:
        if "torch" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.parity)
            if is_missing:
                item.add_marker(pytest.mark.skip(reason=NO_ORACLE))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count the parity tests, and give all that lack PyTorch one place, as one line shows one."""
    if "parity" in report.keywords:
        if report.when == "call" and report.passed:
            _counts["ran"] += 1
        if report.skipped:
            _counts["skipped"] += 1
            if isinstance(report.longrepr, tuple) and NO_ORACLE in report.longrepr[2]:
                report.longrepr = (__file__, None, NO_ORACLE)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many parity tests ran; where none did, the line of those skipped says it."""
    if _counts["ran"]:
        terminalreporter.write_line(
            f"parity with PyTorch: {_counts['ran']} ran, {_counts['skipped']} skipped"
        )
