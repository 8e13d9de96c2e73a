"""Import the whole package before pytest imports its files one by one, for their doctests.

Otherwise ``tinygrad_mnist.tensor`` would be the folder of that name, not the function.
"""

from importlib.util import find_spec

import pytest

import tinygrad_mnist as tinygrad_mnist

# What is written with JAX is imported where that is installed.
collect_ignore_glob = [] if find_spec("jax") else ["tinygrad_mnist/compiler/xla/*.py"]


@pytest.fixture(autouse=True)
def _examples_see_pythons_float(doctest_namespace: dict[str, object]) -> None:
    """Let examples say ``float("nan")``: at top level ``float`` is a dtype, as in PyTorch."""
    doctest_namespace["float"] = float
