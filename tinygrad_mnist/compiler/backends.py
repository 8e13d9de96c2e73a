"""Backends: what runs a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.compiler import numpy_backend
from tinygrad_mnist.compiler.flat import flatten, separate
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer

Built = Any


class RefusedError(Exception):
    """Raised where a backend can't run a program: says why."""


@dataclass(frozen=True)
class Backend:
    """What runs programs.

    Attributes
    ----------
    name
        ``"numpy"``, ``"xla"``, or ``"auto"``: whichever is faster.
    device, devices, shard
        On what, for XLA: see ``compile``.
    tried
        Whether another one is there: what this one refuses is no reason to warn.
    """

    name: str = "numpy"
    device: str | None = None
    devices: Any = None
    shard: str | None = None
    tried: bool = False

    def maker(self) -> Callable[..., Built]:
        """Return what makes a program one that can be run."""
        if self.name == "numpy":
            return numpy_backend.Built
        from tinygrad_mnist.compiler.xla import backend
        from tinygrad_mnist.compiler.xla.placement import placement

        where = placement(self.device, self.devices, self.shard)
        return partial(backend.Built, where=where)

    def prepare(self, optimizers: Sequence[ArrayOptimizer], tensors: Sequence[TensorBase]) -> None:
        """Let what a step reaches lie in memory as its program will like it, before it is recorded.

        For NumPy small parameters lie in one array; for XLA each has its own, in XLA's memory.
        """
        for optimizer in optimizers:
            (flatten if self.name == "numpy" else separate)(optimizer)
        if self.name == "xla":
            from tinygrad_mnist.compiler.xla.held import adopt
            from tinygrad_mnist.compiler.xla.placement import placement

            adopt(tensors, placement(self.device, self.devices, self.shard))

    def sender(self) -> Callable[[Any, int | None], Any]:
        """Return what sends a tensor of a batch to the devices, given the batch's size."""
        from tinygrad_mnist.compiler.xla.held import sent
        from tinygrad_mnist.compiler.xla.placement import placement

        where = placement(self.device, self.devices, self.shard)
        return partial(sent, where)


NUMPY = Backend()

PLATFORMS = ("cpu", "gpu", "tpu")
"""The kinds of devices that JAX may have."""

FOR_XLA = frozenset(
    {"common_subexpressions", "copies", "repeated_channels", "optimizer_formulas",
     "prepared_kernels", "flat_updates", "lanes"}
)  # fmt: skip
"""Passes that XLA has better ones of its own for."""
