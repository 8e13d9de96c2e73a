"""Training steps written by hand in JAX, under ``jit``, as its users write them.

A model is a function of its parameters, in the order of a network's, of what changes besides (a key
for dropout, means and variances of batch norm), and of a batch; it returns logits and what has
changed. All arrays stay with XLA, the batch too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

Arrays = Sequence[Any]
Model = tuple[Callable[[Arrays, Any, Any], tuple[Any, Any]], Any]
"""The function, and what it begins with besides parameters."""


def training(
    model: Model, arrays: Sequence[np.ndarray], x: Any, y: Any, optimizer: str, lr: float
) -> Callable[[], float]:
    """Return a step on a batch, which returns its loss."""
    logits_of, more = model

    def loss_of(p: Arrays, more: Any, x: Any, y: Any) -> Any:
        logits, more = logits_of(p, more, x)
        picked = logits[jnp.arange(len(y)), y]
        return jnp.mean(jax.nn.logsumexp(logits, axis=1) - picked), more

    update, count = OPTIMIZERS[optimizer]

    def step(p: Arrays, kept: Any, more: Any, x: Any, y: Any) -> Any:
        (loss, more), g = jax.value_and_grad(loss_of, has_aux=True)(p, more, x, y)
        return loss, *update(p, g, kept, lr), more

    compiled = jax.jit(step, donate_argnums=(0, 1, 2))
    p = [jnp.array(a) for a in arrays]
    kept = [[jnp.zeros_like(a) for a in p] for _ in range(count)]
    state = [p, [jnp.float32(0), *kept] if count == 2 else kept, more]
    x, y = jnp.asarray(x), jnp.asarray(y)

    def run() -> float:
        loss, *state[:] = compiled(*state, x, y)
        return float(loss)

    return run


def _descend(p: Arrays, g: Arrays, kept: Any, lr: float) -> Any:
    return [a - lr * b for a, b in zip(p, g, strict=True)], kept


def _descend_with_momentum(p: Arrays, g: Arrays, kept: Any, lr: float) -> Any:
    m = [0.9 * a + b for a, b in zip(kept[0], g, strict=True)]
    return _descend(p, m, [m], lr)


def _adam(p: Arrays, g: Arrays, kept: Any, lr: float, decay: float = 0.0) -> Any:
    time, m, v = kept
    time = time + 1
    m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
    v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
    size, root = lr / (1 - 0.9**time), jnp.sqrt(1 - 0.999**time)
    p = [
        a * (1 - lr * decay) - size * b / (jnp.sqrt(c) / root + 1e-8)
        for a, b, c in zip(p, m, v, strict=True)
    ]
    return p, [time, m, v]


def _adamw(p: Arrays, g: Arrays, kept: Any, lr: float) -> Any:
    return _adam(p, g, kept, lr, decay=0.01)


def _adadelta(p: Arrays, g: Arrays, kept: Any, lr: float) -> Any:
    time, squares, changes = kept
    squares = [0.9 * a + 0.1 * b * b for a, b in zip(squares, g, strict=True)]
    change = [
        jnp.sqrt((c + 1e-6) / (s + 1e-6)) * b for b, s, c in zip(g, squares, changes, strict=True)
    ]
    changes = [0.9 * a + 0.1 * b * b for a, b in zip(changes, change, strict=True)]
    return [a - lr * b for a, b in zip(p, change, strict=True)], [time, squares, changes]


OPTIMIZERS: dict[str, tuple[Callable[..., Any], int]] = {
    "sgd": (_descend, 0), "momentum": (_descend_with_momentum, 1), "adam": (_adam, 2),
    "adamw": (_adamw, 2), "adadelta": (_adadelta, 2),
}  # fmt: skip
"""What changes parameters, and how many arrays it keeps for each."""


def dense(activation: str) -> Model:
    """Return linear layers with an activation in between."""
    between = jax.nn.relu if activation == "relu" else jax.nn.sigmoid

    def logits_of(p: Arrays, more: Any, x: Any) -> Any:
        for w, b in zip(p[:-2:2], p[1:-2:2], strict=True):
            x = between(x @ w.T + b)
        return x @ p[-2].T + p[-1], more

    return logits_of, ()


def _convolve(x: Any, w: Any, b: Any, padding: str) -> Any:
    return lax.conv_general_dilated(x, w, (1, 1), padding) + b[:, None, None]


def _halve(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 1, 2, 2), (1, 1, 2, 2), "VALID")


def convolutional(check: bool) -> Model:
    """Return two convolutions and two linear layers, with dropout but in a check."""

    def drop(key: Any, x: Any, rate: float) -> Any:
        if check:
            return x
        return jnp.where(jax.random.bernoulli(key, 1 - rate, x.shape), x / (1 - rate), 0)

    def logits_of(p: Arrays, more: Any, x: Any) -> Any:
        more, one, two = jax.random.split(more, 3)
        x = jax.nn.relu(_convolve(x, p[0], p[1], "VALID"))
        x = _halve(jax.nn.relu(_convolve(x, p[2], p[3], "VALID")))
        x = drop(one, x, 0.25).reshape(len(x), -1)
        x = drop(two, jax.nn.relu(x @ p[4].T + p[5]), 0.5)
        return x @ p[6].T + p[7], more

    return logits_of, jax.random.key(0)


def normalized(check: bool) -> Model:
    """Return two small convolutions with batch norm, and a linear layer."""

    def logits_of(p: Arrays, more: Any, x: Any) -> Any:
        left = []
        for i, (mean, var) in zip((0, 4), more, strict=True):
            x = _convolve(x, p[i], p[i + 1], "SAME")
            m, v = x.mean((0, 2, 3)), x.var((0, 2, 3))
            count = x.size / x.shape[1]
            left.append((0.9 * mean + 0.1 * m, 0.9 * var + 0.1 * v * count / (count - 1)))
            scale = p[i + 2] / jnp.sqrt(v + 1e-5)
            x = x * scale[:, None, None] + (p[i + 3] - m * scale)[:, None, None]
            x = _halve(jax.nn.relu(x))
        return x.reshape(len(x), -1) @ p[8].T + p[9], left

    return logits_of, [(jnp.zeros(n), jnp.ones(n)) for n in (16, 32)]


def transformer(check: bool) -> Model:
    """Return a character-level transformer: 4 layers, 4 heads, context 32."""

    def normalize(x: Any, w: Any, b: Any) -> Any:
        m, v = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - m) / jnp.sqrt(v + 1e-5) * w + b

    def logits_of(p: Arrays, more: Any, x: Any) -> Any:
        count, length = x.shape
        tokens, places, *layers, w, b, head, bias = p
        x = tokens[x] + places[:length]
        width = x.shape[-1]
        seen = jnp.tril(jnp.ones((length, length), bool))
        for i in range(0, len(layers), 12):
            wi, bi, wo, bo, w1, b1, w2, b2, wa, ba, wb, bb = layers[i : i + 12]
            parts = jnp.split(normalize(x, w1, b1) @ wi.T + bi, 3, axis=-1)
            q, k, v = (a.reshape(count, length, 4, -1).transpose(0, 2, 1, 3) for a in parts)
            scores = q @ k.transpose(0, 1, 3, 2) / jnp.sqrt(jnp.float32(q.shape[-1]))
            y = jax.nn.softmax(jnp.where(seen, scores, -jnp.inf), axis=-1) @ v
            x = x + y.transpose(0, 2, 1, 3).reshape(count, length, width) @ wo.T + bo
            y = jax.nn.gelu(normalize(x, w2, b2) @ wa.T + ba, approximate=False)
            x = x + y @ wb.T + bb
        return (normalize(x, w, b) @ head.T + bias).reshape(-1, len(bias)), more

    return logits_of, ()


def recurrent(check: bool) -> Model:
    """Return an LSTM, and a linear layer on its last output."""

    def logits_of(p: Arrays, more: Any, x: Any) -> Any:
        wi, wh, bi, bh, w, b = p
        given = (x @ wi.T + bi + bh).transpose(1, 0, 2)

        def cell(state: Any, given: Any) -> Any:
            h, c = state
            i, f, g, o = jnp.split(given + h @ wh.T, 4, axis=1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

        zeros = jnp.zeros((x.shape[0], wh.shape[1]))
        (h, _), _ = lax.scan(cell, (zeros, zeros), given)
        return h @ w.T + b, more

    return logits_of, ()
