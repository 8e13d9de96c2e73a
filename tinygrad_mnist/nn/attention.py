"""Attention with several heads."""

from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.linear import Linear
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter, unfilled
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, cat, empty, zeros
from tinygrad_mnist.tensor.device import check_device


class NonDynamicallyQuantizableLinear(Linear):
    """A linear layer, under the name that PyTorch prints for the last one of attention."""


class MultiheadAttention(Module):
    r"""Attention in several subspaces at once (Vaswani et al., 2017).

    .. math::
        \operatorname{head}_i &= \operatorname{softmax}(Q W_i^Q (K W_i^K)^T / \sqrt{d})\, V W_i^V \\
        y &= [\operatorname{head}_1, \ldots]\, W^O

    Follows ``torch.nn.MultiheadAttention``.

    Parameters
    ----------
    embed_dim, num_heads
        Width of query and output, and the number of heads among which it is divided.
    dropout
        Probability that a weight of the attention is zeroed in training.
    bias
        Whether the projections have biases.
    add_bias_kv, add_zero_attn
        Append a learned key and value, or a key and value of zeros, to every sequence.
    kdim, vdim
        Widths of key and value where they aren't embed_dim.
    batch_first
        Inputs are (N, L, E) instead of (L, N, E).

    Raises
    ------
    ValueError, AssertionError
        When embed_dim can't be divided among the heads.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> out, weights = attention(ones(3, 5, 8), ones(3, 4, 8), ones(3, 4, 8))
    >>> out.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 4]))
    """

    in_proj_bias: Tensor | None
    bias_k: Tensor | None
    bias_v: Tensor | None

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                f"embed_dim and num_heads must be greater than 0, got embed_dim={embed_dim} and "
                f"num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}"
            )
        super().__init__()
        check_device(device)
        self.embed_dim = embed_dim
        self.kdim = embed_dim if kdim is None else kdim
        self.vdim = embed_dim if vdim is None else vdim
        self.num_heads = num_heads
        self.head_dim = embed_dim // num_heads
        self.dropout = dropout
        self.batch_first = batch_first
        self.add_zero_attn = add_zero_attn
        kind = dtypes.as_float(dtype)
        if self.kdim == self.vdim == embed_dim:
            self.in_proj_weight = unfilled(3 * embed_dim, embed_dim, kind=kind)
            for name in ("q_proj_weight", "k_proj_weight", "v_proj_weight"):
                self.register_parameter(name, None)
        else:
            self.q_proj_weight = unfilled(embed_dim, embed_dim, kind=kind)
            self.k_proj_weight = unfilled(embed_dim, self.kdim, kind=kind)
            self.v_proj_weight = unfilled(embed_dim, self.vdim, kind=kind)
            self.register_parameter("in_proj_weight", None)
        made = Parameter(empty(3 * embed_dim, dtype=dtype)) if bias else None
        self.register_parameter("in_proj_bias", made)
        self.out_proj = NonDynamicallyQuantizableLinear(embed_dim, embed_dim, bias, dtype=dtype)
        for name in ("bias_k", "bias_v"):
            made = Parameter(empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
            self.register_parameter(name, made)
        self._reset_parameters()

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if (weight := self._parameters[name]) is not None:
                init.xavier_uniform_(weight)
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            assert self.out_proj.bias is not None
            init.zeros_(self.out_proj.bias)
        for name in ("bias_k", "bias_v"):
            if (extra := self._parameters[name]) is not None:
                init.xavier_normal_(extra)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the attention's output, and its weights where they are wanted.

        Parameters
        ----------
        query, key, value
            Shapes (L, N, E), (S, N, kdim), (S, N, vdim); with ``batch_first`` N comes first;
            without N for a single sequence.
        key_padding_mask
            Shape (N, S): keys to leave out, as a bool tensor, true where so; or numbers to add to
            the scores.
        attn_mask
            Shape (L, S) or (N * heads, L, S): which key a query must not see, in the same form.
        need_weights
            Whether the weights are returned: (N, L, S), or (N, heads, L, S) if they are not to
            be averaged. Without them it is faster.
        is_causal
            A promise that attn_mask is the causal one.

        Raises
        ------
        AssertionError, RuntimeError
            When shapes or masks don't fit.
        """
        batched = self._check(query, key, value, key_padding_mask, attn_mask)
        if is_causal and attn_mask is None:
            raise RuntimeError(
                "Need attn_mask if specifying the is_causal hint. You may use the Transformer "
                "module method `generate_square_subsequent_mask` to create this mask."
            )
        if not batched or not self.batch_first:
            dim = 1 if batched else 0
            same_key, same_value = key is query, value is key
            query = _batch_first(query, dim)
            key = query if same_key else _batch_first(key, dim)
            value = key if same_value else _batch_first(value, dim)
        q, k, v = (self._heads(x) for x in self._projected(query, key, value))
        extra = k.shape[2] - key.shape[1]
        if is_causal and key_padding_mask is None and not need_weights and not extra:
            mask = None
        else:
            is_causal = False
            mask = self._mask(key_padding_mask, attn_mask, q, key.shape[1], extra)
        dropout = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = q * (1 / math.sqrt(self.head_dim)) @ k.transpose(-2, -1)
            if mask is not None:
                scores = scores + _as_numbers(mask, scores)
            weights = F.dropout(F.softmax(scores, dim=-1), dropout)
            heads = weights @ v
            if average_attn_weights:
                weights = weights.mean(dim=1)
        else:
            if mask is not None and mask._array.dtype == bool:
                mask = ~mask
            heads = F.scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)
        out: Tensor = self.out_proj(heads.transpose(1, 2).reshape(query.shape))
        if not batched:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return (out if self.batch_first else out.transpose(0, 1)), weights

    def _check(self, query: Tensor, key: Tensor, value: Tensor, padding: Any, mask: Any) -> bool:
        """Refuse inputs that don't fit together; return whether there is a batch."""
        dims = query.dim()
        if dims not in (2, 3):
            raise AssertionError(
                f"query should be unbatched 2D or batched 3D tensor but received {dims}-D query "
                f"tensor"
            )
        if key.dim() != dims or value.dim() != dims:
            kind = "batched" if dims == 3 else "unbatched"
            raise AssertionError(
                f"For {kind} ({dims}-D) `query`, expected `key` and `value` to be {dims}-D but "
                f"found {key.dim()}-D and {value.dim()}-D tensors respectively"
            )
        widths = {"query": self.embed_dim, "key": self.kdim, "value": self.vdim}
        for (name, width), x in zip(widths.items(), (query, key, value), strict=True):
            if x.shape[-1] != width:
                raise AssertionError(
                    f"{name}: was expecting embedding dimension of {width}, but got {x.shape[-1]}"
                )
        if key.shape[:-1] != value.shape[:-1]:
            raise AssertionError(
                f"key's sequence and batch dims {key.shape[:-1]} do not match value's "
                f"{value.shape[:-1]}"
            )
        at = 0 if self.batch_first else 1
        if dims == 3 and query.shape[at] != key.shape[at]:
            raise AssertionError(
                f"query has a batch of {query.shape[at]} sequences, key one of {key.shape[at]}"
            )
        for name, x in (("key_padding_mask", padding), ("attn_mask", mask)):
            if x is not None and x._array.dtype.kind not in "bf":
                raise AssertionError(f"only bool and floating types of {name} are supported")
        return dims == 3

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Return the projections of query, key and value, and the learned key and value."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and key is query and value is query:
            projected = F.linear(query, weight, bias).chunk(3, dim=-1)
        else:
            names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
            weights = [self._parameters[n] for n in names] if weight is None else weight.chunk(3)
            biases = [None] * 3 if bias is None else bias.chunk(3)
            inputs = zip((query, key, value), weights, biases, strict=True)
            projected = tuple(F.linear(x, w, b) for x, w, b in inputs)
        q, k, v = projected
        if self.bias_k is not None and self.bias_v is not None:
            shape = (k.shape[0], 1, self.embed_dim)
            k = cat([k, self.bias_k.expand(shape)], dim=1)
            v = cat([v, self.bias_v.expand(shape)], dim=1)
        if self.add_zero_attn:
            nothing = zeros(k.shape[0], 1, self.embed_dim, dtype=k.dtype)
            k, v = cat([k, nothing], dim=1), cat([v, nothing], dim=1)
        return q, k, v

    def _heads(self, x: Tensor) -> Tensor:
        """Divide (N, L, E) among the heads: (N, heads, L, E / heads)."""
        n, length, _ = x.shape
        return x.reshape(n, length, self.num_heads, self.head_dim).transpose(1, 2)

    def _mask(self, padding: Any, mask: Any, q: Tensor, keys: int, extra: int) -> Tensor | None:
        """Join both masks to one that broadcasts to (N, heads, L, S): bools if both are."""
        n, heads, length, _ = q.shape
        parts: list[Tensor] = []
        if mask is not None:
            stacked = (n * heads, length, keys)
            if tuple(mask.shape) not in ((length, keys), stacked):
                raise RuntimeError(
                    f"The shape of the {mask.dim()}D attn_mask is {mask.shape}, but should be "
                    f"{(length, keys) if mask.dim() == 2 else stacked}."
                )
            parts.append(mask if mask.dim() == 2 else mask.reshape(n, heads, length, keys))
        if padding is not None:
            if padding.shape[-1] != keys or padding.numel() != n * keys:
                raise AssertionError(
                    f"key_padding_mask should have shape {[n, keys]}, got {list(padding.shape)}"
                )
            parts.append(padding.reshape(n, 1, 1, keys))
        if extra:
            # What was appended to the keys can always be seen.
            parts = [cat([x, zeros((*x.shape[:-1], extra), dtype=x.dtype)], dim=-1) for x in parts]
        if not parts:
            return None
        if len(parts) == 1:
            return parts[0]
        if all(x._array.dtype == bool for x in parts):
            return parts[0] | parts[1]
        return _as_numbers(parts[0], q) + _as_numbers(parts[1], q)


def _batch_first(x: Tensor, dim: int) -> Tensor:
    """Bring the batch to the front, or add one of a single sequence."""
    return x.transpose(0, 1) if dim else x.unsqueeze(0)


def _as_numbers(mask: Tensor, like: Tensor) -> Tensor:
    """Turn a bool mask into numbers to add to scores: -inf where it is true."""
    if mask._array.dtype != bool:
        return mask
    kind = like._array.dtype
    return wrap(np.where(mask._array, kind.type(-np.inf), kind.type(0)))


class SDPBackend(enum.Enum):
    """Ways to compute attention, which PyTorch chooses between. Here is one way."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(backends: Any, set_priority: bool = False) -> Iterator[None]:
    """Choose ways to compute attention inside of a block: there is one, with the same numbers.

    Follows ``torch.nn.attention.sdpa_kernel``.

    Examples
    --------
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     pass
    """
    yield
