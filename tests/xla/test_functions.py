"""Functions and methods in a step that XLA runs, beside themselves uncompiled.

The calls are those of the tests of steps that NumPy runs: what is recorded there runs here.
"""

from __future__ import annotations

import itertools
import re
from functools import partial
from typing import Any

import numpy as np
import pytest
import test_special_values as sweep
from compiler.test_functions import RECORDED, expressions, found_by_trying, play, played_both, said
from sweeps import IS_LONG

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.compiler.api import compile

pytest.importorskip("jax", reason="JAX isn't installed")


def check(expression: str, dtype: Any = np.float32) -> Compiled[Any, Any]:
    """Compare a step that XLA runs with itself uncompiled; return it."""
    function, pairs = played_both(expression, partial(compile, backend="xla"), dtype)
    for a, b in pairs:
        if not isinstance(a, np.ndarray | np.generic | int | float):
            assert a == b, expression
            continue
        wide = np.asarray(a).dtype.itemsize == 8
        rtol, atol = (1e-7, 1e-9) if wide else (2e-4, 1e-5)
        np.testing.assert_allclose(b, a, rtol, atol, err_msg=expression)
    return function


# Where what is known when the step is recorded meets what it computes, and what the scan found.
MORE = expressions("""
t.gather(t.ones(4, 4), 0, (m2 * 3).long()); t.ones(4, 4)[(v * 3).long()]; F.embedding((v * 3).long(), t.ones(4, 4))
t.scatter_reduce(m, 1, t.tensor([[0, 0], [2, 1]]), m2[:2, :2], 'mean'); t.linalg.eigvalsh(m); t.linalg.cholesky(m + 5 * t.eye(4))
F.cross_entropy(m, t.tensor([0, 1, 3, 1]), ignore_index=1); F.embedding_bag(t.tensor([[0, 2], [1, 1]]), m, mode='max')
""")  # fmt: skip


@pytest.mark.parametrize("expression", RECORDED + MORE)
def test_call_gives_numpys_numbers(expression: str) -> None:
    function = check(expression)
    assert any(step.built is not None for step in function.steps.values()), said(function)


# Of large arrays NumPy's program has other calls: sums by BLAS in parts, variances in float32.
LARGE = """
F.linear(x, w, b).square().mean(); x.std(0).sum(); x.var(1).sum(); x.sum(0).square().sum()
F.layer_norm(x, (40,), w[0], w[1]).pow(3).mean(); F.batch_norm(x, None, None, w[0], w[1], True).pow(3).mean()
F.cross_entropy(x, y); F.cross_entropy(x, y, ignore_index=1); F.embedding(y, x).square().sum()
x.softmax(0).square().sum(); x.logsumexp(0).sum(); x.norm() + x.mean()
""".replace("\n", ";").split(";")  # fmt: skip


@pytest.mark.parametrize("expression", [e.strip() for e in LARGE if e.strip()])
def test_large_arrays(expression: str) -> None:
    found = []
    for backend in ("numpy", "xla"):
        tg.manual_seed(0)
        x, w = tg.randn(3000, 40).requires_grad_(), tg.randn(40, 40).requires_grad_()
        b, y = tg.zeros(40, requires_grad=True), tg.randint(0, 40, (3000,))
        names = {"F": nn.functional, "x": x, "w": w, "b": b, "y": y}
        body = eval(f"lambda: {expression}", names)

        def step(body: Any = body) -> tg.Tensor:
            loss: tg.Tensor = body()
            loss.backward()
            return loss

        run = compile(step, backend=backend, fullgraph=True)
        for _ in range(4):
            x.grad = w.grad = b.grad = None
            loss = run()
        found.append([loss.item(), *(p.grad.numpy() for p in (x, w, b) if p.grad is not None)])
    for a, c in zip(*found, strict=True):
        np.testing.assert_allclose(a, c, rtol=1e-3, atol=1e-5)


BY_CHANCE = re.compile(r"t\.linalg\.(cond|eigh)\(w|t\.bucketize")
"""Matrices that are nearly singular, signs of eigenvectors, and boundaries that don't rise."""


@pytest.mark.slow
@pytest.mark.usefixtures("unpolished")
@pytest.mark.filterwarnings("ignore")
def test_public_functions_give_numpys_numbers_or_say_why_they_are_not_compiled() -> None:
    """Each eighth of the calls; all of them by the profile "long"."""
    run = 0
    for expression in itertools.islice(found_by_trying(), 0, None, 1 if IS_LONG else 8):
        if BY_CHANCE.match(expression):
            continue
        try:
            function = check(expression)
        except sweep.ERRORS as error:  # what can't be done uncompiled either
            with pytest.raises(type(error)):
                play(expression, lambda function: function)
            continue
        built = any(step.built is not None for step in function.steps.values())
        assert built or "XLA" not in said(function), expression
        run += built
    assert run > (1000 if IS_LONG else 120)
