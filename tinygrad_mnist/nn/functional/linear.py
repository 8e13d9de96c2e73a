"""Linear and bilinear maps as functions."""

from __future__ import annotations

from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.functions import linear as linear


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
    left = input1.unsqueeze(-2).unsqueeze(-2) @ weight
    out = (left.squeeze(-2) * input2.unsqueeze(-2)).sum(-1)
    return out if bias is None else out + bias
