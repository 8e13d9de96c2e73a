"""Attention as a function."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.nn.dropout import dropout
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import expands, named
from tinygrad_mnist.tensor.precision import in_float32


@named
@in_float32
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    r"""Return, for each query, the mean of the values weighted by how well their keys match it.

    .. math:: \operatorname{softmax}(s\, Q K^\top + M)\, V

    A query whose keys are all masked gets zeros. Follows
    ``torch.nn.functional.scaled_dot_product_attention``.

    Parameters
    ----------
    query, key, value
        Shapes (..., L, E), (..., S, E) and (..., S, V), of one floating dtype.
    attn_mask
        Which keys a query may see, broadcast to (..., L, S): a bool tensor, true where it may, or
        a float tensor that is added to the scores.
    dropout_p
        Probability that a weight is zeroed. It is so in evaluation too: pass 0 there.
    is_causal
        Let query i see keys 0 ... i only.
    scale
        What the scores are multiplied by; 1 / sqrt(E) unless given.
    enable_gqa
        Let groups of heads (dimension -3) of the query share a head of key and value.

    Raises
    ------
    RuntimeError
        When dtypes or shapes don't fit, or both attn_mask and is_causal are given.

    Examples
    --------
    >>> from tinygrad_mnist import eye, tensor
    >>> value = tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> scaled_dot_product_attention(eye(2), eye(2), value, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 1.3395]])
    """
    _check(query, key, value)
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(
            f"dropout probability has to be between 0 and 1, but got dropout_p={dropout_p}"
        )
    if enable_gqa:
        key, value = _shared("key", key, query), _shared("value", value, query)
    if scale is None:
        scale = 1 / math.sqrt(max(query._array.shape[-1], 1))
    scores = query * scale @ key.transpose(-2, -1)
    allowed = None
    if is_causal:
        if attn_mask is not None:
            raise RuntimeError(
                "scaled_dot_product_attention: explicit attn_mask should not be set when "
                "is_causal=True; put the triangle into attn_mask"
            )
        allowed = wrap(np.tri(*scores._array.shape[-2:], dtype=bool))
    elif attn_mask is not None:
        _check_mask(attn_mask, scores)
        if attn_mask._array.dtype == bool:
            allowed = attn_mask
        else:
            scores = scores + attn_mask.to(scores._array.dtype)
    weights: Tensor = apply(ops.masked_softmax, scores, allowed, dim=scores._array.ndim - 1)
    return dropout(weights, dropout_p) @ value


def _check(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Refuse what isn't three matrices, or batches of them, of one floating dtype."""
    for name, x in (("query", query), ("key", key), ("value", value)):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"scaled_dot_product_attention: argument '{name}' must be Tensor, not "
                f"{type(x).__name__}"
            )
        if x._array.ndim < 2 or x._array.dtype.kind != "f":
            raise RuntimeError(
                f"scaled_dot_product_attention: {name} must be a floating point tensor of at "
                f"least 2 dimensions, got shape {list(x.shape)} and dtype {x.dtype}"
            )
        if x._array.dtype != query._array.dtype:
            raise RuntimeError(
                f"scaled_dot_product_attention: expected query, key and value to have the same "
                f"dtype, but got {query.dtype} and, for {name}, {x.dtype}"
            )
    shapes = f"query {list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(
            f"scaled_dot_product_attention: query and key must have the same last length, got "
            f"{shapes}"
        )
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(
            f"scaled_dot_product_attention: there must be one value for each key, got {shapes}"
        )


def _check_mask(mask: Tensor, scores: Tensor) -> None:
    kind, shape = mask._array.dtype, scores._array.shape
    if kind not in (bool, np.float32, scores._array.dtype):
        raise RuntimeError(
            f"scaled_dot_product_attention: expected attn_mask to be bool, float or of the query's "
            f"dtype {scores.dtype}, but it is {mask.dtype}"
        )
    if not expands(mask._array.shape, shape):
        raise RuntimeError(
            f"scaled_dot_product_attention: attn_mask of shape {list(mask.shape)} does not "
            f"broadcast to the scores' shape {list(shape)}"
        )


def _shared(name: str, x: Tensor, query: Tensor) -> Tensor:
    """Repeat each head for as many heads of the query as share it."""
    if x._array.ndim < 3 or query._array.ndim < 3:
        raise IndexError(
            f"scaled_dot_product_attention: with enable_gqa the heads are dimension -3, but "
            f"query has shape {list(query.shape)} and {name} {list(x.shape)}"
        )
    heads, wanted = x.shape[-3], query.shape[-3]
    if not heads or wanted % heads:
        raise RuntimeError(
            f"scaled_dot_product_attention: the number of heads of {name}, {heads}, must divide "
            f"the number of heads of query, {wanted}"
        )
    lead, rest = x.shape[:-3], x.shape[-2:]
    spread = x.unsqueeze(-3).expand(*lead, heads, wanted // heads, *rest)
    return spread.reshape(*lead, wanted, *rest)
