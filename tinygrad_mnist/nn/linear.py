"""Linear and bilinear maps."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import MaybeTensor, Parameter, unfilled
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, empty
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.device import DeviceLike, check_device


class Identity(Module):
    """Return the input, whatever the arguments: a layer that does nothing, in the place of another.

    Shapes: input and output (*). Follows ``torch.nn.Identity``.

    Parameters
    ----------
    args, kwargs
        Whatever the other layer would take.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Identity(54, unused=True)(torch.ones(2))
    tensor([1., 1.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Tensor) -> Tensor:
        return input


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return an affine map of the last dimension.

    .. math:: y = x W^T + b

    Follows ``torch.nn.functional.linear``.

    Parameters
    ----------
    input
        x, of shape (*, in).
    weight
        W, of shape (out, in), or (in).
    bias
        b, of shape (out), or ().

    Returns
    -------
    A tensor of shape (*, out).

    Raises
    ------
    RuntimeError
        When the shapes or dtypes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> weight = torch.tensor([[1.0, 2.0], [0.0, 1.0], [3.0, 0.0]])
    >>> F.linear(torch.tensor([[1.0, 1.0]]), weight, torch.tensor([0.5, 0.0, 0.0]))
    tensor([[3.5000, 1.0000, 3.0000]])
    """
    return apply(ops.linear, input, weight, bias)  # which names its errors: no decorator is needed


class Linear(Module):
    r"""Affine map of the last dimension.

    .. math:: y = x W^T + b

    The parameters are ``weight`` W, of shape (out_features, in_features), and ``bias`` b, of shape
    (out_features); both start uniform between :math:`\pm 1/\sqrt{\text{in\_features}}`.

    Shapes: input (*, in_features), output (*, out_features). Follows ``torch.nn.Linear``.

    Parameters
    ----------
    in_features, out_features
        The lengths of the last dimension, before and after.
    bias
        Whether there is a bias b.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError
        When a length is negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Linear(20, 30)
    >>> layer(torch.ones(128, 20)).shape, layer.weight.shape
    (torch.Size([128, 30]), torch.Size([30, 20]))
    """

    _shown = "in_features= out_features= bias="
    weight: Tensor
    bias: MaybeTensor

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: dtypes.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_device(device)
        if in_features < 0 or out_features < 0:
            raise ValueError(
                f"in_features and out_features must not be negative, got {in_features} and "
                f"{out_features}"
            )
        kind = dtypes.default_float() if dtype is None else dtypes.as_numpy(dtype)
        self.in_features = in_features
        self.out_features = out_features
        self.weight = unfilled(out_features, in_features, kind=kind)
        self.register_parameter("bias", unfilled(out_features, kind=kind) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            bound = 1 / math.sqrt(self.in_features) if self.in_features else 0
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input: Tensor) -> Tensor:
        """Return ``input @ weight.T + bias``."""
        own: dict[str, Any] = self._parameters  # quicker than attributes
        try:
            weight, bias = own["weight"], own["bias"]
        except KeyError:  # what is recomputed before each forward (weight_norm) is no parameter
            weight, bias = self.weight, self.bias
        return linear(input, weight, bias)


@named
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return a bilinear map of two vectors.

    .. math:: y_k = x_1^T W_k x_2 + b_k

    Follows ``torch.nn.functional.bilinear``.

    Parameters
    ----------
    input1, input2
        Of shapes (*, in1) and (*, in2).
    weight
        W, of shape (out, in1, in2).
    bias
        b, of shape (out).

    Returns
    -------
    A tensor of shape (*, out).

    Raises
    ------
    RuntimeError
        When the shapes or dtypes don't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x, y = torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0])
    >>> F.bilinear(x, y, torch.ones(1, 2, 2))  # (1 + 2) (3 + 4)
    tensor([21.])
    """
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"the inputs' shapes {list(input1.shape)} and {list(input2.shape)} must be "
            f"equal but for the last dimension"
        )
    if (input1.shape[-1], input2.shape[-1]) != tuple(weight.shape[1:]):
        raise RuntimeError(
            f"the weight has shape {list(weight.shape)}, the inputs have "
            f"{input1.shape[-1]} and {input2.shape[-1]} features"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"the bias must have shape {list(weight.shape[:1])}, the weight's first "
            f"length, but has {list(bias.shape)}"
        )
    kinds = {x.dtype for x in (input1, input2, weight, bias) if x is not None}
    if len(kinds) > 1:
        raise RuntimeError(f"all tensors must have one dtype, got {kinds}")
    left = input1.unsqueeze(-2).unsqueeze(-2) @ weight
    out = (left.squeeze(-2) * input2.unsqueeze(-2)).sum(-1)
    return out if bias is None else out + bias


class Bilinear(Module):
    r"""Bilinear map of two inputs.

    .. math:: y_k = x_1^T W_k x_2 + b_k

    The parameters are ``weight`` W, of shape (out_features, in1_features, in2_features), and
    ``bias`` b; both start uniform between :math:`\pm 1/\sqrt{\text{in1\_features}}`.

    Shapes: inputs (*, in1_features) and (*, in2_features), output (*, out_features). Follows
    ``torch.nn.Bilinear``.

    Parameters
    ----------
    in1_features, in2_features, out_features
        The lengths of the inputs' and the output's last dimension.
    bias
        Whether there is a bias b.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> import tinygrad_mnist as torch
    >>> nn.Bilinear(20, 30, 40)(torch.ones(128, 20), torch.ones(128, 30)).shape
    torch.Size([128, 40])
    """

    _shown = "in1_features= in2_features= out_features= bias="
    weight: Tensor
    bias: MaybeTensor

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: dtypes.DTypeLike | None = None,
    ) -> None:
        super().__init__()
        if in1_features <= 0:
            raise ValueError(f"in1_features must be > 0, but got {in1_features}")
        self.in1_features = in1_features
        self.in2_features = in2_features
        self.out_features = out_features
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        self.weight = Parameter(empty(out_features, in1_features, in2_features, **kind))
        self.register_parameter("bias", Parameter(empty(out_features, **kind)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw weight and bias anew."""
        bound = 1 / math.sqrt(self.in1_features)
        init.uniform_(self.weight, -bound, bound)
        if self.bias is not None:
            init.uniform_(self.bias, -bound, bound)

    def forward(self, input1: Tensor, input2: Tensor) -> Tensor:
        """Return the map of (*, in1) and (*, in2): (*, out)."""
        return bilinear(input1, input2, self.weight, self.bias)
