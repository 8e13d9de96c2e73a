"""States that recurrent layers return are the caller's own: it may be detached, or written to, in place."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_mnist as tg


@pytest.mark.parametrize(
    "settings", [{}, {"batch_first": True}, {"num_layers": 2}, {"bias": False}]
)
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_states_are_detached_in_place(kind: str, settings: dict[str, Any], torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        t.manual_seed(0)
        layer = getattr(t.nn, kind)(2, 3, **settings)
        out, states = layer(t.ones(4, 4, 2))
        states = states if isinstance(states, tuple) else (states,)
        next_out, _ = layer(
            t.ones(4, 4, 2),
            tuple(s.detach_() for s in states) if kind == "LSTM" else states[0].detach_(),
        )
        next_out.sum().backward(retain_graph=True)
        first = layer.weight_hh_l0.grad.clone()
        kept = out.detach().clone()
        for state in states:
            state.zero_()
        same = (out.detach() == kept).all().item()
        return [first.tolist(), same, [s.requires_grad for s in states]]

    mine, theirs = run(tg), run(torch)
    assert mine[1:] == theirs[1:]
    assert tg.allclose(tg.tensor(mine[0]), tg.tensor(theirs[0]), atol=1e-6)


def test_states_of_cells_and_packed_sequences_are_detached_in_place() -> None:
    for state in tg.nn.LSTMCell(2, 3)(tg.ones(4, 2)):
        assert not state.detach_().requires_grad
    packed = tg.nn.utils.rnn.pack_padded_sequence(tg.ones(4, 2, 2), [2, 4], enforce_sorted=False)
    out, states = tg.nn.LSTM(2, 3)(packed)
    for x in (out.data, *states):
        assert not x.detach_().requires_grad
