"""The scripts of the compatibility suite, whose steps or models XLA runs."""

from __future__ import annotations

import contextlib
import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compat import compiling

import tinygrad_mnist as tg
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.compiler.backends import FOR_XLA, Backend
from tinygrad_mnist.compiler.compiled import Settings

pytest.importorskip("jax", reason="JAX isn't installed")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("unpolished")]

OTHERWISE = {"checkpoint_resume"}
"""It resumes a run and asks for the same bits, but the first calls are NumPy's each time."""


@pytest.mark.parametrize("way", ["steps", "models"])
@pytest.mark.parametrize("path", compiling.SCRIPTS, ids=lambda path: path.stem)
def test_losses_are_those_of_the_script_as_it_is(
    path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path.stem in OTHERWISE:
        pytest.skip("its first calls are NumPy's")
    code = compiling.with_imports_changed(path.read_text())

    def compiled(function: Any) -> Any:
        return Compiled(function, Settings(backend=Backend("xla"), off=FOR_XLA))

    monkeypatch.setattr(compiling, "Compiled", compiled)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, in_float64 = compiling.run(path, code, tg)
        found, _ = compiling.run_compiled(path, way)
    np.testing.assert_allclose(found, expected, rtol=1e-6 if in_float64 else 2e-3, atol=2e-6)
