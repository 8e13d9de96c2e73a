"""What the test command prints where PyTorch isn't installed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
CODE = """
import sys
import pytest
sys.modules["torch"] = None
sys.exit(pytest.main(["-q", "tests/tensor/test_dtypes.py", "tests/optim/test_swa_utils.py"]))
"""


def test_parity_tests_that_are_skipped_are_one_line() -> None:
    run = subprocess.run(
        [sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    lines = [line for line in run.stdout.splitlines() if "PyTorch" in line or "SKIPPED" in line]
    assert len(lines) == 1, run.stdout
    assert re.fullmatch(
        r"SKIPPED \[\d\d\] tests/conftest.py: parity tests, since PyTorch isn't installed: .*",
        lines[0],
    )
