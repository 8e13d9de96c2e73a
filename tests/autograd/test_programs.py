"""Random programs of views and in-place writes: what PyTorch computes is computed here too."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_mnist as tg

VIEWS = {
    "flat": lambda t, x, m: x.reshape(-1),
    "view": lambda t, x, m: x.view(-1),
    "row": lambda t, x, m: x[m % x.shape[0]],
    "column": lambda t, x, m: x[..., m % x.shape[-1]],
    "rows": lambda t, x, m: x[m % 2 :],
    "columns": lambda t, x, m: x[..., : m + 1],
    "steps": lambda t, x, m: x[::2],
    "transpose": lambda t, x, m: x.transpose(0, -1),
    "unsqueeze": lambda t, x, m: x.unsqueeze(0),
    "squeeze": lambda t, x, m: x.squeeze(),
    "expand": lambda t, x, m: x[None].expand(2, *x.shape),
    "narrow": lambda t, x, m: x.narrow(0, 0, 1),
    "unbind": lambda t, x, m: x.unbind(0)[0],
    "split": lambda t, x, m: x.split(1, 0)[-1],
    "detach": lambda t, x, m: x.detach(),
    "view without grad": lambda t, x, m: t.no_grad()(lambda: x.view_as(x))(),
}
PURE = {
    "mul": lambda t, x, y, m: x * y,
    "add": lambda t, x, y, m: x + y,
    "exp": lambda t, x, y, m: (x * 0.1).exp(),
    "sin": lambda t, x, y, m: x.sin(),
    "square": lambda t, x, y, m: x**2,
    "sigmoid": lambda t, x, y, m: x.sigmoid(),
    "clone": lambda t, x, y, m: x.clone(),
    "sum": lambda t, x, y, m: x.sum(),
    "rows by list": lambda t, x, y, m: x[[0, -1]],
}


def augment(t: Any, x: Any, y: Any, m: int) -> None:
    x[m % x.shape[0]] += y.sum()


WRITES = {
    "add_": lambda t, x, y, m: x.add_(y),
    "sub_": lambda t, x, y, m: x.sub_(y, alpha=2),
    "mul_": lambda t, x, y, m: x.mul_(y),
    "pow_": lambda t, x, y, m: x.pow_(2),
    "clamp_": lambda t, x, y, m: x.clamp_(-1, 1),
    "zero_": lambda t, x, y, m: x.zero_(),
    "fill_": lambda t, x, y, m: x.fill_(1.5),
    "copy_": lambda t, x, y, m: x.copy_(y),
    "set row": lambda t, x, y, m: x.__setitem__(m % x.shape[0], y.sum() * 2),
    "set column": lambda t, x, y, m: x.__setitem__((..., m % x.shape[-1]), 1.25),
    "set rows": lambda t, x, y, m: x.__setitem__([0], y.sum()),
    "set mask": lambda t, x, y, m: x.__setitem__(x > 0.5, 0.25),
    "augmented": augment,
    "add_ without grad": lambda t, x, y, m: t.no_grad()(lambda: x.add_(1.0))(),
    "detach_": lambda t, x, y, m: x.detach_(),
    "unsqueeze_": lambda t, x, y, m: x.unsqueeze_(m % 2),
    "squeeze_": lambda t, x, y, m: x.squeeze_(),
    "transpose_": lambda t, x, y, m: x.transpose_(0, -1),
    "unsqueeze_ without grad": lambda t, x, y, m: t.no_grad()(lambda: x.unsqueeze_(0))(),
}
TURNS = {name for name in WRITES if name.startswith(("unsqueeze_", "squeeze_", "transpose_"))}
"""Changes of shape, which PyTorch counts as writes: older views are then made anew."""
steps = st.lists(
    st.tuples(
        st.sampled_from([*VIEWS, *PURE, *WRITES]),
        st.integers(0, 12),
        st.integers(0, 12),
        st.integers(0, 2),
    ),
    min_size=2,
    max_size=9,
)


def run(t: Any, program: Any, power: int) -> tuple[list[np.ndarray], list[Any]]:
    """Run a program; return all values, the gradients of two leaves, and theirs in turn."""
    source = np.random.default_rng(0)
    a, b, c = (t.tensor(source.standard_normal((3, 3))) for _ in range(3))
    values = [a.requires_grad_(), b.requires_grad_(), c, a * 1.5, a * b]
    for name, i, j, m in program:
        # The first two are leaves, to which nothing can be written.
        at = i % len(values) if name in PURE else 2 + i % (len(values) - 2)
        x, y = values[at], values[j % len(values)]
        x = x if x.ndim else x.view(1)
        if name in VIEWS:
            values.append(VIEWS[name](t, x, m))
            continue
        y = y if y.shape == x.shape else y.sum()
        if name in PURE:
            values.append(PURE[name](t, x, y, m))
        else:
            # What overlaps the place it is written to is undefined in PyTorch.
            WRITES[name](t, x, y.clone(), m)
            values.append(x)
    out = sum(((x * (i + 1)) ** power).sum() for i, x in enumerate(values))
    results = [x.detach().numpy().copy() for x in values]
    if power == 1:
        kept = [x for x in values[3:] if x.requires_grad][:: 1 + len(program) % 2]
        if any(name in TURNS or name == "view without grad" for name, *_ in program):
            kept = []
        for x in kept:
            x.retain_grad()
        leaves = [x for x in (a, b) if x.requires_grad]
        out.backward(inputs=[*leaves, *kept] if len(program) % 3 else None)
        return results, [a.grad, b.grad, *(x.grad for x in kept)]
    first = t.autograd.grad(out, [a, b], create_graph=True, allow_unused=True)
    total = sum((g**2).sum() for g in first if g is not None)
    return results, [*first, *t.autograd.grad(total, [a, b], allow_unused=True)]


@given(program=steps, power=st.sampled_from([1, 1, 2]))
@settings(max_examples=500)
def test_result_is_that_of_pytorch(program: Any, power: int, torch: Any) -> None:
    """A random program of views, writes and detach_() gives PyTorch's values and gradients."""
    names = {name for name, *_ in program}
    if "detach_" in names and names & TURNS:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = run(torch, program, power)
        except RuntimeError:
            return
        try:
            mine = run(tg, program, power)
        except RuntimeError as error:
            # PyTorch warns that such writes are deprecated.
            assert "it is an expanded view" in str(error)
            return
    for p, q in zip(mine[0], expected[0], strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-9, atol=1e-12)
    for p, q in zip(mine[1], expected[1], strict=True):
        assert (p is None) == (q is None)
        if p is not None:
            np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-7, atol=1e-9)
