"""A mini deep-learning framework on NumPy, under PyTorch's names.

>>> import tinygrad_mnist as torch
>>> x = torch.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

import importlib as _importlib
import sys as _sys
import typing as _typing
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi

from tinygrad_mnist import amp as amp
from tinygrad_mnist import autograd as autograd
from tinygrad_mnist import backends as backends
from tinygrad_mnist import cuda as cuda
from tinygrad_mnist import func as func
from tinygrad_mnist import linalg as linalg
from tinygrad_mnist import nn as nn
from tinygrad_mnist import optim as optim
from tinygrad_mnist import random as random
from tinygrad_mnist import safetensors as safetensors
from tinygrad_mnist import serialization as serialization
from tinygrad_mnist import special as special
from tinygrad_mnist import utils as utils
from tinygrad_mnist._runtime.allocator import keep_freed_memory as _keep_freed_memory
from tinygrad_mnist._runtime.naming import locate as _locate
from tinygrad_mnist._runtime.threads import get_num_threads as get_num_threads
from tinygrad_mnist._runtime.threads import set_num_threads as set_num_threads
from tinygrad_mnist.amp import autocast as autocast
from tinygrad_mnist.autograd import enable_grad as enable_grad
from tinygrad_mnist.autograd import inference_mode as inference_mode
from tinygrad_mnist.autograd import is_grad_enabled as is_grad_enabled
from tinygrad_mnist.autograd import is_inference_mode_enabled as is_inference_mode_enabled
from tinygrad_mnist.autograd import no_grad as no_grad
from tinygrad_mnist.autograd import set_grad_enabled as set_grad_enabled
from tinygrad_mnist.compat import unsupported as _unsupported
from tinygrad_mnist.compat.settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
)
from tinygrad_mnist.compat.settings import get_default_device as get_default_device
from tinygrad_mnist.compat.settings import (
    get_float32_matmul_precision as get_float32_matmul_precision,
)
from tinygrad_mnist.compat.settings import set_default_device as set_default_device
from tinygrad_mnist.compat.settings import set_default_tensor_type as set_default_tensor_type
from tinygrad_mnist.compat.settings import (
    set_float32_matmul_precision as set_float32_matmul_precision,
)
from tinygrad_mnist.compat.settings import (
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from tinygrad_mnist.func import vmap as vmap
from tinygrad_mnist.linalg.products import chain_matmul as chain_matmul
from tinygrad_mnist.nn.functional import celu as celu
from tinygrad_mnist.nn.functional import conv1d as conv1d
from tinygrad_mnist.nn.functional import conv2d as conv2d
from tinygrad_mnist.nn.functional import conv_transpose2d as conv_transpose2d
from tinygrad_mnist.nn.functional import cosine_similarity as cosine_similarity
from tinygrad_mnist.nn.functional import pairwise_distance as pairwise_distance
from tinygrad_mnist.nn.functional import pixel_shuffle as pixel_shuffle
from tinygrad_mnist.nn.functional import prelu as prelu
from tinygrad_mnist.nn.functional import rms_norm as rms_norm
from tinygrad_mnist.nn.functional import selu as selu
from tinygrad_mnist.serialization import load as load
from tinygrad_mnist.serialization import save as save
from tinygrad_mnist.tensor import *

_keep_freed_memory()
_locate(_sys.modules[__name__])
_locate(Tensor, "Tensor.")
del _locate, _sys

__version__ = "0.1.0"


_unsupported.watch(
    "nn", "nn.functional", "nn.init", "nn.parallel", "nn.utils", "nn.utils.rnn", "optim",
    "optim.lr_scheduler", "utils", "utils.data", "linalg", "special", "autograd", "func", "random",
    "backends", "cuda", "amp",
)  # fmt: skip

_LATER = (
    "__config__", "accelerator", "compiler", "cpu", "datasets", "distributed", "distributions",
    "fft", "jit", "multiprocessing", "profiler", "testing", "version",
)  # fmt: skip
"""Modules that are imported when they are first asked for."""

if _typing.TYPE_CHECKING:
    from tinygrad_mnist import compiler as compiler
    from tinygrad_mnist import datasets as datasets
    from tinygrad_mnist import distributed as distributed
    from tinygrad_mnist import distributions as distributions
    from tinygrad_mnist import testing as testing
    from tinygrad_mnist.compiler import compile as compile
else:  # a type checker would believe in every name
    # Without what a star import would put in the place of Python's io; with two that come late.
    _PRIVATE = ("compat", "io")
    __all__ = ["bincount", "histc", *(n for n in globals() if n[0] != "_" and n not in _PRIVATE)]

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})

    def __getattr__(name: str) -> object:
        """Import a module, or say what to use in the place of a name that is not offered."""
        if name in _LATER:
            return _importlib.import_module(f"{__name__}.{name}")
        return _unsupported.lookup("", name)
