"""Bags of words, CTC, grids, losses of margins: beside PyTorch's, and their gradients."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tests.side_by_side import compare, make_both
from tinygrad_mnist.nn import functional as F

source = np.random.default_rng(0)
SCORES = source.standard_normal((5, 4))
CLASSES = np.array([3, 0, 1, 2, 1])
IMAGES = source.standard_normal((2, 3, 4, 5))
VECTORS = [source.standard_normal((4, 3)) for _ in range(3)]
WORDS = np.array([1, 2, 4, 5, 4, 3, 2, 9])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("call", ["nn.MultiMarginLoss(", "nn.MultiMarginLoss(2, 0.7, "])
def test_multi_margin_loss(call: str, reduction: str, torch: Any) -> None:
    compare(torch, f"{call}reduction={reduction!r})", SCORES, CLASSES)


def test_margins_with_weights(torch: Any) -> None:
    def weighted(t: Any, module: Any, x: Any, y: Any) -> Any:
        weight = t.tensor([0.1, 0.5, 1.0, 2.0], dtype=t.float64)
        one = t.nn.functional.multi_margin_loss(x, y, weight=weight)
        return one, t.nn.functional.multilabel_soft_margin_loss(x, (x > 0).double(), weight)

    compare(torch, "nn.Identity()", SCORES, CLASSES, run=weighted)
    compare(torch, "nn.MultiLabelSoftMarginLoss()", SCORES, (SCORES > 0.2).astype(float))
    compare(torch, "nn.TripletMarginWithDistanceLoss()", *VECTORS)
    call = "nn.TripletMarginWithDistanceLoss(distance_function=lambda a, b: (a - b).abs().sum(-1), margin=2.0, swap=True)"
    compare(torch, call, *VECTORS)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("options", ["", ", padding_idx=2", ", include_last_offset=True"])
def test_embedding_bag(mode: str, options: str, torch: Any) -> None:
    call = f"nn.EmbeddingBag(10, 3, mode={mode!r}{options})"
    offsets = np.array([0, 3, 3, 5, 8] if "offset" in options else [0, 3, 3, 5])
    compare(torch, call, WORDS, offsets)
    compare(torch, call, WORDS.reshape(2, 4))


def test_embedding_bag_with_weights(torch: Any) -> None:
    def run(t: Any, bag: Any, words: Any, offsets: Any, weights: Any) -> Any:
        return bag(words, offsets, per_sample_weights=weights)

    weights = source.standard_normal(8)
    compare(torch, "nn.EmbeddingBag(10, 3, mode='sum')", WORDS, np.array([0, 5]), weights, run=run)


@pytest.mark.parametrize("aligned", [False, True])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_grid_sample(mode: str, padding: str, aligned: bool, torch: Any) -> None:
    def run(t: Any, module: Any, x: Any, theta: Any) -> Any:
        grid = t.nn.functional.affine_grid(theta, (2, 3, 3, 6), align_corners=aligned)
        return grid, t.nn.functional.grid_sample(x, grid, mode, padding, aligned)

    compare(torch, "nn.Identity()", IMAGES, source.standard_normal((2, 2, 3)), run=run)


def test_grid_sample_has_second_derivatives() -> None:
    x = tg.tensor(IMAGES[:1, :1], requires_grad=True)
    grid = tg.tensor(source.uniform(-0.9, 0.9, (1, 2, 2, 2)), requires_grad=True)
    assert tg.autograd.gradcheck(F.grid_sample, (x, grid))
    assert tg.autograd.gradgradcheck(F.grid_sample, (x, grid))


@pytest.mark.parametrize("options", ["", "reduction='sum'", "blank=2, reduction='none'"])
def test_ctc_loss(options: str, torch: Any) -> None:
    logits = source.standard_normal((7, 3, 5))
    labels = np.array([[1, 3, 3], [4, 4, 0], [0, 1, 1]]) if "blank" in options else np.array(
        [[1, 3, 3], [4, 4, 2], [2, 1, 1]])  # fmt: skip

    def run(t: Any, loss: Any, x: Any, y: Any) -> Any:
        rows = loss(x.log_softmax(2), y, (7, 5, 6), (3, 2, 0))
        joined = t.cat([y[0], y[1, :2]])
        flat = loss(x.log_softmax(2), joined, t.tensor([7, 5, 6]), t.tensor([3, 2, 0]))
        return rows, flat, loss(x[:, 0].log_softmax(1), y[0], t.tensor(7), t.tensor(3))

    compare(torch, f"nn.CTCLoss({options})", logits, labels, run=run)


def test_ctc_loss_of_labels_that_do_not_fit(torch: Any) -> None:
    for t in (tg, torch):
        x = t.zeros(2, 1, 3).log_softmax(2)
        loss = t.nn.CTCLoss()(x, t.tensor([[1, 1]]), [2], [2])
        assert math.isinf(loss.item())
        loss = t.nn.CTCLoss(zero_infinity=True)(x, t.tensor([[1, 1]]), [2], [2])
        assert loss.item() == 0
        with pytest.raises(RuntimeError):
            t.nn.functional.ctc_loss(x, t.tensor([[1, 1]]), [3], [2])


def test_ctc_loss_has_a_derivative() -> None:
    x = tg.tensor(source.standard_normal((4, 1, 3)), requires_grad=True)

    def loss(x: Any) -> Any:
        return F.ctc_loss(x.log_softmax(2), tg.tensor([[1, 2]]), [4], [2])

    assert tg.autograd.gradcheck(loss, (x,))
    assert tg.autograd.gradgradcheck(loss, (x,))


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax(hard: bool, torch: Any) -> None:
    def run(t: Any, module: Any, x: Any) -> Any:
        return t.nn.functional.gumbel_softmax(x, tau=0.7, hard=hard)

    compare(torch, "nn.Identity()", SCORES, run=run)


def test_layers_of_other_layers(torch: Any) -> None:
    compare(torch, "nn.Softmax2d()", IMAGES)
    compare(torch, "nn.BatchNorm3d(3)", source.standard_normal((2, 3, 2, 2, 3)))
    compare(torch, "nn.AlphaDropout(0.3)", SCORES)
    mine, theirs = make_both(torch, "nn.DataParallel(nn.Linear(2, 3))")
    assert mine.device_ids == theirs.device_ids
    x = np.ones((4, 2), np.float32)
    np.testing.assert_allclose(
        mine(tg.tensor(x)).detach(), theirs(torch.tensor(x)).detach(), rtol=1e-6
    )


@pytest.mark.parametrize(
    "bad",
    [
        "F.multi_margin_loss(t.ones(2, 3), t.tensor([0]))",
        "F.multi_margin_loss(t.ones(1, 3), t.tensor([0]), p=3)",
        "F.triplet_margin_with_distance_loss(*[t.ones(1, 2)] * 3, margin=0)",
        "F.embedding_bag(t.tensor([0]), t.ones(2, 2))",
        "F.embedding_bag(t.tensor([[0]]), t.ones(2, 2), t.tensor([0]))",
        "F.embedding_bag(t.tensor([0]), t.ones(2, 2), t.tensor([0]), mode='min')",
        "F.embedding_bag(t.tensor([0]), t.ones(2, 2), t.tensor([1]))",
        "F.grid_sample(t.ones(1, 1, 2, 2), t.ones(2, 1, 1, 2), align_corners=False)",
        "F.grid_sample(t.ones(1, 1, 2, 2), t.ones(1, 1, 1, 2), padding_mode='edge', align_corners=False)",
        "F.ctc_loss(t.zeros(2, 1, 3), t.tensor([[1]]), [2, 2], [1])",
        "F.ctc_loss(t.zeros(2, 1, 3), t.tensor([1, 2]), [2], [1])",
        "F.alpha_dropout(t.ones(2), 1.5)",
    ],
)
def test_bad_arguments_are_refused_as_in_pytorch(bad: str, torch: Any) -> None:
    with pytest.raises(Exception) as theirs:
        eval(bad, {"t": torch, "F": torch.nn.functional})
    with pytest.raises(theirs.type):
        eval(bad, {"t": tg, "F": F})


def test_what_is_not_offered_says_so() -> None:
    for call in (
        "F.grid_sample(t.ones(1, 1, 2, 2, 2), t.ones(1, 1, 1, 1, 3))",
        "F.grid_sample(t.ones(1, 1, 2, 2), t.ones(1, 1, 1, 2), mode='bicubic')",
        "F.affine_grid(t.ones(1, 3, 4), (1, 1, 2, 2, 2))",
    ):
        with pytest.raises(NotImplementedError, match=r"offered|has shape"):
            eval(call, {"t": tg, "F": F})


def test_margins_of_several_labels_are_pytorchs(torch: Any) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    target = np.array([[3, 0, -1, 1], [1, -1, 2, 2], [-1, 0, 1, 2]])
    for call in ("F.multilabel_margin_loss(x, y)", "F.multilabel_margin_loss(x, y, reduction='none')",
                 "F.multilabel_margin_loss(x, y, reduction='sum')", "nn.MultiLabelMarginLoss()(x, y)",
                 "F.multilabel_margin_loss(x[0], y[0])", "F.multilabel_margin_loss(x, y, False)",
                 "nn.MultiLabelMarginLoss(reduce=False)(x, y)"):  # fmt: skip
        results = []
        for m in (tg, torch):
            leaf = m.tensor(x, requires_grad=True)
            given = {"F": m.nn.functional, "nn": m.nn, "x": leaf, "y": m.tensor(target)}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                out = eval(call, given)
            out.sum().backward()
            results.append((out.detach().numpy(), leaf.grad.numpy()))
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
            assert np.shape(a) == np.shape(b)
    loss = F.multilabel_margin_loss
    with pytest.raises(RuntimeError, match="classes from 0 to 2"):
        loss(tg.ones(3), tg.tensor([3, -1, 0]))
    with pytest.raises(RuntimeError, match="one shape"):
        loss(tg.ones(3), tg.tensor([1]))
