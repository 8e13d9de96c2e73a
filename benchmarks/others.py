"""W1 and W4 by other small frameworks on NumPy, where they are installed: MyGrad, HIPS autograd."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.measure import Step


def steps(
    x: np.ndarray,
    y: np.ndarray,
    weights: Sequence[np.ndarray],
    biases: Sequence[np.ndarray],
    lr: float,
) -> dict[str, Step]:
    """Return a step of gradient descent by each framework that is installed."""
    found: dict[str, Step] = {}
    for name, module, make in (("MyGrad", "mygrad", mygrad), ("HIPS autograd", "autograd", hips)):
        try:
            framework = importlib.import_module(module)
        except ImportError:
            continue
        parameters = [a.copy() for pair in zip(weights, biases, strict=True) for a in pair]
        found[name] = make(framework, x, y, parameters, lr)
    return found


def mygrad(mg: Any, x: np.ndarray, y: np.ndarray, parameters: list[np.ndarray], lr: float) -> Step:
    """Return MyGrad's step."""
    from mygrad.nnet import relu, softmax_crossentropy

    tensors = [mg.tensor(p, constant=False) for p in parameters]

    def step() -> float:
        h = x
        for i in range(0, len(tensors), 2):
            h = mg.matmul(h, tensors[i].T) + tensors[i + 1]
            h = relu(h) if i + 2 < len(tensors) else h
        loss = softmax_crossentropy(h, y)
        loss.backward()
        value = float(loss)
        for t in tensors:
            t.data -= lr * t.grad
            t.null_grad()
        return value

    return step


def hips(
    autograd: Any, x: np.ndarray, y: np.ndarray, parameters: list[np.ndarray], lr: float
) -> Step:
    """Return the step of HIPS autograd."""
    import autograd.numpy as anp

    rows = np.arange(len(y))

    def loss(ps: list[Any]) -> Any:
        h = x
        for i in range(0, len(ps), 2):
            h = anp.dot(h, ps[i].T) + ps[i + 1]
            if i + 2 < len(ps):
                h = anp.maximum(h, 0)
        h = h - anp.max(h, axis=1, keepdims=True)
        return anp.mean(anp.log(anp.sum(anp.exp(h), axis=1)) - h[rows, y])

    both = autograd.value_and_grad(loss)

    def step() -> float:
        value, gradients = both(parameters)
        for p, g in zip(parameters, gradients, strict=True):
            p -= (lr * g).astype(p.dtype)
        return float(value)

    return step
