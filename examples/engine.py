"""Backpropagation in about sixty lines of NumPy, which train a network on handwritten digits.

The first part is an engine: what chapter 2 of the guide builds step by step. The second part uses
it. Nothing here comes from the framework but the digits, so all of it can be read, and changed.

Data: the embedded sample, 4,000 digits to train on. Expect an accuracy of about 0.92 on its 1,000
test digits, in some 2 seconds.

    python examples/engine.py
"""

import argparse
import itertools

import numpy as np

from tinygrad_mnist.datasets import load_sample

# -- the engine ----------------------------------------------------------------------------------


class Tensor:
    """An array that remembers what it was computed from."""

    numbers = itertools.count()

    def __init__(self, array, parents=(), rules=()):
        self.array = np.asarray(array, dtype=float)
        self.parents = parents  # the tensors that it was computed from
        self.rules = rules  # for each of them: its gradient, given this one's
        self.number = next(Tensor.numbers)  # larger than that of any parent
        self.grad = None

    def backward(self):
        gradients = {self: np.ones_like(self.array)}
        while gradients:
            x = max(gradients, key=lambda x: x.number)  # the newest: its g is complete
            g = gradients.pop(x)
            if not x.parents:
                x.grad = g if x.grad is None else x.grad + g
            for parent, rule in zip(x.parents, x.rules, strict=True):
                part = undo_broadcast(rule(g), parent.array.shape)
                gradients[parent] = gradients[parent] + part if parent in gradients else part

    def __add__(self, other):
        return Tensor(self.array + other.array, (self, other), (lambda g: g, lambda g: g))

    def __mul__(self, other):
        x, y = self.array, other.array
        return Tensor(x * y, (self, other), (lambda g: g * y, lambda g: g * x))

    def __matmul__(self, other):
        x, y = self.array, other.array
        return Tensor(x @ y, (self, other), (lambda g: g @ y.T, lambda g: x.T @ g))

    def tanh(self):
        out = np.tanh(self.array)
        return Tensor(out, (self,), (lambda g: g * (1 - out**2),))

    def relu(self):
        on = self.array > 0
        return Tensor(self.array * on, (self,), (lambda g: g * on,))

    def sum(self):
        shape = self.array.shape
        return Tensor(self.array.sum(), (self,), (lambda g: np.broadcast_to(g, shape),))

    def log_softmax(self):
        shifted = self.array - self.array.max(axis=1, keepdims=True)
        out = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        return Tensor(out, (self,), (lambda g: g - np.exp(out) * g.sum(axis=1, keepdims=True),))


def undo_broadcast(g, shape):
    """Sum a gradient over the dimensions along which its tensor was repeated."""
    g = g.sum(axis=tuple(range(g.ndim - len(shape))))
    repeated = tuple(i for i, n in enumerate(shape) if n == 1 and g.shape[i] > 1)
    return g.sum(axis=repeated, keepdims=True)


# -- a network on digits -------------------------------------------------------------------------


def main(epochs=10, rate=0.1, batch=50, seed=0):
    """Train 784-64-10 units; return the share of test images that are recognised."""
    digits = load_sample(seed)
    images, labels = digits.train_images / 255, digits.train_labels
    source = np.random.default_rng(seed)
    weights = [
        Tensor(source.normal(0, np.sqrt(2 / 784), (784, 64))),
        Tensor(np.zeros(64)),
        Tensor(source.normal(0, np.sqrt(2 / 64), (64, 10))),
        Tensor(np.zeros(10)),
    ]

    def logits(x):
        w1, b1, w2, b2 = weights
        return (Tensor(x) @ w1 + b1).relu() @ w2 + b2

    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in np.split(source.permutation(len(labels)), len(labels) // batch):
            one_hot = np.eye(10)[labels[rows]]
            loss = (logits(images[rows]).log_softmax() * Tensor(-one_hot / batch)).sum()
            loss.backward()
            for w in weights:
                w.array -= rate * w.grad
                w.grad = None
            total += float(loss.array) * batch
        print(f"epoch {epoch:2}  loss {total / len(labels):.4f}")
    test = digits.test_images / 255
    right = float((logits(test).array.argmax(axis=1) == digits.test_labels).mean())
    print(f"{right:.1%} of {len(test)} test images are recognised")
    return right


if __name__ == "__main__":
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    main()
