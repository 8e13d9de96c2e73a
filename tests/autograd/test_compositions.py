"""Random compositions of operations: first, second and third derivatives are PyTorch's."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_mnist as tg


def write(t: Any, x: Any, y: Any) -> Any:
    out = x.clone()
    out[1] = y[0] * 2
    out[:, 0] = out[:, 1].clone() * y[2]
    return out


OPERATIONS = {
    "mul": lambda t, x, y: x * y,
    "div": lambda t, x, y: x / (y * y + 1),
    "exp": lambda t, x, y: (x * 0.3).exp(),
    "tanh": lambda t, x, y: x.tanh(),
    "sigmoid": lambda t, x, y: x.sigmoid(),
    "matmul": lambda t, x, y: x @ y,
    "transpose": lambda t, x, y: x.T,
    "sum": lambda t, x, y: x.sum(1, keepdim=True) * y,
    "mean": lambda t, x, y: x.mean(0) + y,
    "softmax": lambda t, x, y: x.softmax(1),
    "log_softmax": lambda t, x, y: x.log_softmax(0),
    "rows": lambda t, x, y: x[[0, 0, 2]] * y,
    "cat": lambda t, x, y: t.cat([x[1:], y[:1]], 0),
    "where": lambda t, x, y: t.where(x > y, x * x, y),
    "max": lambda t, x, y: x.max(1).values.unsqueeze(1) + y,
    "amax": lambda t, x, y: x.amax(0) * y,
    "pow": lambda t, x, y: (x * x + 1) ** 1.5,
    "logsumexp": lambda t, x, y: x.logsumexp(1, keepdim=True) * y,
    "var": lambda t, x, y: x.var(1, keepdim=True) * y,
    "std": lambda t, x, y: x.std(0) + y,
    "prod": lambda t, x, y: x.prod(1, keepdim=True) + y,
    "linear": lambda t, x, y: t.nn.functional.linear(x, y, x[0]),
    "norm": lambda t, x, y: x.norm(dim=1, keepdim=True) * y,
    "cumsum": lambda t, x, y: x.cumsum(1),
    "gather": lambda t, x, y: x.gather(1, t.tensor([[0, 0, 1], [2, 1, 0], [1, 1, 1]])) * y,
    "clamp": lambda t, x, y: x.clamp(-0.5, 0.5) * y,
    "sqrt": lambda t, x, y: (x * x + 0.5).sqrt(),
    "write": write,
    "in place": lambda t, x, y: (x * 1).mul_(2).add_(y),
    "cross_entropy": lambda t, x, y: t.nn.functional.cross_entropy(x, t.tensor([0, 2, 1])) * y,
    "stack": lambda t, x, y: t.stack([x, y]).sum(0) * x,
    "expand": lambda t, x, y: x.unsqueeze(0).expand(2, 3, 3).sum(0) * y,
    "softplus": lambda t, x, y: t.nn.functional.softplus(x),
    "gelu": lambda t, x, y: t.nn.functional.gelu(x),
}
programs = st.lists(
    st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(1, 3), st.integers(0, 7)),
    min_size=2,
    max_size=6,
)


def run(t: Any, program: Any, seed: int) -> list[np.ndarray]:
    """Return the output, and the gradients of it, of their squares, and of theirs."""
    source = np.random.default_rng(seed)
    leaves = [t.tensor(source.standard_normal((3, 3)), requires_grad=True) for _ in range(2)]
    values = list(leaves)
    for name, back, j in program:
        x, y = values[-min(back, len(values))], values[j % len(values)]
        values.append(OPERATIONS[name](t, x, y))
    out = (values[-1] * t.tensor(source.standard_normal((3, 3)))).sum() + values[-2].sum() * 0.1
    results = [out.detach().numpy()]
    for _ in range(3):
        if not out.requires_grad:
            break
        found = t.autograd.grad(out, leaves, create_graph=True, allow_unused=True)
        gradients = [g for g in found if g is not None]
        results += [g.detach().numpy() for g in gradients]
        out = sum((g * g).sum() for g in gradients)
    return results


@given(program=programs, seed=st.integers(0, 2**32 - 1))
@settings(max_examples=200)
def test_three_derivatives_of_a_composition_are_those_of_pytorch(
    program: Any, seed: int, torch: Any
) -> None:
    """A random composition, and three orders of its derivatives, agree with PyTorch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = run(torch, program, seed)
    assume(all(np.abs(e).max(initial=0) < 1e12 for e in expected))
    for a, b in zip(run(tg, program, seed), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8 * (1 + np.abs(b).max(initial=0)))
