"""Infinity, NaN and numbers too large for their place come without NumPy's warnings.

Warnings are errors in this suite: each line only has to run.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F

NUMBERS = [float("nan"), float("inf"), -float("inf"), 1e20, 3e38, 1e300, -1e300, 1e-300, -1.0]
DTYPES = [tg.float16, tg.float32, tg.float64, tg.int8, tg.uint8, tg.int64, tg.bool]
FIRST = tg.tensor([True, False])

# v is the number, d the dtype, x a tensor of it, y the number as a tensor of float64.
WRITES = """
tg.full((2,), v, dtype=d); tg.tensor([v]).to(d); tg.tensor([v], dtype=d); tg.as_tensor(y.numpy(), dtype=d);
y.type(d); x.fill_(v); x.__setitem__(0, v); x.__setitem__(0, y); x.__setitem__(FIRST, v); x.copy_(y);
x.masked_fill(FIRST, v); x.masked_fill_(FIRST, v); tg.full_like(x, v); x.new_full((2,), v);
x.new_tensor([v]); x.index_fill(0, tg.tensor([0]), v); x.scatter(0, tg.tensor([0]), v);
tg.linspace(-v, v, 3, dtype=d); tg.logspace(0, v, 3, dtype=d); x.view(1, 2).fill_diagonal_(v);
x.clamp(min=v); x.clamp_(max=v); tg.where(FIRST, x, v); x + v; x * v; x - y; x / y; x // v; x.eq(v);
x.lt(y); x.maximum(y.to(d)); x.atan2(y); x.remainder(v); tg.add(y, 1, out=x); F.pad(x, (1, 1), value=v);
x.add_(v); x.mul_(y); x.div_(v); nn.init.constant_(x, v); y.cumsum(0, dtype=d); y.sum(dtype=d); repr(y.to(d));
float(y); y.half().mean(); y.isclose(y * 2); y.floor(); y.tolist()
"""


@pytest.mark.parametrize("expression", [e.strip() for e in WRITES.split(";")])
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
def test_numbers_beyond_a_dtype_come_without_a_warning(expression: str) -> None:
    for v, d in itertools.product(NUMBERS, DTYPES):
        x, y = tg.ones(2).to(d), tg.tensor(v, dtype=tg.float64)
        names = {"tg": tg, "F": F, "nn": nn, "FIRST": FIRST, "v": v, "d": d, "x": x, "y": y}
        try:
            eval(expression, names)
        except (TypeError, RuntimeError, ValueError, NotImplementedError) as error:
            assert not isinstance(error.__context__, Warning), (v, d)


def _clipped(norm: float, largest: float) -> None:
    p = nn.Parameter(tg.ones(3))
    p.grad = tg.full((3,), largest)
    nn.utils.clip_grad_norm_([p], 1.0, norm_type=norm)


EXTREME: dict[str, Callable[[float, float], Any]] = {
    "clip_grad_norm_": lambda v, w: _clipped(2.0, v),
    "clip_grad_norm_ of an order": lambda v, w: _clipped(w, v),
    "normal": lambda v, w: tg.normal(v, abs(w), (3,)),
    "normal of tensors": lambda v, w: tg.normal(tg.tensor([v]), tg.tensor([abs(w)])),
    "uniform_": lambda v, w: tg.ones(3).uniform_(v, w),
    "uniform_ of float16": lambda v, w: tg.ones(3, dtype=tg.float16).uniform_(v, w),
    "trunc_normal_": lambda v, w: nn.init.trunc_normal_(tg.ones(3), v, 1.0),
    "multinomial": lambda v, w: tg.multinomial(tg.tensor([v, w]), 1),
    "embedding": lambda v, w: F.embedding(tg.tensor([0]), tg.tensor([[v, w]]), max_norm=1.0),
    "var": lambda v, w: tg.tensor([v, w]).var(),
    "std": lambda v, w: tg.tensor([v, w]).std(0),
    "quantile": lambda v, w: tg.tensor([v, w]).quantile(0.5),
    "histc": lambda v, w: tg.tensor([v, w]).histc(4),
    "corrcoef": lambda v, w: tg.corrcoef(tg.tensor([[v, w], [1.0, 2.0]])),
    "cdist": lambda v, w: tg.cdist(tg.tensor([[v]]), tg.tensor([[w]])),
    "batch_norm": lambda v, w: F.batch_norm(tg.tensor([[v], [w]]), None, None, training=True),
    "layer_norm": lambda v, w: F.layer_norm(tg.tensor([[v, w]]), (2,)),
    "cross_entropy": lambda v, w: F.cross_entropy(tg.tensor([[v, w]]), tg.tensor([0])),
    "grid_sample": lambda v, w: F.grid_sample(tg.ones(1, 1, 2, 2), tg.full((1, 1, 1, 2), v)),
    "gradcheck": lambda v, w: tg.autograd.gradcheck(
        lambda a: a * a,
        tg.tensor([v, w], dtype=tg.float64, requires_grad=True),
        raise_exception=False,
    ),
    "Normal": lambda v, w: tg.distributions.Normal(v, w, validate_args=False).sample((2,)),
    "log_prob": lambda v, w: tg.distributions.Normal(v, w, validate_args=False).log_prob(
        tg.tensor(v)
    ),
    "svd": lambda v, w: tg.linalg.svdvals(tg.tensor([[v, w]])),
    "repr": lambda v, w: repr(tg.tensor([v, w]).half()),
}


@pytest.mark.parametrize("name", EXTREME)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_functions_of_extreme_numbers_come_without_a_warning(name: str) -> None:
    for v, w in itertools.product([*NUMBERS, 0.0], repeat=2):
        try:
            EXTREME[name](v, w)
        except (TypeError, RuntimeError, ValueError) as error:
            assert not isinstance(error.__context__, Warning), (v, w)


OPTIMIZERS = [
    cls
    for name, cls in vars(tg.optim).items()
    if isinstance(cls, type) and issubclass(cls, tg.optim.Optimizer) and name[0] != "_"
    if cls not in (tg.optim.Optimizer, tg.optim.LBFGS)
]


@pytest.mark.parametrize("cls", OPTIMIZERS, ids=lambda cls: cls.__name__)
def test_steps_to_infinity_come_without_a_warning(cls: Any) -> None:
    for v, g in itertools.product([np.nan, np.inf, 1e20, 3e38, 0.0], repeat=2):
        p = nn.Parameter(tg.full((3,), v))
        p.grad = tg.full((3,), g)
        optimizer = cls([p], lr=1e20)
        optimizer.step()
        optimizer.step()
