"""Arguments of layers that fit nowhere are refused where PyTorch refuses them, and never dropped."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg


def value(t: Any, call: str) -> Any:
    """Evaluate a call in a library."""
    source = np.random.default_rng(6)

    def draw(*shape: int) -> Any:
        return t.tensor(source.standard_normal(shape).astype(np.float32))

    names = {
        "t": t,
        "F": t.nn.functional,
        "D": t.distributions,
        "draw": draw,
        "np": np,
        "i": t.tensor([[0, 2], [1, 1], [2, 0]]),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return eval(call, names)


REFUSED = [
    *(f"F.bilinear(draw(2, 3), draw(2, 5), draw(4, 3, 5), {b})" for b in ("t.ones(1)", "t.ones(2)", "t.ones(())", "t.ones(2, 4)", "t.ones(4).double()")),
    "F.bilinear(draw(2, 3), draw(5), draw(4, 3, 5))",
    "F.prelu(draw(2, 4, 3), t.ones(2, 4))", "F.prelu(draw(2, 4), t.ones(4).double())", "F.prelu(draw(2, 4), t.ones(3))",
    "F.conv_transpose1d(draw(2, 3, 6), draw(3, 4, 2), t.ones(4).double())", "F.conv_transpose2d(draw(2, 3, 6, 5), draw(3, 4, 2, 2), t.ones(1))",
    "F.conv1d(draw(2, 3, 6), draw(4, 3, 2), t.ones(1))", "F.linear(draw(2, 3), draw(4, 3), t.ones(5))",
    "F.batch_norm(draw(2, 4), None, None, t.ones(1), training=True)", "F.layer_norm(draw(2, 4), (4,), t.ones(1))", "F.group_norm(draw(2, 4), 2, t.ones(2))",
    "F.embedding(i, draw(5))", "F.embedding(i, draw(5, 2), 5)", "F.embedding(i, draw(5, 2), 1.0)",
    "F.embedding_bag(i, draw(5, 2), padding_idx=5)", "F.embedding_bag(i, draw(5, 2), padding_idx=True)",
    "F.embedding_bag(i, draw(5, 2), mode='sum', per_sample_weights=draw(3, 2).double())", "F.embedding_bag(i, draw(5, 2), mode='sum', per_sample_weights=draw(3, 1))",
    "F.embedding_bag(i[:, 0], draw(5, 2), t.tensor([0, 4]))", "F.embedding_bag(i[:, 0], draw(5, 2), t.tensor([1, 2]))", "F.embedding_bag(i[:, 0], draw(5, 2), t.tensor([0.0, 2.0]))",
    "F.one_hot(i.int())", "F.one_hot(i.float(), 4)", "F.one_hot(i, 2)",
    "F.pad(draw(2, 3, 4, 5), (1, 1), 'reflect')", "F.pad(draw(4), (1, 1), 'replicate')", "F.pad(draw(2, 3, 4), (1,) * 6, 'circular')", "F.pad(draw(2, 3, 4), (), 'reflect')",
    "F.local_response_norm(draw(2, 4, 3), -1)", "F.adaptive_avg_pool2d(draw(2, 3, 5, 4), (2,))", "F.adaptive_max_pool2d(draw(2, 3, 5, 4), (2,))",
    "t.nn.MultiMarginLoss(3)", "t.nn.MultiMarginLoss(weight=t.ones(2, 2))", "t.nn.TripletMarginLoss(0)", "t.nn.TripletMarginWithDistanceLoss(margin=-1)", "t.nn.Hardtanh(1, -1)",
    "t.linalg.svd(draw(2, 2), driver='gesvd')", "t.linalg.svdvals(draw(2, 2), driver='gesvd')", "t.cdist(draw(2, 2), draw(2, 2), compute_mode='x')",
    "t.repeat_interleave(draw(2, 2), 2, output_size=5)", "t.repeat_interleave(t.tensor([1, 2]), output_size=4)", "draw(2).repeat_interleave(t.tensor([1, 2]), 0, output_size=7)",
]  # fmt: skip


@pytest.mark.parametrize("call", REFUSED)
def test_what_does_not_fit_is_refused_as_in_pytorch(torch: Any, call: str) -> None:
    kinds = (RuntimeError, ValueError, IndexError, TypeError, NotImplementedError)
    with pytest.raises((*kinds, AssertionError)):
        value(torch, call)
    with pytest.raises(kinds, match=r"\w+: \S+"):
        value(tg, call)


@pytest.mark.parametrize(
    "call",
    [
        "t.hsplit(draw(2, 2, 4), 2.5)",
        "t.dsplit(draw(2, 2, 4), 2.5)",
        "t.dsplit(draw(2, 2, 4), 3)",
        "draw(3) @ np.float64(2)",
        "draw(3) @ np.float32(2)",
        "F.dropout1d(draw(3), -1)",
        "F.dropout1d(draw(3), draw(3))",
        "F.affine_grid(draw(1, 2, 3), None)",
        "draw(3).acos_(0)",
    ],
)
def test_errors_are_of_pytorchs_kinds(torch: Any, call: str) -> None:
    with pytest.raises(Exception) as expected:
        value(torch, call)
    with pytest.raises(expected.type):
        value(tg, call)


@pytest.mark.parametrize(
    "call",
    [
        "F.prelu(t.tensor(-2.0), t.tensor([0.5]))",
        "F.prelu(draw(2, 4, 3), t.tensor(0.5))",
        "F.embedding_bag(i.flatten(), draw(5, 2), t.tensor([0, 2, 6]), include_last_offset=True)",
        "F.embedding_bag(i.flatten(), draw(5, 2), t.tensor([0, 2, 4]), mode='sum', include_last_offset=True)",
        "F.embedding_bag(i.flatten(), draw(5, 2), t.tensor([0, 0]), mode='sum', include_last_offset=True)",
        "F.embedding_bag(i.flatten(), draw(5, 2), t.zeros(0, dtype=t.int64))",
        "t.repeat_interleave(draw(2, 2), 2, 0, output_size=4)",
        "D.Independent(D.Normal(t.zeros(2), 1.0), 1, validate_args=False).log_prob(t.zeros(2))",
    ],
)
def test_what_fits_gives_what_pytorch_gives(torch: Any, call: str) -> None:
    mine, theirs = value(tg, call), value(torch, call)
    assert tuple(mine.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


def test_arguments_without_effect_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="eps"):
        tg.nn.functional.gumbel_softmax(tg.zeros(3), eps=0.1)
    x = tg.ones(2, requires_grad=True)
    with pytest.warns(FutureWarning, match="only_inputs"):
        tg.autograd.grad(x.sum(), x, only_inputs=False)
