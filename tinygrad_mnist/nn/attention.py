"""Attention: of one head as a function, of several as a layer."""

from __future__ import annotations

import contextlib
import enum
import math
from collections.abc import Iterator, Sequence

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.dropout import dropout as drop
from tinygrad_mnist.nn.linear import Linear, linear
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import MaybeTensor, Parameter, unfilled
from tinygrad_mnist.nn.softmax import softmax
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor, cat, empty, zeros
from tinygrad_mnist.tensor.arguments import expands, named
from tinygrad_mnist.tensor.device import DeviceLike, check_device
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

    Returns
    -------
    A tensor of shape (..., L, V).

    Raises
    ------
    RuntimeError
        When dtypes or shapes don't fit, or both attn_mask and is_causal are given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> value = torch.tensor([[1.0, 0.0], [0.0, 2.0]])
    >>> F.scaled_dot_product_attention(torch.eye(2), torch.eye(2), value, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 1.3395]])
    """
    _check_inputs(query, key, value)
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
                "explicit attn_mask should not be set when is_causal=True; put the triangle into "
                "attn_mask"
            )
        allowed = wrap(np.tri(*scores._array.shape[-2:], dtype=bool))
    elif attn_mask is not None:
        _check_mask(attn_mask, scores)
        if attn_mask._array.dtype == bool:
            allowed = attn_mask
        else:
            scores = scores + attn_mask.to(scores._array.dtype)
    weights = apply(ops.masked_softmax, scores, allowed, dim=scores._array.ndim - 1)
    return drop(weights, dropout_p) @ value


def _check_inputs(query: Tensor, key: Tensor, value: Tensor) -> None:
    """Refuse what isn't three matrices, or batches of them, of one floating dtype."""
    for name, x in (("query", query), ("key", key), ("value", value)):
        if not isinstance(x, Tensor):
            raise TypeError(f"argument '{name}' must be Tensor, not {type(x).__name__}")
        if x._array.ndim < 2 or x._array.dtype.kind != "f":
            raise RuntimeError(
                f"{name} must be a floating point tensor of at least 2 dimensions, got shape "
                f"{list(x.shape)} and dtype {x.dtype}"
            )
        if x._array.dtype != query._array.dtype:
            raise RuntimeError(
                f"expected query, key and value to have the same dtype, but got {query.dtype} "
                f"and, for {name}, {x.dtype}"
            )
    shapes = f"query {list(query.shape)}, key {list(key.shape)}, value {list(value.shape)}"
    if query.shape[-1] != key.shape[-1]:
        raise RuntimeError(f"query and key must have the same last length, got {shapes}")
    if key.shape[-2] != value.shape[-2]:
        raise RuntimeError(f"there must be one value for each key, got {shapes}")


def _check_mask(mask: Tensor, scores: Tensor) -> None:
    kind, shape = mask._array.dtype, scores._array.shape
    if kind not in (bool, np.float32, scores._array.dtype):
        raise RuntimeError(
            f"expected attn_mask to be bool, float or of the query's dtype {scores.dtype}, but it "
            f"is {mask.dtype}"
        )
    if not expands(mask._array.shape, shape):
        raise RuntimeError(
            f"attn_mask of shape {list(mask.shape)} does not broadcast to the scores' shape "
            f"{list(shape)}"
        )


