"""Names that PyTorch keeps for older programs, and warns of: ``init.xavier_uniform``."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.nn import init, utils
from tinygrad_mnist.nn.entropy import NLLLoss


def _older(module: str, function: Callable[..., Any]) -> Callable[..., Any]:
    name = function.__name__.rstrip("_")

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        warn(f"{module}.{name} is now {module}.{function.__name__}", FutureWarning)
        return function(*args, **kwargs)

    call.__name__ = call.__qualname__ = name
    return call


uniform, normal, constant, eye, dirac, xavier_uniform, xavier_normal = (
    _older("init", function)
    for function in (
        init.uniform_, init.normal_, init.constant_, init.eye_, init.dirac_,
        init.xavier_uniform_, init.xavier_normal_,
    )
)  # fmt: skip
kaiming_uniform, kaiming_normal, orthogonal = (
    _older("init", function)
    for function in (init.kaiming_uniform_, init.kaiming_normal_, init.orthogonal_)
)
clip_grad_norm = _older("utils", utils.clip_grad_norm_)
NLLLoss2d = NLLLoss
