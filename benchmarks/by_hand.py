"""Networks trained by hand-written NumPy: the practical floor of what NumPy can do.

All buffers are made once; every kernel writes into one; weights lie column-major, which suits
both the forward product and the weight's gradient. Gradients are derived by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np


class Network:
    """Linear layers with an activation in between, cross entropy, and an optimizer.

    Parameters
    ----------
    weights, biases
        The initial values, of shapes (out, in) and (out,); they are copied.
    activation
        ``"relu"`` or ``"sigmoid"``.
    optimizer
        ``"sgd"``, ``"momentum"`` or ``"adam"``.
    lr, momentum, betas, eps
        Its settings.
    batch
        Images in a step.
    """

    def __init__(
        self,
        weights: Sequence[np.ndarray],
        biases: Sequence[np.ndarray],
        activation: str,
        optimizer: str,
        lr: float,
        batch: int,
        momentum: float = 0.9,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        self.w = [np.asfortranarray(w) for w in weights]
        self.b = [b.copy() for b in biases]
        self.gw = [np.empty_like(w) for w in self.w]
        self.gb = [np.empty_like(b) for b in self.b]
        self.h = [np.empty((batch, len(b)), np.float32) for b in self.b]
        self.g = [np.empty_like(h) for h in self.h]
        self.mask = [np.empty(h.shape, bool) for h in self.h]
        self.rows = np.arange(batch)
        self.ones = np.ones(batch, np.float32)
        self.activation = activation
        self.lr, self.momentum, self.betas, self.eps = lr, momentum, betas, eps
        self.params = [p.T.reshape(-1) if p.ndim == 2 else p for p in (*self.w, *self.b)]
        self.grads = [p.T.reshape(-1) if p.ndim == 2 else p for p in (*self.gw, *self.gb)]
        self.first = [np.zeros_like(p) for p in self.params]
        self.second = [np.zeros_like(p) for p in self.params]
        self.block = 16384
        self.one = np.empty(self.block, np.float32)
        self.time = 0
        self.update: Callable[[], None] = {
            "sgd": self.sgd, "momentum": self.descend_with_momentum, "adam": self.adam
        }[optimizer]  # fmt: skip

    def step(self, x: np.ndarray, y: np.ndarray) -> float:
        """Train on one batch, and return its loss before the update."""
        last = len(self.w) - 1
        inputs = [x, *self.h[:-1]]
        for i, (a, w, b, h) in enumerate(zip(inputs, self.w, self.b, self.h, strict=True)):
            np.matmul(a, w.T, out=h)
            h += b
            if i < last and self.activation == "relu":
                np.maximum(h, 0, out=h)
            elif i < last:
                np.negative(h, out=h)
                np.exp(h, out=h)
                h += 1
                np.reciprocal(h, out=h)
        logits, g = self.h[-1], self.g[-1]
        np.subtract(logits, np.maximum.reduce(logits, axis=1, keepdims=True), out=logits)
        np.exp(logits, out=g)
        total = np.add.reduce(g, axis=1, keepdims=True)
        g /= total
        loss = float(np.add.reduce(np.log(total)[:, 0] - logits[self.rows, y])) / len(y)
        g[self.rows, y] -= 1
        g *= 1 / len(y)
        for i in range(last, -1, -1):
            g = self.g[i]
            np.matmul(inputs[i].T, g, out=self.gw[i].T)
            np.matmul(self.ones, g, out=self.gb[i])
            if i:
                below, h = self.g[i - 1], self.h[i - 1]
                np.matmul(g, self.w[i], out=below)
                if self.activation == "relu":
                    np.greater(h, 0, out=self.mask[i - 1])
                    np.multiply(below, self.mask[i - 1], out=below)
                else:
                    below *= h
                    np.subtract(1, h, out=h)
                    below *= h
        self.update()
        return loss

    def sgd(self) -> None:
        """Descend by the gradient."""
        for p, g in zip(self.params, self.grads, strict=True):
            g *= self.lr
            p -= g

    def descend_with_momentum(self) -> None:
        """Descend by a running sum of gradients."""
        for p, g, m in zip(self.params, self.grads, self.first, strict=True):
            m *= self.momentum
            m += g
            np.multiply(m, self.lr, out=g)
            p -= g

    def adam(self) -> None:
        """Descend by Adam, in blocks that stay in the cache."""
        self.time += 1
        beta1, beta2 = self.betas
        size = self.lr / (1 - beta1**self.time)
        root = 1 / np.sqrt(1 - beta2**self.time)
        for arrays in zip(self.params, self.grads, self.first, self.second, strict=True):
            for start in range(0, arrays[0].size, self.block):
                p, g, m, v = (a[start : start + self.block] for a in arrays)
                t = self.one[: p.size]
                np.multiply(g, 1 - beta1, out=t)
                m *= beta1
                m += t
                np.multiply(g, g, out=t)
                t *= 1 - beta2
                v *= beta2
                v += t
                np.sqrt(v, out=t)
                t *= float(root)
                t += self.eps
                np.divide(m, t, out=t)
                t *= size
                p -= t
