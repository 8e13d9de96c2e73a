"""Random functions, compiled: outputs and gradients of any order are those of the function."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist.compiler import Compiled

OPERATIONS: dict[str, Any] = {
    "add": lambda a, b: a + b,
    "mul": lambda a, b: a * b,
    "sub": lambda a, b: a - 2 * b,
    "div": lambda a, b: a / (1 + b * b),
    "matmul": lambda a, b: a @ b.t() @ a / 10,
    "where": lambda a, b: tg.where(a > b, a, -b),
    "maximum": lambda a, b: tg.maximum(a, b),
    "cat": lambda a, b: tg.cat([a, b])[1:4],
    "tanh": lambda a, b: a.tanh(),
    "relu": lambda a, b: a.relu(),
    "exp": lambda a, b: (a / 4).exp(),
    "softmax": lambda a, b: a.softmax(1),
    "norm": lambda a, b: (a - a.mean(0)) / (1 + a.std(1, keepdim=True)),
    "sort": lambda a, b: a.sort(1).values,
    "gather": lambda a, b: a[:, [2, 0, 0]],
    "view": lambda a, b: a.t().reshape(3, 3),
    "slice": lambda a, b: a[1].expand(3, 3),
    "detach": lambda a, b: a * b.detach(),
    "inplace": lambda a, b: (a * 1).mul_(b).add_(1),
    "part": lambda a, b: tg.cat([a[:1] * 2, b[1:]]),
    "dropout": lambda a, b: F.dropout(a, 0.4),
    "layer_norm": lambda a, b: F.layer_norm(a, (3,), b[0], b[1]),
    "conv": lambda a, b: F.conv1d(a.unsqueeze(0), b.unsqueeze(2), padding=0)[0],
    "loss": lambda a, b: F.cross_entropy(a, tg.tensor([0, 2, 1])) * b,
    "pool": lambda a, b: F.max_pool2d(a.view(1, 3, 3), 2, 1, padding=1)[0, :3, :3],
    "put": lambda a, b: a.index_add(0, tg.tensor([0, 0, 2]), b),
    "solve": lambda a, b: tg.linalg.solve(a @ a.t() + 3 * tg.eye(3, dtype=a.dtype), b),
    "split": lambda a, b: sum(a.chunk(3, 1)).expand(3, 3),
}  # fmt: skip

CALLS = 12
"""So many that backward programs, which are recorded twice each, are run."""


@st.composite
def functions(draw: Any) -> Any:
    """Draw the operations of a function, its outputs, and what is asked of each call."""
    number = st.integers(0, 30)
    lines = draw(
        st.lists(
            st.tuples(st.sampled_from(list(OPERATIONS)), number, number), min_size=1, max_size=7
        )
    )
    outputs = draw(st.lists(number, min_size=1, max_size=4))
    used = draw(st.lists(st.integers(1, 15), min_size=2, max_size=2))
    asked = draw(
        st.lists(
            st.sampled_from(["backward", "twice", "grad", "second", "later"]),
            min_size=2,
            max_size=2,
        )
    )
    return lines, outputs, used, asked


def play(compiled: Any, drawn: Any) -> list[Any]:
    """Call a function some times, and return all that comes of it."""
    lines, outputs, used, asked = drawn
    tg.manual_seed(0)
    weights = [tg.randn(3, 3, dtype=tg.float64, requires_grad=True) for _ in range(2)]

    def function(*inputs: tg.Tensor) -> Any:
        values = [*inputs, *weights]
        for name, i, j in lines:
            values.append(OPERATIONS[name](values[i % len(values)], values[j % len(values)]))
        return tuple(values[-1 - i % len(lines)] for i in outputs)

    run = compiled(function)
    seen: list[Any] = []
    waiting: list[tg.Tensor] = []
    for call in range(CALLS):
        x = tg.randn(3, 3, dtype=tg.float64, requires_grad=True)
        y = tg.randn(3, 3, dtype=tg.float64)
        for w in weights:
            w.grad = None
        outs = run(x, y)
        chosen = [out for i, out in enumerate(outs) if used[call % 2] >> i & 1] or [outs[0]]
        loss = sum(out.sin().sum() * (i + 1) for i, out in enumerate(chosen))
        leaves = [x, *weights]
        seen += [out.detach().numpy().copy() for out in outs]
        if not loss.requires_grad:
            continue
        how = asked[call % 2]
        if how == "second":
            found = tg.autograd.grad(loss, leaves, create_graph=True, allow_unused=True)
            again = sum(g.square().sum() for g in found if g is not None)
            if again.requires_grad:
                again.backward()
        elif how == "grad":
            found = tg.autograd.grad(loss, leaves[:1], allow_unused=True)
        else:
            waiting.append(loss)
            found = ()
        while waiting and how != "later":  # what earlier calls have kept must still be there
            waiting[0].backward(retain_graph=how == "twice")
            if how == "twice":
                waiting[0].backward()
            del waiting[0]
        seen += [None if g is None else g.detach().numpy().copy() for g in found]
        seen += [None if p.grad is None else p.grad.detach().numpy().copy() for p in leaves]
    if isinstance(run, Compiled):
        assert not run.uncompiled, run.uncompiled
    return seen


@given(functions())
def test_random_functions_are_what_they_are(drawn: Any) -> None:
    plain = play(lambda f: f, drawn)
    compiled = play(Compiled, drawn)
    assert len(plain) == len(compiled)
    for one, other in zip(plain, compiled, strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-12)
