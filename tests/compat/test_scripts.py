"""Scripts written for PyTorch run after their imports are changed, and compute the same numbers.

Each script in ``scripts/`` is one that a PyTorch user would write. Its ``main()`` seeds, trains, and
returns the losses of all steps (and what it sampled or predicted) as numbers. It is run as it is,
and once more with nothing changed but the name ``torch`` in its import statements. The random
streams are PyTorch's, so both start from the same weights and see the same batches.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compat.compiling import SCRIPTS, run, with_imports_changed

import tinygrad_mnist as tg


def test_only_import_statements_are_changed() -> None:
    source = (
        "import torch\nimport torch.nn as nn\nfrom torch import optim\nfrom torch.nn import init\n"
        "import torchlike\nx = torch.ones(1)\n    import torch_\n"
    )
    assert with_imports_changed(source).splitlines() == [
        "import tinygrad_mnist as torch",
        "import tinygrad_mnist.nn as nn",
        "from tinygrad_mnist import optim",
        "from tinygrad_mnist.nn import init",
        "import torchlike",
        "x = torch.ones(1)",
        "    import torch_",
    ]


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.stem)
def test_script_computes_what_it_computes_with_pytorch(path: Path, torch: Any) -> None:
    source = path.read_text()
    ours, _ = run(path, with_imports_changed(source), tg)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs, double = run(path, source, torch)
    assert len(theirs) >= 8
    assert np.isfinite(theirs).all()
    tolerance = 1e-9 if double else 1e-4
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance / 100)
