"""Import the whole package before pytest imports its files one by one, for their doctests.

Otherwise ``tinygrad_mnist.tensor`` would be the folder of that name, not the function.
"""

import pytest

import tinygrad_mnist as tinygrad_mnist


@pytest.fixture(autouse=True)
def _examples_see_pythons_float(doctest_namespace: dict[str, object]) -> None:
    """Let examples say ``float("nan")``: at top level ``float`` is a dtype, as in PyTorch."""
    doctest_namespace["float"] = float
