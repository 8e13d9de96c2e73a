"""A model on several GPUs: without any, it runs as it is, as in PyTorch."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.nn.module import Module


class DataParallel(Module):
    """Run a module on parts of the batch, one for each GPU: here there is none, and one part.

    The names in its ``state_dict`` begin with ``module.``, as PyTorch's do.

    Shapes: those of the module. Follows ``torch.nn.DataParallel``.

    Parameters
    ----------
    module
        The module.
    device_ids, output_device
        Without effect, as there is no GPU.
    dim
        The dimension of the batch.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.DataParallel(nn.Identity())(torch.ones(2))
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
    """Return what a module returns: there is one part. Follows PyTorch's function of this name.

    Shapes: those of the module.

    Parameters
    ----------
    module
        The module.
    inputs
        Its argument, or a tuple of them.
    device_ids, output_device, dim
        Without effect, as there is no GPU.
    module_kwargs
        Its arguments by name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.nn.parallel import data_parallel
    >>> data_parallel(nn.Identity(), torch.ones(2))
    tensor([1., 1.])
    """
    several = inputs if isinstance(inputs, tuple) else (inputs,)
    return module(*several, **(module_kwargs or {}))
