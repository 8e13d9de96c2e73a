"""W1 to W12: training steps, from a network of two layers to a transformer.

A model is written once, for any framework with PyTorch's interface, and built twice: by PyTorch,
and by us from PyTorch's initial weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np

import tinygrad_mnist as tg
import tinygrad_mnist.utils.data
from benchmarks import compilers, others
from benchmarks.by_hand import Network
from benchmarks.measure import Benchmark, Conditions, Step, torch

FRAMEWORKS = {"ours": tg} if torch is None else {"ours": tg, "PyTorch": torch}
Batch = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Dense:
    """Linear layers with an activation in between, and an optimizer."""

    sizes: tuple[int, ...]
    activation: str
    batch: int
    optimizer: str
    lr: float

    def __str__(self) -> str:
        """Describe the network in one line."""
        sizes = "-".join(map(str, self.sizes))
        return f"{sizes} {self.activation}, batch {self.batch}, {self.optimizer}"

    def data(self, seed: int = 0) -> Batch:
        """Draw a batch."""
        return images((self.batch, self.sizes[0]), seed)

    def parameters(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Draw initial weights and biases."""
        source = np.random.default_rng(0)
        pairs = list(zip(self.sizes, self.sizes[1:], strict=False))
        scale = [np.sqrt(2 / (n + m)) for n, m in pairs]
        w = [source.standard_normal((m, n)) * s for (n, m), s in zip(pairs, scale, strict=True)]
        return [a.astype(np.float32) for a in w], [np.zeros(m, np.float32) for _, m in pairs]

    def network(self, framework: Any) -> Any:
        """Build the network."""
        nn = framework.nn
        layers: list[Any] = []
        for n, m in zip(self.sizes, self.sizes[1:], strict=False):
            layers += [nn.Linear(n, m), nn.ReLU() if self.activation == "relu" else nn.Sigmoid()]
        return nn.Sequential(*layers[:-1])

    def steps(self, conditions: Conditions) -> dict[str, Step]:
        """Return the step of each contestant, from the same weights."""
        batches = [self.data(seed) for seed in range(conditions.batches)]
        weights, biases = self.parameters()
        arrays = interleaved(weights, biases)
        steps = contestants(self.network, arrays, batches, self.optimizer, self.lr, conditions)
        by_hand = Network(weights, biases, self.activation, self.optimizer, self.lr, self.batch)
        turns = cycle(batches)
        steps["NumPy"] = lambda: by_hand.step(*next(turns))
        if self.optimizer == "sgd" and self.activation == "relu":
            steps.update(others.steps(*batches[0], weights, biases, self.lr))
        return steps | compilers.by_hand(
            "dense", self.activation, arrays, batches[0], self.optimizer, self.lr, conditions
        )


def contestants(
    build: Callable[[Any], Any],
    arrays: list[np.ndarray],
    batches: Sequence[Batch],
    kind: str,
    lr: float,
    conditions: Conditions,
) -> dict[str, Step]:
    """Return the training steps of a classifier, each contestant's from the same weights."""
    steps: dict[str, Step] = {}
    for name, framework in FRAMEWORKS.items():
        device = "cuda" if framework is torch and conditions.device == "gpu" else "cpu"
        tensors = [tuple(framework.from_numpy(a).to(device) for a in batch) for batch in batches]
        for who, compiler in compilers.of(name, conditions):
            network = build(framework).to(device)
            set_parameters(framework, network, arrays)
            optimizer = make_optimizer(framework, network, kind, lr)
            step = compiler(descent(framework, network, optimizer))
            steps[who] = on_turns(step, compilers.sent(who, step, tensors))
    return steps


def on_turns(step: compilers.Function, batches: Sequence[Any]) -> Step:
    """Return a step on batches that take turns."""
    turns = cycle(batches)
    return lambda: step(*next(turns)).item()


