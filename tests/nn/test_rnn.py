"""Recurrent layers and cells, and packed sequences, beside PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from side_by_side import assert_same, compare, make_both

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.autograd import gradgradcheck
from tinygrad_mnist.nn.utils import rnn as sequences
from tinygrad_mnist.ops import recurrent
from tinygrad_mnist.ops.contract import TABLE


def draw(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape)


SETTINGS = [
    "",
    ", batch_first=True",
    ", num_layers=2, bidirectional=True",
    ", num_layers=3, dropout=0.4, bias=False",
    ", num_layers=2, bidirectional=True, dropout=0.3, batch_first=True",
]
KINDS = ["nn.RNN(3, 4{})", "nn.RNN(3, 4, nonlinearity='relu'{})", "nn.LSTM(3, 4{})",
         "nn.GRU(3, 4{})", "nn.LSTM(3, 4, proj_size=2{})"]  # fmt: skip
each = pytest.mark.parametrize("kind", KINDS)


@each
@pytest.mark.parametrize("settings", SETTINGS)
def test_recurrent_layer_is_pytorchs(kind: str, settings: str, torch: Any) -> None:
    compare(torch, kind.format(settings), draw(5, 2, 3))


def first_states(kind: str, *lead: int) -> list[np.ndarray]:
    if "proj_size" in kind:
        return [draw(*lead, 2), draw(*lead, 4)]
    return [draw(*lead, 4)] * (2 if "LSTM" in kind else 1)


def with_states(library: Any, module: Any, x: Any, *states: Any) -> Any:
    return module(x, tuple(states) if len(states) == 2 else states[0])


@each
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "single"])
def test_first_states_are_used_and_get_gradients(kind: str, batch: Any, torch: Any) -> None:
    call = kind.format(", num_layers=2, bidirectional=True")
    compare(torch, call, draw(5, *batch, 3), *first_states(kind, 4, *batch), run=with_states)


@each
@pytest.mark.parametrize("lengths", [[5, 3, 3, 1], [1, 5, 2, 5]], ids=str)
@pytest.mark.parametrize("given", [False, True], ids=["zeros", "states"])
def test_packed_sequences_go_in_and_come_out(
    kind: str, lengths: list[int], given: bool, torch: Any
) -> None:
    def run(library: Any, module: Any, x: Any, *states: Any) -> Any:
        utils = library.nn.utils.rnn
        ordered = lengths == sorted(lengths, reverse=True)
        packed = utils.pack_padded_sequence(x, lengths, True, enforce_sorted=ordered)
        out, last = module(packed) if not states else with_states(library, module, packed, *states)
        padded, read = utils.pad_packed_sequence(out, batch_first=True, padding_value=-2.0)
        assert read.tolist() == lengths
        assert out.batch_sizes.tolist() == packed.batch_sizes.tolist()
        return out.data, padded, last

    states = first_states(kind, 4, 4) if given else []
    call = kind.format(", num_layers=2, bidirectional=True, dropout=0.2")
    compare(torch, call, draw(4, 6, 3), *states, run=run)


@pytest.mark.parametrize(
    "call",
    ["nn.RNNCell(3, 4)", "nn.RNNCell(3, 4, bias=False, nonlinearity='relu')", "nn.LSTMCell(3, 4)",
     "nn.GRUCell(3, 4)", "nn.GRUCell(3, 4, bias=False)"],
)  # fmt: skip
@pytest.mark.parametrize("batch", [(2,), ()], ids=["batch", "single"])
def test_cell_is_pytorchs(call: str, batch: Any, torch: Any) -> None:
    compare(torch, call, draw(*batch, 3))
    compare(torch, call, draw(*batch, 3), *first_states(call, *batch), run=with_states)


@pytest.mark.parametrize("mode", ["RNN", "LSTM", "GRU"])
def test_a_layer_is_its_cell_step_by_step(mode: str) -> None:
    layer, cell = getattr(nn, mode)(3, 4), getattr(nn, f"{mode}Cell")(3, 4)
    cell.load_state_dict({k.removesuffix("_l0"): v for k, v in layer.state_dict().items()})
    x, state, rows = tg.randn(5, 2, 3), None, []
    for step in x:
        state = cell(step, state)
        rows.append(state[0] if mode == "LSTM" else state)
    assert tg.allclose(layer(x)[0], tg.stack(rows), atol=1e-6)


@pytest.mark.parametrize("mode", ["RNN", "LSTM", "GRU"])
def test_a_layer_can_be_differentiated_twice(mode: str) -> None:
    layer = getattr(nn, mode)(2, 2, bidirectional=True).double()
    x = tg.tensor(draw(3, 2, 2), requires_grad=True)
    assert gradgradcheck(lambda x, *_: layer(x)[0], (x, *layer.parameters()))


@pytest.mark.parametrize("mode", ["RNN", "LSTM", "GRU"])
def test_a_retained_graph_gives_the_same_gradients_again(mode: str) -> None:
    layer = getattr(nn, mode)(2, 3)
    out = layer(tg.randn(4, 2, 2))[0]
    g = tg.randn(4, 2, 3)
    found = []
    for retain in (True, False):
        layer.zero_grad()
        out.backward(g, retain_graph=retain)
        found.append([p.grad.clone() for p in layer.parameters()])
    assert all(tg.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize("sizes", [(3,) * 5, (3, 3, 3, 2, 2, 1)], ids=["equal", "packed"])
@pytest.mark.parametrize("reverse", [False, True])
def test_slopes_of_a_memory_are_the_same_in_blocks_of_any_length(
    sizes: tuple[int, ...], reverse: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, op = sum(sizes), TABLE["lstm"]
    saved = draw(rows, 8), draw(3, 2), draw(3, 2), draw(8, 2)
    settings: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
    found, blocks = [], []
    slopes = recurrent._lstm_slopes

    def counted(*arrays: Any) -> Any:
        blocks[-1] += 1
        return slopes(*arrays)

    monkeypatch.setattr(recurrent, "_lstm_slopes", counted)
    for limit in (1, 6 * 8, 2**17):
        monkeypatch.setattr(recurrent, "BLOCK", limit)
        blocks.append(0)
        out, *kept = op.forward(*saved, **settings)
        arguments = (draw(rows + 3, 2), out, *saved[1:], *kept)
        found.append(
            [op.rules[name].function(*arguments, **settings) for name in ("x", "h", "c", "weight")]
        )
    assert blocks == [len(sizes), 3 if len(set(sizes)) == 1 else 4, len(set(sizes))]
    for others in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(found[0], others, strict=True))


def test_an_empty_batch_gives_empty_states() -> None:
    out, (h, c) = nn.LSTM(3, 4)(tg.zeros(5, 0, 3))
    assert out.shape == (5, 0, 4)
    assert h.shape == c.shape == (1, 0, 4)


def test_weights_written_to_before_backward_are_noticed() -> None:
    layer = nn.LSTM(2, 3)
    out = layer(tg.randn(4, 2, 2))[0]
    with tg.no_grad():
        layer.weight_hh_l0.mul_(2.0)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.sum().backward()


def test_all_weights_are_grouped_by_layer_and_direction(torch: Any) -> None:
    mine, theirs = make_both(torch, "nn.LSTM(3, 4, 2, bidirectional=True, proj_size=2)")
    shapes = [[tuple(p.shape) for p in group] for group in theirs.all_weights]
    assert [[tuple(p.shape) for p in group] for group in mine.all_weights] == shapes
    mine.flatten_parameters()


def test_dropout_of_a_single_layer_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="all but last recurrent layer") as record:
        nn.LSTM(3, 4, dropout=0.1)
    assert record[0].filename == __file__


BAD = [
    "nn.RNN(3, 4, nonlinearity='gelu')", "nn.GRU(3, 4, proj_size=1)", "nn.LSTM(3, 4, proj_size=4)",
    "nn.LSTM(3, 4, proj_size=-1)", "nn.LSTM(3, 4, dropout=2)", "nn.LSTM(3, 4, dropout=True)",
    "nn.LSTM(3, 0)", "nn.LSTM(3, 4, 0)", "nn.LSTM(0, 4)", "nn.LSTM(3, 'a')", "nn.LSTM(3.0, 4)",
    "nn.LSTM(3, 4)(zeros(2, 2, 2, 3))", "nn.GRU(3, 4)(zeros(3))", "nn.RNN(3, 4)(zeros(2, 2, 2))",
    "nn.RNN(3, 4)(zeros(0, 2, 3))", "nn.LSTM(3, 4)(zeros(2, 2, 3).double())",
    "nn.LSTM(3, 4)(zeros(2, 2, 3).long())", "nn.GRU(3, 4)(zeros(2, 2, 3), zeros(1, 1, 4))",
    "nn.GRU(3, 4)(zeros(2, 2, 3), zeros(1, 4))", "nn.GRU(3, 4)(zeros(2, 3), zeros(1, 1, 4))",
    "nn.LSTM(3, 4)(zeros(2, 2, 3), (zeros(1, 4), zeros(1, 4)))",
    "nn.LSTM(3, 4)(zeros(2, 2, 3), (zeros(1, 2, 4), zeros(1, 1, 4)))",
    "nn.RNNCell(3, 4)(zeros(2, 2, 3))", "nn.RNNCell(3, 4)(zeros(2, 2))",
    "nn.RNNCell(3, 4)(zeros(2, 3), zeros(1, 4))", "nn.RNNCell(3, 4)(zeros(2, 3), zeros(2, 5))",
    "nn.RNNCell(3, 4, nonlinearity='x')(zeros(2, 3))",
    "nn.LSTMCell(3, 4)(zeros(2, 3), (zeros(1, 2, 4), zeros(2, 4)))",
    "pack(zeros(3, 2, 1), [2, 3])", "pack(zeros(3, 2, 1), [3, 0])", "pack(zeros(3, 2, 1), [3])",
    "pack(zeros(3), [2, 1])", "pack(zeros(3, 2, 1), zeros(2, 1))",
    "pad(pack(zeros(3, 2), [2, 1]), total_length=1)", "pad_sequence([])", "pad_sequence(3)",
    "pad_sequence([zeros(2)], padding_side='middle')", "pad_sequence([1, 2])",
    "pad_sequence([zeros(2, 2), zeros(3, 3)])", "pad_sequence([zeros(())])",
]  # fmt: skip


@pytest.mark.parametrize("call", BAD)
def test_bad_input_is_pytorchs_error(call: str, torch: Any) -> None:
    kinds = []
    for library in (tg, torch):
        utils = library.nn.utils.rnn
        names = {
            "nn": library.nn, "zeros": library.zeros, "pack": utils.pack_padded_sequence,
            "pad": utils.pad_packed_sequence, "pad_sequence": utils.pad_sequence,
        }  # fmt: skip
        with pytest.raises(Exception) as caught:
            eval(call, names)
        kinds.append(caught.type)
    assert kinds[0] is kinds[1], caught.value


def test_a_length_beyond_the_input_is_refused() -> None:
    with pytest.raises(RuntimeError, match="length 4 is beyond the 3 steps"):
        sequences.pack_padded_sequence(tg.zeros(3, 2), [4, 1])


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_first", [False, True])
def test_sequences_are_padded_as_pytorch_pads(side: str, batch_first: bool, torch: Any) -> None:
    parts = [draw(2, 2), draw(4, 2), draw(3, 2)]
    results = []
    for library in (tg, torch):
        tensors = [library.tensor(x).requires_grad_() for x in parts]
        utils = library.nn.utils.rnn
        out = utils.pad_sequence(tensors, batch_first, 7.0, side)
        (out * out).sum().backward()
        results.append((out, [x.grad for x in tensors]))
    assert_same(*results)
    ints = [tg.tensor([1, 2]), tg.tensor([1.5])]
    assert sequences.pad_sequence(ints).tolist() == [[1, 1], [2, 0]]


def test_packing_and_unpacking_return_the_sequences(torch: Any) -> None:
    lengths = [2, 4, 4, 1]
    packed = []
    for library in (tg, torch):
        utils = library.nn.utils.rnn
        parts = [library.tensor(draw(n, 2)) for n in lengths]
        packed.append(utils.pack_sequence(parts, enforce_sorted=False))
        back = utils.unpack_sequence(packed[-1])
        assert_same(back, [torch.tensor(draw(n, 2)) for n in lengths])
        padded, read = utils.pad_packed_sequence(packed[-1], total_length=6)
        assert read.tolist() == lengths
        assert_same(utils.unpad_sequence(padded, read), back)
    assert_same(tuple(packed[0]), tuple(packed[1]))
    assert packed[0].float().data.dtype == tg.float32
    assert packed[0].to(tg.float64) is packed[0]


def test_float32_stays_float32(torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for mode in ("RNN", "LSTM", "GRU"):
            layer = getattr(nn, mode)(3, 4, bidirectional=True)
            x = tg.randn(5, 2, 3, requires_grad=True)
            out = layer(x)[0]
            out.sum().backward()
            assert {t.dtype for t in (out, x.grad, *(p.grad for p in layer.parameters()))} == {
                tg.float32
            }