def _shared(name: str, x: Tensor, query: Tensor) -> Tensor:
    """Repeat each head for as many heads of the query as share it."""
    if x._array.ndim < 3 or query._array.ndim < 3:
        raise IndexError(
            f"with enable_gqa the heads are dimension -3, but query has shape {list(query.shape)} "
            f"and {name} {list(x.shape)}"
        )
    heads, wanted = x.shape[-3], query.shape[-3]
    if not heads or wanted % heads:
        raise RuntimeError(
            f"the number of heads of {name}, {heads}, must divide the number of heads of query, "
            f"{wanted}"
        )
    lead, rest = x.shape[:-3], x.shape[-2:]
    spread = x.unsqueeze(-3).expand(*lead, heads, wanted // heads, *rest)
    return spread.reshape(*lead, wanted, *rest)


class NonDynamicallyQuantizableLinear(Linear):
    """A linear layer, under the name that PyTorch prints for the last one of attention.

    Shapes: those of :class:`Linear`.

    Parameters
    ----------
    in_features, out_features, bias, device, dtype
        As in :class:`Linear`.
    """


class MultiheadAttention(Module):
    r"""Attention in several subspaces at once (Vaswani et al., 2017).

    .. math::
        \operatorname{head}_i &= \operatorname{softmax}(Q W_i^Q (K W_i^K)^T / \sqrt{d})\, V W_i^V \\
        y &= [\operatorname{head}_1, \ldots]\, W^O

    Shapes: query (L, N, E), key (S, N, kdim), value (S, N, vdim); output (L, N, E), weights (N, L,
    S). Follows ``torch.nn.MultiheadAttention``.

    Parameters
    ----------
    embed_dim, num_heads
        Width E of query and output, and the number of heads among which it is divided.
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
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError, AssertionError
        When embed_dim can't be divided among the heads.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> attention = nn.MultiheadAttention(8, num_heads=2, batch_first=True)
    >>> out, weights = attention(torch.ones(3, 5, 8), torch.ones(3, 4, 8), torch.ones(3, 4, 8))
    >>> out.shape, weights.shape
    (torch.Size([3, 5, 8]), torch.Size([3, 5, 4]))
    """

    in_proj_weight: MaybeTensor
    in_proj_bias: MaybeTensor
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
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
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
            weights = drop(softmax(scores, dim=-1), dropout)
            heads = weights @ v
            if average_attn_weights:
                weights = weights.mean(dim=1)
        else:
            if mask is not None and mask._array.dtype == bool:
                mask = ~mask
            heads = scaled_dot_product_attention(q, k, v, mask, dropout, is_causal)
        out = self.out_proj(heads.transpose(1, 2).reshape(query.shape))
        if not batched:
            return out.squeeze(0), None if weights is None else weights.squeeze(0)
        return (out if self.batch_first else out.transpose(0, 1)), weights

    def _check(
        self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None, mask: Tensor | None
    ) -> bool:
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
        for name, given in (("key_padding_mask", padding), ("attn_mask", mask)):
            if given is not None and given._array.dtype.kind not in "bf":
                raise AssertionError(f"only bool and floating types of {name} are supported")
        return dims == 3

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        """Return the projections of query, key and value, and the learned key and value."""
        weight, bias = self.in_proj_weight, self.in_proj_bias
        if weight is not None and key is query and value is query:
            projected = linear(query, weight, bias).chunk(3, dim=-1)
        else:
            names = ("q_proj_weight", "k_proj_weight", "v_proj_weight")
            weights = [self._parameters[n] for n in names] if weight is None else weight.chunk(3)
            biases = [None] * 3 if bias is None else bias.chunk(3)
            inputs = zip((query, key, value), weights, biases, strict=True)
            projected = tuple(linear(x, w, b) for x, w, b in inputs)
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

    def _mask(
        self, padding: Tensor | None, mask: Tensor | None, q: Tensor, keys: int, extra: int
    ) -> Tensor | None:
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
    """Ways to compute attention, which PyTorch chooses between. Here is one way.

    Parameters
    ----------
    value
        The number of a member.

    Examples
    --------
    >>> from tinygrad_mnist.nn.attention import SDPBackend
    >>> SDPBackend.MATH.value
    0
    """

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


@contextlib.contextmanager
def sdpa_kernel(
    backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False
) -> Iterator[None]:
    """Choose ways to compute attention inside of a block: there is one, with the same numbers.

    Follows ``torch.nn.attention.sdpa_kernel``.

    Parameters
    ----------
    backends
        One of :class:`SDPBackend`, or several.
    set_priority
        Whether their order counts.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> from tinygrad_mnist.nn.attention import SDPBackend, sdpa_kernel
    >>> x = torch.ones(2, 3)
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     F.scaled_dot_product_attention(x, x, x).shape
    torch.Size([2, 3])
    """
    yield
