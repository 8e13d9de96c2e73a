"""The transformer: layers of attention and of feed-forward networks."""

from __future__ import annotations

import copy
from collections.abc import Callable
from sys import intern
from typing import Any, Literal

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.activation import gelu, relu
from tinygrad_mnist.nn.attention import MultiheadAttention
from tinygrad_mnist.nn.containers import ModuleList
from tinygrad_mnist.nn.dropout import Dropout
from tinygrad_mnist.nn.linear import Linear
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.normalization import LayerNorm
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import DeviceLike, check_device

Activation = Literal["relu", "gelu"] | Callable[[Tensor], Tensor]


def _activation(activation: Activation) -> Callable[[Tensor], Tensor]:
    if callable(activation):
        return activation
    if activation not in ("relu", "gelu"):
        raise RuntimeError(f"activation should be relu/gelu, not {activation}")
    return relu if activation == "relu" else gelu


class _Layer(Module):
    """Attentions, then a feed-forward network, each added to its input and normalised."""

    attentions: tuple[str, ...]
    self_attn: MultiheadAttention
    multihead_attn: MultiheadAttention
    norm1: LayerNorm
    norm2: LayerNorm
    norm3: LayerNorm
    dropout1: Dropout
    dropout2: Dropout
    dropout3: Dropout

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        for name in self.attentions:
            attention = MultiheadAttention(
                d_model, nhead, dropout, bias, batch_first=batch_first, **kind
            )
            self.add_module(name, attention)
        self.linear1 = Linear(d_model, dim_feedforward, bias, **kind)
        self.dropout = Dropout(dropout)
        self.linear2 = Linear(dim_feedforward, d_model, bias, **kind)
        self.norm_first = norm_first
        parts = range(1, len(self.attentions) + 2)
        for number in parts:
            self.add_module(f"norm{number}", LayerNorm(d_model, layer_norm_eps, bias=bias, **kind))
        for number in parts:
            self.add_module(f"dropout{number}", Dropout(dropout))
        self.activation = _activation(activation)

    def _add(self, number: int, x: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
        """Add a part's output to its input, and normalise the sum, or the part's input."""
        norm, dropout = (getattr(self, intern(f"{name}{number}")) for name in ("norm", "dropout"))
        out: Tensor = x + dropout(part(norm(x))) if self.norm_first else norm(x + dropout(part(x)))
        return out

    def _attend(
        self,
        number: int,
        x: Tensor,
        memory: Tensor | None,
        padding: Tensor | None,
        mask: Tensor | None,
        is_causal: bool,
    ) -> Tensor:
        """Add what a sequence sees of a memory, or of itself."""
        attention = self.self_attn if memory is None else self.multihead_attn

        def seen(x: Tensor) -> Tensor:
            what = x if memory is None else memory
            return attention(x, what, what, padding, False, mask, is_causal=is_causal)[0]

        return self._add(number, x, seen)

    def _transform(self, number: int, x: Tensor) -> Tensor:
        """Add what the feed-forward network makes of each position."""
        return self._add(
            number, x, lambda x: self.linear2(self.dropout(self.activation(self.linear1(x))))
        )


class TransformerEncoderLayer(_Layer):
    r"""Attention of a sequence to itself, then a feed-forward network (Vaswani et al., 2017).

    .. math::
        x &\leftarrow \operatorname{norm}(x + \operatorname{attention}(x)) \\
        x &\leftarrow \operatorname{norm}(x + W_2\, \operatorname{activation}(W_1 x))

    Shapes: input and output (L, N, E), or (L, E). Follows ``torch.nn.TransformerEncoderLayer``.

    Parameters
    ----------
    d_model, nhead
        The width E of each position, and the number of heads.
    dim_feedforward
        The width between the two linear layers.
    dropout
        The probability with which elements are zeroed in training.
    activation
        ``"relu"``, ``"gelu"`` or a function.
    layer_norm_eps
        What keeps the divisors of the normalisations from 0.
    batch_first
        Whether inputs are (N, L, E) instead of (L, N, E).
    norm_first
        Whether each part normalises its input, instead of the sum.
    bias
        Whether linear layers and normalisations have biases.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    RuntimeError
        For an activation of another name.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.TransformerEncoderLayer(d_model=8, nhead=2)(torch.ones(10, 3, 8)).shape
    torch.Size([10, 3, 8])
    """

    attentions = ("self_attn",)

    def forward(
        self,
        src: Tensor,
        src_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """Return the layer's output, of the input's shape; masks as in MultiheadAttention."""
        x = self._attend(1, src, None, src_key_padding_mask, src_mask, is_causal)
        return self._transform(2, x)


class TransformerDecoderLayer(_Layer):
    r"""Attention of a sequence to itself, attention to a memory, then a feed-forward network.

    .. math::
        x &\leftarrow \operatorname{norm}(x + \operatorname{attention}(x, x)) \\
        x &\leftarrow \operatorname{norm}(x + \operatorname{attention}(x, \text{memory})) \\
        x &\leftarrow \operatorname{norm}(x + W_2\, \operatorname{activation}(W_1 x))

    Shapes: tgt and output (T, N, E), memory (S, N, E). Follows
    ``torch.nn.TransformerDecoderLayer``.

    Parameters
    ----------
    d_model, nhead
        The width E of each position, and the number of heads.
    dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias
        As in :class:`TransformerEncoderLayer`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.TransformerDecoderLayer(d_model=8, nhead=2)
    >>> layer(torch.ones(6, 3, 8), torch.ones(10, 3, 8)).shape
    torch.Size([6, 3, 8])
    """

    attentions = ("self_attn", "multihead_attn")

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool = False,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the layer's output, of tgt's shape; masks as in MultiheadAttention."""
        x = self._attend(1, tgt, None, tgt_key_padding_mask, tgt_mask, tgt_is_causal)
        x = self._attend(2, x, memory, memory_key_padding_mask, memory_mask, memory_is_causal)
        return self._transform(3, x)


class _Stack(Module):
    """Copies of a layer, one after another, and a normalisation of what comes out."""

    def __init__(self, layer: Module, num_layers: int, norm: Module | None) -> None:
        super().__init__()
        self.layers = ModuleList([copy.deepcopy(layer) for _ in range(num_layers)])
        self.num_layers = num_layers
        self.norm = norm

    def _run(self, x: Tensor, *args: Tensor, **masks: Tensor | bool | None) -> Tensor:
        for layer in self.layers:
            x = layer(x, *args, **masks)
        return x if self.norm is None else self.norm(x)


class TransformerEncoder(_Stack):
    """A stack of copies of an encoder layer, which all start with its weights.

    Shapes: input and output (L, N, E). Follows ``torch.nn.TransformerEncoder``.

    Parameters
    ----------
    encoder_layer
        The layer that is copied.
    num_layers
        How many copies there are.
    norm
        A normalisation of what comes out.
    enable_nested_tensor, mask_check
        They steer a fast path of PyTorch's; here they change nothing.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.TransformerEncoderLayer(d_model=8, nhead=2)
    >>> nn.TransformerEncoder(layer, num_layers=2)(torch.ones(10, 3, 8)).shape
    torch.Size([10, 3, 8])
    """

    def __init__(
        self,
        encoder_layer: Module,
        num_layers: int,
        norm: Module | None = None,
        enable_nested_tensor: bool = True,
        mask_check: bool = True,
    ) -> None:
        super().__init__(encoder_layer, num_layers, norm)
        self.enable_nested_tensor = enable_nested_tensor
        self.mask_check = mask_check

    def forward(
        self,
        src: Tensor,
        mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        is_causal: bool | None = None,
    ) -> Tensor:
        """Return the last layer's output, normalised if a norm was given."""
        return self._run(
            src, src_mask=mask, src_key_padding_mask=src_key_padding_mask, is_causal=bool(is_causal)
        )


class TransformerDecoder(_Stack):
    """A stack of copies of a decoder layer, which all start with its weights.

    Shapes: tgt and output (T, N, E), memory (S, N, E). Follows ``torch.nn.TransformerDecoder``.

    Parameters
    ----------
    decoder_layer
        The layer that is copied.
    num_layers
        How many copies there are.
    norm
        A normalisation of what comes out.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.TransformerDecoderLayer(d_model=8, nhead=2)
    >>> nn.TransformerDecoder(layer, num_layers=2)(torch.ones(6, 3, 8), torch.ones(10, 3, 8)).shape
    torch.Size([6, 3, 8])
    """

    def __init__(self, decoder_layer: Module, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        tgt: Tensor,
        memory: Tensor,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return the last layer's output, normalised if a norm was given."""
        return self._run(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=bool(tgt_is_causal),
            memory_is_causal=memory_is_causal,
        )


class Transformer(Module):
    """An encoder and a decoder: from one sequence to another (Vaswani et al., 2017).

    Shapes: src (S, N, E), tgt and output (T, N, E). Follows ``torch.nn.Transformer``.

    Parameters
    ----------
    d_model, nhead
        The width E of each position, and the number of heads.
    num_encoder_layers, num_decoder_layers
        How many layers encoder and decoder have.
    custom_encoder, custom_decoder
        Modules in their places.
    dim_feedforward, dropout, activation, layer_norm_eps, batch_first, norm_first, bias
        As in :class:`TransformerEncoderLayer`.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> model = nn.Transformer(8, 2, num_encoder_layers=1, num_decoder_layers=1)
    >>> model(torch.ones(10, 3, 8), torch.ones(6, 3, 8)).shape
    torch.Size([6, 3, 8])
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: Activation = relu,
        custom_encoder: Module | None = None,
        custom_decoder: Module | None = None,
        layer_norm_eps: float = 1e-5,
        batch_first: bool = False,
        norm_first: bool = False,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        kind: dict[str, Any] = {"device": device, "dtype": dtype}
        settings: tuple[Any, ...] = (
            d_model, nhead, dim_feedforward, dropout, activation, layer_norm_eps, batch_first,
            norm_first, bias,
        )  # fmt: skip

        def stack(stack: Callable[..., Module], layer: type[_Layer], count: int) -> Module:
            made = layer(*settings, **kind)
            return stack(made, count, LayerNorm(d_model, layer_norm_eps, bias=bias, **kind))

        if custom_encoder is None:
            custom_encoder = stack(TransformerEncoder, TransformerEncoderLayer, num_encoder_layers)
        if custom_decoder is None:
            custom_decoder = stack(TransformerDecoder, TransformerDecoderLayer, num_decoder_layers)
        self.encoder: Module = custom_encoder
        self.decoder: Module = custom_decoder
        for parameter in self.parameters():
            if parameter.dim() > 1:
                init.xavier_uniform_(parameter)
        self.d_model = d_model
        self.nhead = nhead
        self.batch_first = batch_first

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
        src_key_padding_mask: Tensor | None = None,
        tgt_key_padding_mask: Tensor | None = None,
        memory_key_padding_mask: Tensor | None = None,
        src_is_causal: bool | None = None,
        tgt_is_causal: bool | None = None,
        memory_is_causal: bool = False,
    ) -> Tensor:
        """Return what the decoder makes of tgt and of the encoded src; tgt's shape.

        Raises
        ------
        RuntimeError
            When the batches differ, or a width isn't d_model.
        """
        at = 0 if self.batch_first else 1
        if src.dim() == 3 and src.shape[at] != tgt.shape[at]:
            raise RuntimeError(
                f"the batch number of src and tgt must be equal, got {src.shape[at]} and "
                f"{tgt.shape[at]}"
            )
        if src.shape[-1] != self.d_model or tgt.shape[-1] != self.d_model:
            raise RuntimeError(
                f"the feature number of src and tgt must be equal to d_model, {self.d_model}; got "
                f"{src.shape[-1]} and {tgt.shape[-1]}"
            )
        memory = self.encoder(
            src, mask=src_mask, src_key_padding_mask=src_key_padding_mask, is_causal=src_is_causal
        )
        out: Tensor = self.decoder(
            tgt,
            memory,
            tgt_mask=tgt_mask,
            memory_mask=memory_mask,
            tgt_key_padding_mask=tgt_key_padding_mask,
            memory_key_padding_mask=memory_key_padding_mask,
            tgt_is_causal=tgt_is_causal,
            memory_is_causal=memory_is_causal,
        )
        return out

    @staticmethod
    def generate_square_subsequent_mask(
        sz: int, device: DeviceLike | None = None, dtype: DTypeLike | None = None
    ) -> Tensor:
        """Return the causal mask: 0 where a position may look, -inf at what comes after it.

        Parameters
        ----------
        sz
            The number of positions L.
        device, dtype
            Where the mask is (the CPU), and its dtype.

        Returns
        -------
        A tensor of shape (L, L).

        Examples
        --------
        >>> from tinygrad_mnist import nn
        >>> nn.Transformer.generate_square_subsequent_mask(2)
        tensor([[0., -inf],
                [0., 0.]])
        """
        check_device(device)
        kind = dtypes.as_float(dtype)
        return wrap(np.triu(np.full((sz, sz), -np.inf, kind), 1))
