"""A model on several GPUs: without any, it runs as it is, as in PyTorch."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.module import Module


class DataParallel(Module):
    """Run a module on parts of the batch, one for each GPU: here there is none, and one part.

    The names in its ``state_dict`` begin with ``module.``, as PyTorch's do. Follows
    ``torch.nn.DataParallel``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> DataParallel(nn.Identity())(ones(2))
    tensor([1., 1.])
    """

    def __init__(
        self, module: Module, device_ids: object = None, output_device: object = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.dim = dim
        self.device_ids: list[int] = []

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: object = None,
    output_device: object = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Return what a module returns: there is one part. Follows PyTorch's function of this name."""
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*several, **(module_kwargs or {}))
