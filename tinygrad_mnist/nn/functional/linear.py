"""Linear and bilinear maps as functions."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named


@named
def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:
    """Return ``input @ weight.T + bias``: input (*, in), weight (out, in), bias (out).

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> linear(ones(1, 2), ones(3, 2), ones(3))
    tensor([[3., 3., 3.]])
    """
    if bias is None:
        return apply(ops.linear, input, weight)
    return apply(ops.linear, input, weight, bias)


@named
def bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``input1 @ weight[k] @ input2 + bias[k]`` for each output feature k.

    Shapes: (*, in1), (*, in2), (out, in1, in2), (out).
    """
    if input1.shape[:-1] != input2.shape[:-1]:
        raise RuntimeError(
            f"bilinear: the inputs' shapes {list(input1.shape)} and {list(input2.shape)} must be "
            f"equal but for the last dimension"
        )
    if (input1.shape[-1], input2.shape[-1]) != tuple(weight.shape[1:]):
        raise RuntimeError(
            f"bilinear: the weight has shape {list(weight.shape)}, the inputs have "
            f"{input1.shape[-1]} and {input2.shape[-1]} features"
        )
    if bias is not None and bias.shape != weight.shape[:1]:
        raise RuntimeError(
            f"bilinear: the bias must have shape {list(weight.shape[:1])}, the weight's first "
            f"length, but has {list(bias.shape)}"
        )
    kinds = {x.dtype for x in (input1, input2, weight, bias) if x is not None}
    if len(kinds) > 1:
        raise RuntimeError(f"bilinear: all tensors must have one dtype, got {kinds}")
    left = input1.unsqueeze(-2).unsqueeze(-2) @ weight
    out = (left.squeeze(-2) * input2.unsqueeze(-2)).sum(-1)
    return out if bias is None else out + bias
