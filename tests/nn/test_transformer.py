"""Attention with several heads, and the transformer, beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from side_by_side import compare, make_both

import tinygrad_mnist as tg
from tinygrad_mnist import nn

pytestmark = [
    pytest.mark.filterwarnings("ignore:enable_nested_tensor"),
    pytest.mark.filterwarnings("ignore:Support for mismatched"),
]


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


CAUSAL = np.triu(np.ones((5, 5), bool), 1)
PADDING = np.array([[False] * 5, [False, False, False, True, True]])
BIAS = draw(5, 5)
HEADS = draw(4, 5, 5) > 0.7
MASKS = {
    "none": {},
    "bool": {"attn_mask": CAUSAL},
    "float": {"attn_mask": BIAS},
    "heads": {"attn_mask": HEADS & ~np.eye(5, dtype=bool)},
    "padding": {"key_padding_mask": PADDING},
    "both": {"attn_mask": CAUSAL, "key_padding_mask": PADDING},
    "mixed": {"attn_mask": BIAS, "key_padding_mask": PADDING},
    "causal": {"attn_mask": CAUSAL, "is_causal": True},
}


def attend(library: Any, module: Any, *inputs: Any, **options: Any) -> Any:
    query = inputs[0]
    key = inputs[1] if len(inputs) > 1 else query
    value = inputs[2] if len(inputs) > 2 else key
    given = {k: library.tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    return module(query, key, value, **given)


@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "without"])
@pytest.mark.parametrize("masks", MASKS)
def test_self_attention_is_pytorchs(masks: str, need_weights: bool, torch: Any) -> None:
    def run(library: Any, module: Any, x: Any) -> Any:
        return attend(library, module, x, need_weights=need_weights, **MASKS[masks])

    compare(torch, "nn.MultiheadAttention(4, 2, batch_first=True)", draw(2, 5, 4), run=run)


@pytest.mark.parametrize(
    "settings",
    ["", ", bias=False", ", add_bias_kv=True", ", add_zero_attn=True", ", kdim=3, vdim=6",
     ", kdim=3, vdim=6, add_bias_kv=True, add_zero_attn=True, bias=False", ", dropout=0.4"],
)  # fmt: skip
@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "without"])
def test_attention_to_another_sequence_is_pytorchs(
    settings: str, need_weights: bool, torch: Any
) -> None:
    def run(library: Any, module: Any, *inputs: Any) -> Any:
        return attend(
            library, module, *inputs, need_weights=need_weights, average_attn_weights=False,
            attn_mask=CAUSAL[:3], key_padding_mask=PADDING,
        )  # fmt: skip

    k, v = (3, 6) if "kdim" in settings else (4, 4)
    inputs = draw(3, 2, 4), draw(5, 2, k), draw(5, 2, v)
    compare(torch, f"nn.MultiheadAttention(4, 2{settings})", *inputs, run=run)


@pytest.mark.parametrize("need_weights", [True, False], ids=["weights", "without"])
def test_a_single_sequence_needs_no_batch(need_weights: bool, torch: Any) -> None:
    def run(library: Any, module: Any, *inputs: Any) -> Any:
        return attend(
            library, module, *inputs, need_weights=need_weights, key_padding_mask=PADDING[1]
        )

    compare(torch, "nn.MultiheadAttention(4, 2)", draw(3, 4), draw(5, 4), run=run)


@pytest.mark.parametrize("settings", ["", ", norm_first=True, bias=False", ", activation='gelu'",
                                      ", activation=nn.SiLU(), dropout=0.0, batch_first=True",
                                      ", activation=F.silu, norm_first=True"])  # fmt: skip
@pytest.mark.parametrize("layer", ["Encoder", "Decoder"])
def test_transformer_layer_is_pytorchs(layer: str, settings: str, torch: Any) -> None:
    def run(library: Any, module: Any, x: Any, memory: Any) -> Any:
        mask, padding = library.tensor(CAUSAL), library.tensor(PADDING)
        if layer == "Encoder":
            return module(x + memory, mask, padding)
        return module(x, memory, mask, None, padding, padding)

    shape = (2, 5, 4) if "batch_first" in settings else (5, 2, 4)
    call = f"nn.Transformer{layer}Layer(4, 2, 6{settings})"
    compare(torch, call, draw(*shape), draw(*shape) + 1, run=run)


def test_encoder_stack_is_pytorchs(torch: Any) -> None:
    def run(library: Any, module: Any, x: Any) -> Any:
        mask = library.nn.Transformer.generate_square_subsequent_mask(5, dtype=library.float64)
        return module(x, mask, is_causal=True), module(x), module(x, mask)

    call = "nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6, 0.2), 2, nn.LayerNorm(4))"
    compare(torch, call, draw(5, 2, 4), run=run)


@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "single"])
def test_transformer_is_pytorchs(batch: Any, torch: Any) -> None:
    def run(library: Any, module: Any, src: Any, tgt: Any) -> Any:
        mask = module.generate_square_subsequent_mask(3, dtype=library.float64)
        return module(src, tgt, tgt_mask=mask, tgt_is_causal=True)

    compare(torch, "nn.Transformer(4, 2, 2, 2, 6)", draw(5, *batch, 4), draw(3, *batch, 4), run=run)


def test_custom_parts_take_the_place_of_the_own() -> None:
    class Reverse(nn.Module):
        def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
            return x.flip((0,))

    model = nn.Transformer(4, 2, custom_encoder=Reverse(), custom_decoder=Reverse())
    tgt = tg.randn(3, 2, 4)
    assert tg.equal(model(tg.randn(5, 2, 4), tgt), tgt.flip((0,)))


def test_copies_of_a_layer_share_nothing_but_their_first_values(torch: Any) -> None:
    mine, _ = make_both(torch, "nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 6), 2)")
    a, b = (layer.linear1.weight for layer in mine.layers)
    assert tg.equal(a, b)
    assert a is not b
    assert not np.shares_memory(a.detach().numpy(), b.detach().numpy())


def test_a_query_that_may_see_nothing_gets_zeros_without_weights_and_nan_with(torch: Any) -> None:
    results = []
    for library in (tg, torch):
        library.manual_seed(0)
        module = library.nn.MultiheadAttention(4, 2, batch_first=True)
        x = library.tensor(draw(1, 3, 4), dtype=library.float32)
        mask = library.tensor(np.array([[True] * 3, [False] * 3, [False] * 3]))
        results.append([module(x, x, x, attn_mask=mask, need_weights=w)[0] for w in (True, False)])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-5, atol=1e-6)


A, E = "nn.MultiheadAttention(4, 2)", "nn.TransformerEncoderLayer(4, 2, 8)"
BAD = [
    "nn.MultiheadAttention(4, 3)", "nn.MultiheadAttention(0, 3)", f"{A}(z(2, 2, 4), z(2, 4), z(2, 4))",
    f"{A}(z(2, 2, 4), z(2, 2, 4), z(2, 2, 3))", f"{A}(z(2, 2, 3), z(2, 2, 4), z(2, 2, 4))",
    f"{A}(z(2, 2, 2, 4), z(2, 4), z(2, 4))", f"{A}(z(2, 2, 4), z(3, 2, 4), z(2, 2, 4))",
    f"{A}(z(2, 2, 4), z(3, 2, 4), z(3, 2, 4), key_padding_mask=z(3, 2) > 0)",
    f"{A}(z(2, 2, 4), z(3, 2, 4), z(3, 2, 4), attn_mask=z(3, 2))",
    f"{A}(z(2, 2, 4), z(3, 2, 4), z(3, 2, 4), attn_mask=z(2, 2, 3))",
    f"{A}(z(2, 2, 4), z(3, 2, 4), z(3, 2, 4), attn_mask=z(2, 3).long())",
    f"{A}(z(2, 2, 4), z(3, 2, 4), z(3, 2, 4), is_causal=True)",
    "nn.TransformerEncoderLayer(4, 2, activation='tanh')", f"{E}(z(2, 2, 4), is_causal=True)",
    f"{E}(z(2, 2, 2, 4))", "nn.Transformer(4, 2, 1, 1, 8)(z(3, 2, 4), z(2, 3, 4))",
    "nn.Transformer(4, 2, 1, 1, 8)(z(3, 2, 5), z(2, 2, 5))", "nn.LayerNorm(4)(z(2, 3))",
]  # fmt: skip


@pytest.mark.parametrize("call", BAD)
def test_bad_input_is_pytorchs_error(call: str, torch: Any) -> None:
    kinds = []
    for library in (tg, torch):
        with pytest.raises(Exception) as caught:
            eval(call, {"nn": library.nn, "z": library.zeros})
        kinds.append(caught.type)
    assert kinds[0] is kinds[1], caught.value


@pytest.mark.parametrize(
    "call",
    ["nn.LayerNorm(4)", "nn.LayerNorm((2, 4), eps=1e-2, bias=False)",
     "nn.LayerNorm([2, 4], elementwise_affine=False)"],
)  # fmt: skip
def test_layer_norm_is_pytorchs(call: str, torch: Any) -> None:
    compare(torch, call, draw(3, 2, 4))
