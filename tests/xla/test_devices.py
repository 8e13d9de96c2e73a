"""Steps on several devices: virtual ones, eight of which JAX makes of one CPU in a process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("jax", reason="JAX isn't installed")

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def found() -> Any:
    settings = {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(HERE.parent.parent), os.environ.get("PYTHONPATH", "")]),
    }
    done = subprocess.run(
        [sys.executable, "-W", "error", HERE / "eight.py"], env=os.environ | settings,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_losses_are_those_of_one_device(found: Any) -> None:
    for name, run in found["split"].items():
        expected = found["eager"][name.partition(",")[0]]
        np.testing.assert_allclose(
            run["losses"], expected["losses"], rtol=2e-5, atol=1e-6, err_msg=name
        )
        assert run["runs"] == len(run["losses"]) - 3
        np.testing.assert_allclose(
            run["weights"], expected["weights"], rtol=1e-3, atol=2e-3, err_msg=name
        )


def test_gradients_are_added_up_over_the_devices(found: Any) -> None:
    for name, run in found["split"].items():
        assert ("all-reduce" in run["collectives"]) == (", 1 devices" not in name), name


def test_the_state_is_whole_on_each_device_unless_it_is_to_be_split(found: Any) -> None:
    for name, run in found["split"].items():
        if "parameters" not in name:
            for kind in ("parameters", "gradients", "states"):
                whole, own = run[kind]
                assert own == whole


@pytest.mark.parametrize("model", ["attention", "recurrent", "perceptron", "convolution"])
def test_a_device_has_its_part_of_parameters_gradients_and_states(found: Any, model: str) -> None:
    run = found["split"][f"{model}, 8 devices, parameters"]
    for kind in ("parameters", "gradients", "states"):
        whole, own = run[kind]
        assert own * 8 == whole


def test_a_batch_that_can_not_be_split_is_refused_with_a_sentence(found: Any) -> None:
    assert "a batch of 48 can't be split over 5 devices" in found["refusal"]
