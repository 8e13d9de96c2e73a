"""The version, under the names of ``torch.version``; there is no CUDA."""

from __future__ import annotations

from tinygrad_mnist import __version__ as __version__
from tinygrad_mnist.compat.unsupported import watch

cuda: str | None = None
hip: str | None = None
rocm: str | None = None
xpu: str | None = None
debug = False
git_version = "unknown"

watch("version")
