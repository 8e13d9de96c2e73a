"""Losses called as PyTorch's are: by position, with its older arguments, and with what fits not."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn

F = nn.functional
FLAGS = [(None, None), (None, False), (False, None), (True, None), (False, True), (True, False)]

FUNCTIONS = [
    "F.mse_loss(x, y, {a}, {r}, 'none')",
    "F.l1_loss(x, y, {a}, {r}, 'sum')",
    "F.smooth_l1_loss(x, y, {a}, {r}, 'none', 0.5)",
    "F.kl_div(x, p, {a}, {r}, 'sum', True)",
    "F.nll_loss(x, c, w, {a}, 1, {r}, 'sum')",
    "F.cross_entropy(x, c, w, {a}, 1, {r}, 'none', 0.1)",
    "F.binary_cross_entropy(p, q, w, {a}, {r}, 'none')",
    "F.binary_cross_entropy_with_logits(x, q, w, {a}, {r}, 'sum', w + 1)",
    "F.hinge_embedding_loss(x, s, 0.7, {a}, {r}, 'none')",
    "F.margin_ranking_loss(x, y, s, 0.7, {a}, {r}, 'none')",
    "F.cosine_embedding_loss(x, y, s[:, 0], 0.2, {a}, {r}, 'none')",
    "F.triplet_margin_loss(x, y, p, 0.7, 2.0, 1e-5, True, {a}, {r}, 'none')",
    "F.poisson_nll_loss(x, q, False, True, {a}, 0.3, {r}, 'none')",
    "F.soft_margin_loss(x, s, {a}, {r}, 'none')",
    "F.multi_margin_loss(x, c, 2, 0.7, w, {a}, {r}, 'none')",
    "F.multilabel_soft_margin_loss(x, q.round(), w, {a}, {r}, 'none')",
    "F.multilabel_margin_loss(x, g, {a}, {r}, 'none')",
    "nn.MultiLabelMarginLoss({a}, {r}, 'none')(x, g)",
    "nn.MSELoss({a}, {r}, 'none')(x, y)",
    "nn.L1Loss({a}, {r}, 'sum')(x, y)",
    "nn.SmoothL1Loss({a}, {r}, 'none', 0.5)(x, y)",
    "nn.KLDivLoss({a}, {r}, 'batchmean', True)(x, p)",
    "nn.NLLLoss(w, {a}, 1, {r}, 'sum')(x, c)",
    "nn.CrossEntropyLoss(w, {a}, 1, {r}, 'none', 0.1)(x, c)",
    "nn.BCELoss(w, {a}, {r}, 'none')(p, q)",
    "nn.BCEWithLogitsLoss(w, {a}, {r}, 'sum', w + 1)(x, q)",
    "nn.HingeEmbeddingLoss(0.7, {a}, {r}, 'none')(x, s)",
    "nn.MarginRankingLoss(0.7, {a}, {r}, 'none')(x, y, s)",
    "nn.CosineEmbeddingLoss(0.2, {a}, {r}, 'none')(x, y, s[:, 0])",
    "nn.TripletMarginLoss(0.7, 2.0, 1e-5, True, {a}, {r}, 'none')(x, y, p)",
    "nn.PoissonNLLLoss(False, True, {a}, 0.3, {r}, 'none')(x, q)",
    "nn.SoftMarginLoss({a}, {r}, 'none')(x, s)",
    "nn.MultiMarginLoss(2, 0.7, w, {a}, {r}, 'none')(x, c)",
    "nn.MultiLabelSoftMarginLoss(w, {a}, {r}, 'none')(x, q.round())",
]
"""The losses with every argument by position: {a} is size_average, {r} is reduce."""


def run(t: Any, call: str) -> tuple[Any, list[str]]:
    """Evaluate a call in a library; return its value and the warnings."""
    source = np.random.default_rng(3)
    names = {
        "t": t,
        "nn": t.nn,
        "F": t.nn.functional,
        "x": t.tensor(source.standard_normal((4, 3))).log_softmax(1),
        "y": t.tensor(source.standard_normal((4, 3))),
        "p": t.tensor(source.uniform(0.1, 0.9, (4, 3))),
        "q": t.tensor(source.uniform(0.0, 1.0, (4, 3))),
        "s": t.tensor(source.choice([-1.0, 1.0], (4, 3))),
        "c": t.tensor([0, 2, 1, 2]),
        "g": t.tensor([[0, -1, 1], [2, 1, -1], [1, 0, 2], [-1, 0, 0]]),
        "w": t.tensor([0.5, 1.0, 2.0], dtype=t.float64),
        "f": t.tensor(source.standard_normal((4, 3)).astype(np.float32)),
        "ones": t.ones,
    }
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        out = eval(call, names)
    return out, [str(w.message) for w in caught if "size_average" in str(w.message)]


@pytest.mark.parametrize("call", FUNCTIONS)
def test_losses_by_position_are_those_of_pytorch(torch: Any, call: str) -> None:
    for average, reduce in FLAGS:
        mine, theirs = (run(t, call.format(a=average, r=reduce)) for t in (tg, torch))
        assert mine[1] == theirs[1], (average, reduce)
        assert tuple(mine[0].shape) == tuple(theirs[0].shape), (average, reduce)
        np.testing.assert_allclose(mine[0].numpy(), theirs[0].numpy(), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "call",
    [
        "nn.CrossEntropyLoss(None, False)(x, c)",
        "F.nll_loss(x, c, w, False)",
        "nn.NLLLoss(w, True)(x, c)",
        "F.poisson_nll_loss(p, q, True, False, False)",
        "nn.MSELoss(False, False)(x, y)",
        "nn.MSELoss('sum')(x, y)",  # read as size_average, which is true
        "nn.SmoothL1Loss(False)(x, y)",
        "nn.HuberLoss('sum', 0.5)(x, y)",
        "nn.CTCLoss(0, 'sum', True)(x[:, None], c[None, :2] + 0 * 1, [4], [2])",
    ],
)
def test_a_loss_by_position_is_that_of_pytorch(torch: Any, call: str) -> None:
    mine, theirs = run(tg, call), run(torch, call)
    assert mine[1] == theirs[1]
    np.testing.assert_allclose(mine[0].numpy(), theirs[0].numpy(), rtol=1e-9)


def test_elementwise_mean_is_the_mean() -> None:
    with pytest.warns(UserWarning, match="elementwise_mean"):
        assert F.mse_loss(tg.ones(2), tg.zeros(2), reduction="elementwise_mean").item() == 1


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.MSELoss, nn.BCELoss, nn.L1Loss])
def test_a_loss_made_of_the_tensors_says_how_it_is_called(loss: Any) -> None:
    with pytest.raises(RuntimeError, match=rf"{loss.__name__}\(\)\(input, target\)"):
        loss(tg.ones(4, 3), tg.zeros(4, dtype=tg.int64))


def test_a_warning_reaches_code_that_has_no_module() -> None:
    with pytest.warns(UserWarning, match="broadcast"):
        eval("loss(a, b)", {"loss": F.mse_loss, "a": tg.ones(2), "b": tg.ones(1)})


REFUSED = [
    # class weights
    *(
        f"F.{f}(f, c, weight=ones({n}{kind}){more})"
        for f in ("cross_entropy", "nll_loss", "multi_margin_loss")
        for n, kind in ((5, ""), (2, ""), (1, ""), ("(4, 3)", ""), (3, ", dtype=t.float64"))
        for more in (["", ", label_smoothing=0.1"] if f == "cross_entropy" else [""])
    ),
    "F.cross_entropy(f, f.softmax(1), weight=ones(5))",
    "F.cross_entropy(f, f.softmax(1), weight=ones(1))",
    "F.cross_entropy(f, f.softmax(1), ignore_index=0)",
    "nn.CrossEntropyLoss(ignore_index=2)(f, f.softmax(1))",
    # targets of another kind or shape
    "F.cross_entropy(f, c.int())",
    "F.nll_loss(f, c.short())",
    "F.multi_margin_loss(f, c.int())",
    "F.binary_cross_entropy(p, q > 0.5)",
    "F.binary_cross_entropy(p, q.float())",
    "F.binary_cross_entropy(p, q.round().long())",
    "F.binary_cross_entropy_with_logits(x, q.round().long())",
    "F.kl_div(x, q.round().long(), reduction='sum')",
    "F.soft_margin_loss(x.sum(1, True), s[:, 0])",
    "F.mse_loss(c, c, reduction='sum')",
    "F.huber_loss(c, c)",
    "F.cosine_embedding_loss(x, y, s[:, :1])",
    "F.cosine_embedding_loss(x, y, s[0, 0])",
    "F.triplet_margin_loss(x, y, p[0])",
    "F.triplet_margin_with_distance_loss(x, y[0], p)",
    "F.margin_ranking_loss(x, y, s[0])",
    "F.multilabel_soft_margin_loss(x.sum(), s.sum())",
    # weights of elements
    "F.mse_loss(x, y, weight=w)",
    "F.l1_loss(x, y, weight=w)",
    "F.huber_loss(x, y, weight=w)",
    "F.binary_cross_entropy(p, q, weight=ones(2, 4, 3))",
    "F.binary_cross_entropy(p, q, weight=ones(2))",
    "F.binary_cross_entropy_with_logits(x, q, weight=ones(2, 4, 3))",
    "F.binary_cross_entropy_with_logits(x, q, pos_weight=ones(2, 4, 3))",
    "F.binary_cross_entropy_with_logits(x, q, pos_weight=ones(2))",
    "F.gaussian_nll_loss(x, y, p[:, :2])",
]


@pytest.mark.parametrize("call", REFUSED)
def test_arguments_that_do_not_fit_are_refused_as_in_pytorch(torch: Any, call: str) -> None:
    with pytest.raises((RuntimeError, ValueError, IndexError)):
        run(torch, call)
    with pytest.raises((RuntimeError, ValueError, IndexError), match=r"(?i)loss|entropy|kl_div"):
        run(tg, call)


@pytest.mark.parametrize(
    "call",
    [
        "F.cross_entropy(x[0], c[:1])",
        "F.nll_loss(x[0], c[:1], reduction='none')",
        "F.multi_margin_loss(x[0], c[:1], reduction='none')",
        "F.mse_loss(x, y > 0)",
        "F.smooth_l1_loss(x > 0, y)",
        "F.soft_margin_loss(x, y > 0)",
        "F.gaussian_nll_loss(x, y, p[:1])",
        "F.gaussian_nll_loss(x[None], y[None], p[None, :1])",
        "F.multilabel_soft_margin_loss(x, q.round(), w[None, None])",
        "F.multilabel_soft_margin_loss(x, q.round(), ones(2, 4, 3))",
    ],
)
def test_arguments_that_pytorch_takes_give_its_loss(torch: Any, call: str) -> None:
    mine, theirs = run(tg, call)[0], run(torch, call)[0]
    assert tuple(mine.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
def test_a_sequence_without_input_costs_nothing_if_it_has_no_labels(
    torch: Any, reduction: str, zero_infinity: bool
) -> None:
    source = np.random.default_rng(5)
    array, labels = source.standard_normal((4, 3, 3)), source.integers(1, 3, (3, 2))
    for inputs, lengths in (([0, 4, 0], [0, 2, 0]), ([0, 0, 0], [0, 0, 0]), ([0, 3, 1], [1, 0, 1])):
        results = []
        for t in (tg, torch):
            x = t.tensor(array, requires_grad=True)
            loss = t.nn.functional.ctc_loss(
                x.log_softmax(2), t.tensor(labels), inputs, lengths,
                reduction=reduction, zero_infinity=zero_infinity,
            )  # fmt: skip
            loss.sum().backward()
            results.append((loss.detach().numpy(), x.grad.numpy()))
        np.testing.assert_allclose(results[0][0], results[1][0], atol=1e-12)
        if np.isfinite(results[1][0]).all():
            np.testing.assert_allclose(results[0][1], results[1][1], atol=1e-9)


@pytest.mark.parametrize(
    "call",
    [
        "F.ctc_loss(x[:, None], c[None, :1], [5], [1])",
        "F.ctc_loss(x[:, None], c[None, :1], [-1], [1])",
        "F.ctc_loss(x[:, None], c[None, :1], [4], [2])",
        "F.ctc_loss(x[:, None], c[None, :1], [4], [-1])",
        "F.ctc_loss(x[:, None], c[None, :1], t.tensor([4.0]), t.tensor([1]))",
        "F.ctc_loss(x[:, None], c[None, :1], t.tensor([4]), t.tensor([1.0]))",
        "F.ctc_loss(x[:, None], c[None, :1], [4], [1], blank=3)",
        "F.ctc_loss(x[:, None], c[None, :1], [4], [1], blank=-1)",
        "F.ctc_loss(x[:, None], c[:2, None], [4], [1])",
        "F.ctc_loss(x[:0, None], c[None, :1], [0], [0])",
        "F.ctc_loss(c[:, None, None], c[None, :1], [4], [1])",
    ],
)
def test_sequences_that_do_not_fit_are_refused(torch: Any, call: str) -> None:
    with pytest.raises((RuntimeError, NotImplementedError)):
        run(torch, call)
    with pytest.raises(RuntimeError, match="ctc_loss: "):
        run(tg, call)
