"""Every layer, loss and activation beside PyTorch's: numbers, gradients, repr, state."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from side_by_side import assert_same, compare

import tinygrad_mnist as tg
from tinygrad_mnist import nn

SMOOTH = np.linspace(-3.7, 3.9, 24).reshape(2, 3, 4)
KINKS = np.array([[-6.0, -3.0, -1.0, -0.5, 0.0], [0.5, 1.0, 3.0, 6.0, 20.0]])

ACTIVATIONS = [
    "ReLU()", "ReLU6()", "LeakyReLU()", "LeakyReLU(0.3)", "PReLU()", "PReLU(3, 0.1)", "ELU()",
    "ELU(alpha=0.5)", "SELU()", "CELU()", "CELU(2.0)", "GELU()", "GELU('tanh')", "SiLU()", "Mish()",
    "Sigmoid()", "Hardsigmoid()", "Hardswish()", "LogSigmoid()", "Tanh()", "Hardtanh()",
    "Hardtanh(-2.0, 0.5)", "Softplus()", "Softplus(beta=2.0)", "Softsign()", "Softmin(dim=1)",
    "Softmax(dim=-1)", "LogSoftmax(dim=1)", "Tanhshrink()", "Softshrink()", "Hardshrink(0.3)",
    "Threshold(0.1, 20.0)", "Identity(3)", "Dropout(0.0)", "Flatten()", "Flatten(0, 1)",
    "Unflatten(1, (3, 1))",
]  # fmt: skip


@pytest.mark.parametrize("call", ACTIVATIONS)
def test_activation_is_pytorchs(call: str, torch: Any) -> None:
    # PyTorch rounds the 1/6 of its hardsigmoid to float32.
    compare(torch, f"nn.{call}", SMOOTH, tolerance=1e-7 if call == "Hardsigmoid()" else 1e-9)


@pytest.mark.parametrize(
    "call", [c for c in ACTIVATIONS if "PReLU(3" not in c and "flatten" not in c.lower()]
)
def test_activation_is_pytorchs_at_its_kinks(call: str, torch: Any) -> None:
    compare(torch, f"nn.{call}", KINKS, tolerance=1e-7 if call == "Hardsigmoid()" else 1e-9)


@pytest.mark.parametrize(
    "name",
    ["ReLU", "ReLU6", "LeakyReLU", "ELU", "SELU", "CELU", "SiLU", "Mish", "Hardsigmoid",
     "Hardswish", "Hardtanh"],
)  # fmt: skip
def test_activation_in_place_writes_into_its_input(name: str, torch: Any) -> None:
    results = []
    for library, layers in ((tg, nn), (torch, torch.nn)):
        x = library.tensor(SMOOTH, requires_grad=True)
        y = x * 1
        module = getattr(layers, name)(inplace=True)
        out = module(y)
        assert out is y
        (out * out).sum().backward()
        results.append((y, x.grad))
    assert_same(results[0], results[1], 1e-7)


PAIR = (np.random.default_rng(2).standard_normal((4, 3)), np.random.default_rng(3).random((4, 3)))
SIGNS = np.where(np.arange(12).reshape(4, 3) % 3 == 0, 1.0, -1.0)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    ("name", "settings", "inputs"),
    [
        ("MSELoss", {}, PAIR),
        ("L1Loss", {}, PAIR),
        ("SmoothL1Loss", {}, PAIR),
        ("SmoothL1Loss", {"beta": 0.3}, PAIR),
        ("SmoothL1Loss", {"beta": 0.0}, PAIR),
        ("HuberLoss", {"delta": 0.4}, PAIR),
        ("BCELoss", {}, (PAIR[1], PAIR[1][::-1].copy())),
        ("BCEWithLogitsLoss", {}, PAIR),
        ("KLDivLoss", {}, PAIR),
        ("KLDivLoss", {"log_target": True}, PAIR),
        ("HingeEmbeddingLoss", {}, (PAIR[0], SIGNS)),
        ("HingeEmbeddingLoss", {"margin": 0.2}, (PAIR[0], SIGNS)),
        ("MarginRankingLoss", {"margin": 0.1}, (*PAIR, SIGNS)),
        ("CosineEmbeddingLoss", {}, (*PAIR, SIGNS[:, 0])),
        ("CosineEmbeddingLoss", {"margin": 0.2}, (*PAIR, SIGNS[:, 0])),
        ("TripletMarginLoss", {}, (*PAIR, SIGNS)),
        ("TripletMarginLoss", {"swap": True, "margin": 0.5, "p": 1.0}, (*PAIR, SIGNS)),
        ("GaussianNLLLoss", {}, (*PAIR, PAIR[1] + 0.1)),
        ("GaussianNLLLoss", {"full": True}, (*PAIR, PAIR[1][:, :1] * 0)),
        ("PoissonNLLLoss", {}, PAIR),
        ("PoissonNLLLoss", {"full": True}, (PAIR[0], PAIR[1] * 5)),
        ("PoissonNLLLoss", {"log_input": False}, (PAIR[1], PAIR[1] * 5)),
        ("SoftMarginLoss", {}, (PAIR[0], SIGNS.astype(np.int64))),
        ("NLLLoss", {}, (PAIR[0], np.array([0, 2, 1, 1]))),
        ("CrossEntropyLoss", {"label_smoothing": 0.1}, (PAIR[0], np.array([0, 2, -100, 1]))),
        ("CrossEntropyLoss", {}, PAIR),
    ],
    ids=str,
)
def test_loss_is_pytorchs(
    name: str, settings: dict[str, Any], inputs: Any, reduction: str, torch: Any
) -> None:
    words = ", ".join(f"{k}={v!r}" for k, v in {**settings, "reduction": reduction}.items())
    compare(torch, f"nn.{name}({words})", *inputs)


def test_kl_divergence_of_a_target_with_zeros_is_finite(torch: Any) -> None:
    target = np.where(PAIR[1] > 0.5, PAIR[1], 0)
    mine = nn.functional.kl_div(tg.tensor(PAIR[0]), tg.tensor(target), reduction="sum")
    pair = torch.tensor(PAIR[0]), torch.tensor(target)
    theirs = torch.nn.functional.kl_div(*pair, reduction="sum")
    assert mine.item() == pytest.approx(theirs.item())


def test_kl_divergence_is_divided_by_the_batch(torch: Any) -> None:
    compare(torch, "nn.KLDivLoss(reduction='batchmean')", *PAIR)


@pytest.mark.parametrize(
    ("call", "inputs"),
    [
        ("Linear(3, 5)", (PAIR[0],)),
        ("Linear(4, 2, bias=False)", (SMOOTH,)),
        ("Bilinear(3, 3, 2)", PAIR),
        ("Embedding(7, 3)", (np.array([[1, 2, 1], [6, 0, 1]]),)),
        ("Embedding(7, 3, padding_idx=-1)", (np.array([[1, 6, 1], [6, 0, 1]]),)),
        ("Embedding(7, 3, max_norm=1.0)", (np.array([1, 2, 1]),)),
        ("CosineSimilarity()", PAIR),
        ("CosineSimilarity(dim=0)", PAIR),
        ("PairwiseDistance()", PAIR),
        ("PairwiseDistance(p=1.0, keepdim=True)", PAIR),
    ],
    ids=str,
)
def test_layer_is_pytorchs(call: str, inputs: Any, torch: Any) -> None:
    compare(torch, f"nn.{call}", *inputs)


@pytest.mark.parametrize("name", ["dropout1d", "dropout2d"])
def test_channel_dropout_zeroes_whole_channels(name: str) -> None:
    tg.manual_seed(0)
    shape = (50, 40, 3) if name == "dropout1d" else (50, 40, 3, 2)
    out = getattr(nn.functional, name)(tg.ones(*shape), 0.25).numpy().reshape(2000, -1)
    assert (out == out[:, :1]).all()
    assert set(np.unique(out)) == {0.0, np.float32(1 / 0.75)}
    assert abs((out[:, 0] == 0).mean() - 0.25) < 0.05


def test_embedding_refuses_what_lies_outside() -> None:
    table = nn.Embedding(3, 2)
    for index in (3, -1):
        with pytest.raises(IndexError, match=f"index out of range: {index}, but the weight has 3"):
            table(tg.tensor([index]))
    with pytest.raises(RuntimeError, match="must be integers"):
        table(tg.tensor([1.0]))


def test_pretrained_embedding_is_frozen() -> None:
    weight = tg.tensor([[1.0, 2.0], [3.0, 4.0]])
    table = nn.Embedding.from_pretrained(weight)
    assert not table.weight.requires_grad
    assert table(tg.tensor([1])).tolist() == [[3.0, 4.0]]
    assert nn.Embedding.from_pretrained(weight, freeze=False).weight.requires_grad


@pytest.mark.parametrize("shape", [(2, 0, 3), (0, 4, 3), (2, 3, 0), (2, 2, 2, 3)], ids=str)
def test_linear_takes_batches_of_matrices_and_empty_ones(shape: Any, torch: Any) -> None:
    weight = np.random.default_rng(4).standard_normal((5, shape[-1]))
    x = np.random.default_rng(5).standard_normal(shape)
    results = []
    for library in (tg, torch):
        tensors = [library.tensor(a, requires_grad=True) for a in (x, weight)]
        out = library.nn.functional.linear(*tensors)
        (out * out).sum().backward()
        results.append((out, [t.grad for t in tensors]))
    assert_same(*results)


@pytest.mark.parametrize("many", [True, False])
def test_gradients_of_rows_add_up_in_order(many: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are added element by element if there aren't too many: the bits are the same."""
    if not many:
        monkeypatch.setattr("tinygrad_mnist.ops.indexing.MANY", 0)
    source = np.random.default_rng(0)
    x, index = tg.zeros(5, 2, 3, requires_grad=True), source.integers(-5, 5, (40, 7))
    g = source.standard_normal((40, 7, 2, 3)).astype(np.float32)
    g[0, 0] = np.inf
    x[tg.from_numpy(index)].backward(tg.from_numpy(g))
    expected = np.zeros((5, 2, 3), np.float32)
    for row, part in zip(index.reshape(-1), g.reshape(-1, 2, 3), strict=True):
        expected[row] += part
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.numpy(), expected)


def test_gelu_in_float32_is_pytorchs_from_end_to_end(torch: Any) -> None:
    x = np.concatenate([np.linspace(-9, 9, 5001), [-1e30, 1e30, 1e-40, 0.0]]).astype(np.float32)
    mine = nn.functional.gelu(tg.from_numpy(x)).numpy()
    theirs = torch.nn.functional.gelu(torch.from_numpy(x)).numpy()
    np.testing.assert_allclose(mine, theirs, rtol=1e-6, atol=1e-6)
    assert nn.functional.gelu(tg.tensor(float("nan"))).isnan()
