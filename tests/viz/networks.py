"""Networks of many kinds whose graphs are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F

Made = tuple[Any, Callable[[], Any]]
"""What names the parameters, and what computes a loss."""


class Cube(tg.autograd.Function):
    """A user's own operation."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * 3 * x**2


class Net(nn.Module):
    """Two layers, a parameter that broadcasts, and a path around it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(8, 6), nn.ReLU(), nn.Linear(6, 4))
        self.scale = nn.Parameter(tg.ones(4))

    def forward(self, x: Any) -> Any:
        h = self.layers(x)
        return h * self.scale + h


class Tied(nn.Module):
    """An embedding whose weight is that of the last layer."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.embedding.weight

    def forward(self, index: Any) -> Any:
        return self.out(self.embedding(index).tanh())


def mlp() -> Made:
    model, x, y = Net(), tg.randn(5, 8), tg.tensor([0, 1, 2, 3, 0])
    return model, lambda: F.cross_entropy(model(x), y)


def cnn() -> Made:
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(48, 4),
    )  # fmt: skip
    x, y = tg.randn(6, 1, 8, 8), tg.randint(0, 4, (6,))
    return model, lambda: F.cross_entropy(model(x), y)


def lstm() -> Made:
    model = nn.ModuleDict({"lstm": nn.LSTM(3, 4, 2, batch_first=True), "head": nn.Linear(4, 2)})
    x = tg.randn(2, 5, 3)
    return model, lambda: F.mse_loss(model["head"](model["lstm"](x)[0][:, -1]), tg.zeros(2, 2))


def cell() -> Made:
    model, xs = nn.RNNCell(3, 4), tg.randn(6, 2, 3)

    def loss() -> Any:
        h = tg.zeros(2, 4)
        for x in xs:
            h = model(x, h)
        return h.pow(2).sum()

    return model, loss


def transformer() -> Made:
    model = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True), 2
    )
    x = tg.randn(2, 5, 8)
    return model, lambda: model(x).tanh().mean()


def tied() -> Made:
    model = Tied()
    return model, lambda: F.cross_entropy(model(tg.tensor([1, 2, 3])), tg.tensor([2, 3, 4]))


def function() -> Made:
    w = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return {"w": w}, lambda: (Cube.apply(w) * tg.tensor([[2.0], [1.0]])).sum()


def several() -> Made:
    """Operations with several outputs, of which some are used, once or twice."""
    x = tg.tensor([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 2.0]], requires_grad=True)

    def loss() -> Any:
        u, s, _ = tg.linalg.svd(x)
        a, b = x.split(2, 1)
        values, _ = x.max(dim=1)
        return s.sum() + u[0, 0] ** 2 * s[0] + a.sum() * b.prod() + values.sum()

    return {"x": x}, loss


NETWORKS = [mlp, cnn, lstm, cell, transformer, tied, function, several]


def named(params: Any) -> dict[str, Any]:
    return dict(params.named_parameters() if isinstance(params, nn.Module) else params)