def descent(framework: Any, network: Any, optimizer: Any) -> compilers.Function:
    """Return a function that takes one training step, and returns its loss."""

    def step(x: Any, y: Any) -> Any:
        loss = framework.nn.functional.cross_entropy(network(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step


def make_optimizer(framework: Any, network: Any, kind: str, lr: float) -> Any:
    """Return an optimizer by its name."""
    optim, parameters = framework.optim, list(network.parameters())
    if kind == "momentum":
        return optim.SGD(parameters, lr=lr, momentum=0.9)
    classes = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "adadelta": "Adadelta"}
    return getattr(optim, classes[kind])(parameters, lr=lr)


def interleaved(weights: list[np.ndarray], biases: list[np.ndarray]) -> list[np.ndarray]:
    """Return the arrays of a network's layers in the order of its parameters."""
    return [array for pair in zip(weights, biases, strict=True) for array in pair]


def set_parameters(framework: Any, network: Any, arrays: list[np.ndarray]) -> None:
    """Give a network its initial parameters."""
    with framework.no_grad():
        for parameter, array in zip(network.parameters(), arrays, strict=True):
            parameter.copy_(framework.from_numpy(array))


@dataclass(frozen=True)
class Classifier:
    """A classifier that any framework can build, data by their seed, and an optimizer."""

    build: Callable[[Any, bool], Any]
    """Called with the framework, and with whether to leave randomness out."""
    data: Callable[[int], Batch]
    optimizer: str
    lr: float

    by_hand: str = ""
    """The name of the same model in JAX, if there is one."""

    def steps(self, conditions: Conditions) -> dict[str, Step]:
        """Return each contestant's training step, from the same weights."""
        batches = [self.data(seed) for seed in range(conditions.batches)]
        framework = FRAMEWORKS.get("PyTorch", tg)
        framework.manual_seed(0)
        network = self.build(framework, conditions.check)
        arrays = [p.detach().numpy().copy() for p in network.parameters()]
        steps = contestants(
            lambda framework: self.build(framework, conditions.check), arrays, batches,
            self.optimizer, self.lr, conditions,
        )  # fmt: skip
        return steps | compilers.by_hand(
            self.by_hand, conditions.check, arrays, batches[0], self.optimizer, self.lr, conditions
        )


def images(shape: tuple[int, ...], seed: int = 0) -> Batch:
    """Draw images and labels."""
    source = np.random.default_rng(seed)
    return source.random(shape, dtype=np.float32), source.integers(0, 10, shape[0])


def convolutional(framework: Any, check: bool) -> Any:
    """Build two convolutions and two linear layers; dropout is left out of a check."""
    nn = framework.nn
    return nn.Sequential(
        nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
        nn.Dropout(0.0 if check else 0.25), nn.Flatten(), nn.Linear(9216, 128), nn.ReLU(),
        nn.Dropout(0.0 if check else 0.5), nn.Linear(128, 10),
    )  # fmt: skip


def transformer(framework: Any, check: bool) -> Any:
    """Build a character-level transformer: 4 layers, 4 heads, 128 wide, context 32."""
    nn, F = framework.nn, framework.nn.functional
    width, heads, context, characters = 128, 4, 32, 65

    class Attention(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.into = nn.Linear(width, 3 * width)
            self.out = nn.Linear(width, width)

        def forward(self, x: Any) -> Any:
            b, t, c = x.shape
            q, k, v = (
                part.view(b, t, heads, c // heads).transpose(1, 2)
                for part in self.into(x).split(width, dim=2)
            )
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(b, t, c))

    class Layer(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.attention, self.norm1 = Attention(), nn.LayerNorm(width)
            self.norm2 = nn.LayerNorm(width)
            self.mlp = nn.Sequential(
                nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
            )

        def forward(self, x: Any) -> Any:
            x = x + self.attention(self.norm1(x))
            return x + self.mlp(self.norm2(x))

    class Model(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.tokens = nn.Embedding(characters, width)
            self.places = nn.Embedding(context, width)
            self.layers = nn.Sequential(*[Layer() for _ in range(4)])
            self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, characters)

        def forward(self, x: Any) -> Any:
            places = framework.arange(x.shape[1], device=x.device)
            hidden = self.layers(self.tokens(x) + self.places(places))
            return self.head(self.norm(hidden)).view(-1, characters)

    return Model()


def text(seed: int) -> Batch:
    """Draw 32 pieces of text of 32 characters, and the character after each."""
    source = np.random.default_rng(seed)
    return source.integers(0, 65, (32, 32)), source.integers(0, 65, 32 * 32)


def recurrent(
    framework: Any, check: bool, width: int, hidden: int, layers: int = 1, both: bool = False
) -> Any:
    """Build an LSTM, in both directions if asked, and a linear layer on its last output."""
    nn = framework.nn

    class Model(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(width, hidden, layers, batch_first=True, bidirectional=both)
            self.head = nn.Linear(hidden * (1 + both), 10)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Model()


def residual(framework: Any, check: bool) -> Any:
    """Build ResNet-18's first two stages for small images, and a linear layer on their mean."""
    nn, F = framework.nn, framework.nn.functional

    def convolution(into: int, out: int, size: int, stride: int = 1) -> Any:
        return nn.Conv2d(into, out, size, stride, padding=size // 2, bias=False)

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, into: int, out: int, stride: int) -> None:
            super().__init__()
            self.conv1, self.norm1 = convolution(into, out, 3, stride), nn.BatchNorm2d(out)
            self.conv2, self.norm2 = convolution(out, out, 3), nn.BatchNorm2d(out)
            self.shortcut = nn.Sequential()
            if into != out:
                self.shortcut = nn.Sequential(
                    convolution(into, out, 1, stride), nn.BatchNorm2d(out)
                )

        def forward(self, x: Any) -> Any:
            y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
            return F.relu(y + self.shortcut(x))

    return nn.Sequential(
        convolution(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU(), Block(64, 64, 1), Block(64, 64, 1),
        Block(64, 128, 2), Block(128, 128, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(128, 10),
    )  # fmt: skip


def normalized(framework: Any, check: bool) -> Any:
    """Build two small convolutions with batch norm, and a linear layer."""
    nn = framework.nn

    def stage(into: int, out: int) -> list[Any]:
        return [
            nn.Conv2d(into, out, 5, padding=2), nn.BatchNorm2d(out), nn.ReLU(), nn.MaxPool2d(2)
        ]  # fmt: skip

    return nn.Sequential(*stage(1, 16), *stage(16, 32), nn.Flatten(), nn.Linear(7 * 7 * 32, 10))


def single_operation(conditions: Conditions) -> dict[str, Step]:
    """Return W6: one operation on four elements, forward and backward."""
    steps: dict[str, Step] = {}
    for name, framework in FRAMEWORKS.items():
        x = framework.tensor([1.0, 2.0, 3.0, 4.0], requires_grad=True)
        g = framework.ones(4)

        def step(x: Any = x, g: Any = g) -> Any:
            x.grad = None
            (x * x).backward(g)
            return x.grad.numpy().copy() if conditions.check else None

        steps[name] = step
    return steps


def epoch(conditions: Conditions) -> dict[str, Step]:
    """Return W7: an epoch of W1 through a shuffling DataLoader."""
    w1 = DENSE["W1"]
    x, y = images((640 if conditions.check else 50_000, 784))
    weights, biases = w1.parameters()
    steps: dict[str, Step] = {}
    for name, framework in FRAMEWORKS.items():
        data = framework.utils.data
        pairs = data.TensorDataset(framework.from_numpy(x), framework.from_numpy(y))
        loader = data.DataLoader(pairs, batch_size=w1.batch, shuffle=True)
        for who, compiler in compilers.of(name, conditions):
            network = w1.network(framework)
            set_parameters(framework, network, interleaved(weights, biases))
            optimizer = make_optimizer(framework, network, "sgd", 0.01)
            step = compiler(descent(framework, network, optimizer))

            def whole(framework: Any = framework, loader: Any = loader, step: Any = step) -> float:
                if conditions.check:
                    framework.manual_seed(0)
                last = 0.0
                for batch, labels in loader:
                    last = step(batch, labels).item()
                return last

            steps[who] = whole
    return steps


DENSE = {
    "W1": Dense((784, 100, 200, 10), "relu", 32, "sgd", 0.1),
    "W2": Dense((784, 64, 10), "sigmoid", 128, "momentum", 0.1),
    "W3": Dense((784, 256, 256, 10), "sigmoid", 512, "adam", 1e-3),
    "W4": Dense((784, 100, 200, 300, 400, 10), "relu", 32, "sgd", 0.1),
}
_COMPILED = {
    "W1": {"PyTorch": 0.50, "NumPy": 1.0},
    "W2": {"PyTorch": 0.58, "NumPy": 1.0},
    "W3": {"PyTorch": 0.90, "NumPy": 1.0},
    "W4": {"PyTorch": 0.70, "NumPy": 1.0},
}
_GOALS = {
    "W1": {"PyTorch": 0.70, "NumPy": 1.25},
    "W2": {"PyTorch": 0.80, "NumPy": 1.25},
    "W3": {"PyTorch": 1.00, "NumPy": 0.90},
    "W4": {"PyTorch": 0.85, "NumPy": 1.15},
}
_XLA = {"W1": {"PyTorch": 0.60}, "W2": {"PyTorch": 0.65}, "W3": {"PyTorch": 0.75},
        "W4": {"PyTorch": 0.75}}  # fmt: skip
BENCHMARKS = [
    *(
        Benchmark(
            name, str(dense), dense.steps, _GOALS[name], _COMPILED[name],
            _XLA[name] | {"JAX": 1.0}, has_floor=True,
        )
        for name, dense in DENSE.items()
    ),
    Benchmark(
        "W5", "conv 1-32-3, conv 32-64-3, max-pool 2, 9216-128-10, dropout, batch 64, Adadelta",
        Classifier(convolutional, partial(images, (64, 1, 28, 28)), "adadelta", 1.0,
            "convolutional").steps,
        {"PyTorch": 1.00}, {"PyTorch": 1.00}, {"JAX": 1.0}, checks=6, has_floor=True,
    ),
    Benchmark(
        "W6", "one operation on 4 elements, forward and backward", single_operation,
        {"PyTorch": 0.80}, checks=1,
    ),
    Benchmark(
        "W7", "an epoch of W1 through a shuffling DataLoader, 50,000 images", epoch,
        {"PyTorch": 0.30}, {"PyTorch": 0.40}, checks=2, rounds=5,
    ),
    Benchmark(
        "W8", "transformer on characters, 4 layers, 4 heads, 128 wide, context 32, batch 32, AdamW",
        Classifier(transformer, text, "adamw", 1e-3, "transformer").steps,
        {"PyTorch": 1.30}, {"PyTorch": 1.00}, {"PyTorch": 0.90, "JAX": 1.0}, checks=6,
        has_floor=True,
    ),
    Benchmark(
        "W9", "LSTM 28-128, 28 steps, batch 64, Adam",
        Classifier(
            partial(recurrent, width=28, hidden=128),
            partial(images, (64, 28, 28)), "adam", 1e-3, "recurrent",
        ).steps,
        {"PyTorch": 1.30}, {"PyTorch": 1.15}, {"PyTorch": 1.00, "JAX": 1.0}, checks=6,
        has_floor=True,
    ),
    Benchmark(
        "W10", "ResNet-18's first two stages on 32 x 32, batch norm, batch 32, SGD",
        Classifier(residual, partial(images, (32, 3, 32, 32)), "sgd", 0.01).steps,
        {"PyTorch": 1.20}, {"PyTorch": 1.20}, checks=6,
    ),
    Benchmark(
        "W11", "LSTM 64-64 in both directions, 2 layers, 40 steps, batch 32, Adam",
        Classifier(
            partial(recurrent, width=64, hidden=64, layers=2, both=True),
            partial(images, (32, 40, 64)), "adam", 1e-3,
        ).steps,
        {"PyTorch": 1.15}, {"PyTorch": 1.15}, checks=6, has_floor=True,
    ),
    Benchmark(
        "W12", "conv 1-16-5, conv 16-32-5, each with batch norm and max-pool 2, batch 100, Adam",
        Classifier(normalized, partial(images, (100, 1, 28, 28)), "adam", 1e-3,
            "normalized").steps,
        {"PyTorch": 1.00}, {"PyTorch": 1.00}, {"JAX": 1.0}, checks=6, has_floor=True,
    ),
]  # fmt: skip
