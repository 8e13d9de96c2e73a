"""A program for a process in which JAX has eight devices: trainings on some of them, as JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import prefetch

BATCH = 48


def perceptron() -> Any:
    return nn.Sequential(
        nn.Linear(16, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2),
        nn.Linear(64, 8),
    )  # fmt: skip


def convolution() -> Any:
    return nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32, 8),
    )  # fmt: skip


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.layer = nn.Linear(4, 16), nn.TransformerEncoderLayer(16, 2, 32, 0.0)
        self.out = nn.Linear(16, 8)

    def forward(self, x: Any) -> Any:
        return self.out(self.layer(self.into(x.view(-1, 4, 4)).transpose(0, 1))[0])


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm, self.out = nn.LSTM(4, 16, batch_first=True), nn.Linear(16, 8)

    def forward(self, x: Any) -> Any:
        return self.out(self.lstm(x.view(-1, 4, 4))[0][:, -1])


MODELS: dict[str, Callable[[], Any]] = {
    "perceptron": perceptron, "convolution": convolution, "attention": Attention,
    "recurrent": Recurrent,
}  # fmt: skip


def bytes_of(tensors: Any) -> list[int]:
    """Return the bytes of tensors' arrays, and those of them on the first device."""
    held = [t._held.content for t in tensors]
    return [sum(x.nbytes for x in held), sum(x.addressable_shards[0].data.nbytes for x in held)]


def train(model: str, count: int | None = None, ahead: bool = False, **how: Any) -> dict[str, Any]:
    """Train for some steps; return the losses, and what else there is to know."""
    tg.manual_seed(0)
    data = [(tg.randn(BATCH, 16), tg.randint(0, 8, (BATCH,))) for _ in range(3)]
    network = MODELS[model]()
    optimizer = tg.optim.Adam(network.parameters(), lr=0.01)

    def step(x: Any, y: Any) -> Any:
        loss = nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if count is not None:
        step = tg.compile(step, backend="xla", devices=count, fullgraph=True, **how)
    found: dict[str, Any] = {"losses": []}
    for _ in range(3):
        for x, y in prefetch(data, step) if ahead else data:
            found["losses"].append(step(x, y).item())
    if count is not None:
        (made,) = step.steps.values()
        (executable,) = made.built._executables.values()
        states = [t for s in optimizer.state.values() for k, t in s.items() if k != "step"]
        found |= {
            "runs": made.runs,
            "parameters": bytes_of(network.parameters()),
            "gradients": bytes_of([p.grad for p in network.parameters()]),
            "states": bytes_of(states),
            "collectives": [w for w in ("all-reduce", "all-gather") if w in executable.as_text()],
        }
    found["weights"] = [p.detach().numpy().sum().item() for p in network.parameters()]
    return found


def refusal(**how: Any) -> str:
    """Return what is said to a batch that can't be split."""
    try:
        train("perceptron", **how)
    except RuntimeError as error:
        return str(error)
    return ""


def main() -> None:
    """Print what came of everything."""
    found: dict[str, Any] = {"eager": {m: train(m) for m in MODELS}, "split": {}}
    for model in MODELS:
        for count in (1, 2, 8) if model == "perceptron" else (4,):
            found["split"][f"{model}, {count} devices"] = train(model, count)
        found["split"][f"{model}, 8 devices, parameters"] = train(model, 8, shard="parameters")
    found["split"]["perceptron, 4 devices, prefetched"] = train("perceptron", 4, ahead=True)
    found["refusal"] = refusal(count=5)
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
