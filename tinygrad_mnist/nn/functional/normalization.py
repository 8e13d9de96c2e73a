"""Normalisations as functions."""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.tensor import Tensor


def layer_norm(
    input: Tensor,  # noqa: A002
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-05,
) -> Tensor:
    """Bring the last dimensions to mean 0 and variance 1; then scale and shift.

    Follows ``torch.nn.functional.layer_norm``.

    Raises
    ------
    RuntimeError
        When the last dimensions aren't ``normalized_shape``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> layer_norm(tensor([[1.0, 3.0]]), (2,))
    tensor([[-1.0000,  1.0000]])
    """
    shape = tuple(normalized_shape)
    if not shape:
        raise RuntimeError("layer_norm: normalized_shape must have at least one dimension")
    count = len(shape)
    if tuple(input.shape[-count:]) != shape:
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {', '.join(map(str, shape))}], but got input of size{list(input.shape)}"
        )
    for name, x in (("weight", weight), ("bias", bias)):
        if x is not None and tuple(x.shape) != shape:
            raise RuntimeError(
                f"layer_norm: expected {name} to be of normalized_shape, {list(shape)}, but got "
                f"{list(x.shape)}"
            )
    dim = tuple(range(input.ndim - count, input.ndim))
    return apply(ops.standardize, input, weight, bias, dim=dim, eps=eps)  # type: ignore[no-any-return]
