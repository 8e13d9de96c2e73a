"""Functions and methods in a compiled step: recorded right, or the step runs as it is and says why.

A call is an expression of tensors, as in the sweep over special places, which finds the calls of
all public functions. Numbers change from call to call; outputs and gradients are compared bit for
bit.
"""

from __future__ import annotations

import itertools
import re
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import test_special_values as sweep
from special_values import SHAPES, Call
from sweeps import IS_LONG

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

SEEDS = (3, 4, 5, 6, 7)
"""The numbers change with each call: one before the recordings, two recorded, two afterwards."""


def expressions(text: str) -> list[str]:
    return [e.strip() for e in re.split(r";(?![^(]*\))|\n", text) if e.strip()]


RECORDED = expressions("""
t.all(m > 0.5); t.any(m > 0.5, 1); t.argmax(m, 1); t.argmin(m); t.argsort(m, 1); t.sort(m, 1); t.topk(m, 2); t.kthvalue(m, 2)
t.msort(m); t.median(m, 1); t.nanmedian(m, 1); t.mode((m * 3).floor(), 1); t.cummax(m, 0); t.cummin(m, 0); t.quantile(m, 0.3)
t.max(m, 1); t.min(m, 1); t.aminmax(m); t.count_nonzero(m > 0.5); t.searchsorted(t.tensor([0.1, 0.5]), m)
t.searchsorted(m.sort(1).values, m2); t.bucketize(m, t.tensor([0.1, 0.5])); t.isin((m * 5).long(), t.tensor([1, 2]))
t.eq(m, m2); t.ge(m, m2); t.isclose(m, m2); t.isfinite(m); t.isnan(m); t.signbit(m - 0.5); t.logical_not(m > 0.5)
t.bitwise_and((m * 5).long(), 3); t.heaviside(m - 0.5, m2); t.where(m > 0.5, m, m2); t.where(m > 0.5, 1.0, m)
m.long(); m.double(); m.half() * 2; m.to(t.float64); m.bool(); m.int(); m.float(); m.type(t.int64); m.contiguous(); m.t().contiguous()
m.detach() * m; m.data * m; m.clone(); m[0]; m[0, 1]; m[..., None]; m[::2, 1:]; m[[0, 1]]; m[(v * 3).long()]; m[:, (v * 3).long()]
m.expand(2, 4, 4); m.repeat(2, 1); m.repeat_interleave(2, 0); m.unfold(0, 2, 1); m.split(2); m.unbind(0); m.view(2, 8); m.diagonal()
t.einsum('ij,jk->ik', m, m2); t.einsum('ii->i', m); t.tensordot(m, m2, 1); t.cdist(m, m2); t.cov(m); t.corrcoef(m); t.meshgrid(v, v)
t.ones(4) * m; t.zeros(4) + m; t.full((4,), 2.0) * m; t.eye(4) * m; t.arange(4) * m; t.linspace(0, 1, 4) * m; t.tensor([1.0, 2.0, 3.0, 4.0]) * m
m * t.tensor(2).item(); m[t.tensor(1)]; m.repeat_interleave(t.tensor([1, 2, 0, 1]), 0); t.ones_like(m) * m; t.full_like(m, 3.0) * m; t.empty_like(m).fill_(2.0) * m; m.new_zeros(4) + m; m.new_tensor([1.0]) * m
t.tensor(m.detach()) * m; t.as_tensor(m) * 2; t.tril_indices(3, 3)
F.one_hot((m * 3).long(), 4); F.embedding((m2 * 3).long(), m); F.cross_entropy(m, (v * 3).long(), ignore_index=1)
F.cross_entropy(m, m2.softmax(1)); F.cross_entropy(m, (v * 3).long(), label_smoothing=0.1); F.nll_loss(m, (v * 3).long())
t.rand(4) * m; t.randn_like(m) + m; t.randint(0, 5, (4,)) * m; t.randperm(4) * m; t.bernoulli(m); t.multinomial(m, 2); t.normal(m, m2)
F.dropout(m); F.dropout1d(w[0]); F.dropout2d(w); F.alpha_dropout(m); F.feature_alpha_dropout(w); F.gumbel_softmax(m)
m.clone().uniform_() * m; m.clone().normal_() + m; m.clone().exponential_() * m; F.scaled_dot_product_attention(w, w, w, dropout_p=0.5)
m.clone().add_(1.0); m.clone().mul_(m2); m.clone().clamp_(0.2, 0.5); m.clone().relu_(); m.clone().copy_(m2); m.clone().zero_() + m
m.clone().masked_fill_(m > 0.5, 2.0); m.clone().index_fill_(0, t.tensor([1]), 2.0); m.clone().t_(); m.clone().unsqueeze_(0)
m.clone()[0].add_(1.0); m.clone().view(16).mul_(2.0); m.clone().diagonal().mul_(2.0); m[t.eye(4) > 0]; m * m2[t.ones(4, 4).tril().bool()].sum(); t.masked_select(m, t.eye(4) > 0); m[t.tensor([0, 3, 0]).unique()]
m[t.eye(4).nonzero()[:, 0]]; t.zeros(4, 4).index_put_(((v * 3).long(),), m2)
t.scatter(m, 1, (m2 * 3).long(), m2); t.gather(m, 1, (m2 * 3).long()); t.index_add(m, 0, (v * 3).long(), m2); t.take(m, (v * 9).long())
t.masked_fill(m, m2 > 0.5, 0.0); t.scatter_reduce(m, 1, (m2 * 3).long(), m2, 'amax'); t.diagonal_scatter(m, v); t.slice_scatter(m, m2[:2], 0, 0, 2)
F.max_pool2d(w, 2, return_indices=True); F.adaptive_max_pool2d(w, 2); F.adaptive_avg_pool2d(w, 2); F.interpolate(w, scale_factor=2)
F.pad(w, (1, 1, 1, 1), mode='reflect'); F.fold(F.unfold(w, 2), (4, 4), 2); F.grid_sample(w, t.zeros(2, 3, 3, 2) + v[0])
F.batch_norm(m, t.zeros(4), t.ones(4), training=True); F.group_norm(w, 2); F.instance_norm(w); F.rms_norm(m, (4,)); F.normalize(m)
t.linalg.svd(m); t.linalg.qr(m); t.linalg.solve(m + 4 * t.eye(4), v); t.linalg.pinv(m); t.linalg.cholesky(m @ m.T + 4 * t.eye(4))
t.linalg.solve_triangular(m + 4 * t.eye(4), m2, upper=True); t.linalg.matrix_norm(m, 'nuc'); t.linalg.vander(v); t.logdet(m)
t.autograd.grad((m * m).sum(), m)[0]; t.autograd.grad((m ** 3).sum(), m, create_graph=True)[0]; t.func.vjp(lambda x: x * x, m)[0]
m * m.sum().item(); m.sum().item(); t.special.gammaln(m); F.multi_margin_loss(m, (v * 3).long()); F.triplet_margin_loss(m, m2, m)
""")  # fmt: skip

NAMES = {"t": tg, "F": F, "inf": np.inf, "nan": np.nan}

STOPPED = {
    "bool|array_equal": "m * 2 if m[0, 0] > 0.5 else m; t.equal(m, m2); t.allclose(m, m2); bool(m[0, 0] > 0.5); F.interpolate(w, scale_factor=2, mode='bilinear')",
    "argwhere|nonzero": "t.nonzero(m > 0.5); t.where(m > 0.5); t.argwhere(m > 0.5)",
    "unique": "t.unique((m * 5).long())",
    "a mask says": "m[m > 0.5]; t.masked_select(m, m > 0.5); t.nanmedian(m)",
    "float|int|tolist|getitem": "m * float(m[0, 0]); m * int(m.sum()); m.tolist(); str(m); t.histc(m, 4); F.rrelu(m, training=True)",
    "its memory|ctypes": "t.as_strided(m, (2, 2), (1, 2)) * 1; m.data_ptr() * 0 + m",
}  # fmt: skip
"""What ends a recording, by what it says of it."""


def play(expression: str, compiled: Callable[[Any], Any], dtype: Any = np.float32) -> Any:
    """Return outputs and gradients of each call of a step that evaluates an expression."""
    given = {
        name: tg.zeros(*SHAPES[name]).to(tg.from_numpy(np.zeros(1, dtype)).dtype).requires_grad_()
        for name in Call.of(expression).shapes
    }
    leaves = list(given.values())
    body = eval(f"lambda: {expression}", {**NAMES, **given})

    def step() -> list[Any]:
        for x in leaves:
            x.grad = None
        out = body()
        outs = list(out) if isinstance(out, tuple | list) else [out]
        roots = [o for o in outs if isinstance(o, tg.Tensor) and o.requires_grad]
        if roots:
            sum((o * o).sum() for o in roots).backward()
        return outs

    run = compiled(step)
    found = []
    tg.manual_seed(0)
    for seed in SEEDS:
        source = np.random.default_rng(seed)
        for x in leaves:
            x._array[...] = source.uniform(0.1, 0.9, x.shape)
        outs = run()
        arrays = [o.detach().numpy().copy() if isinstance(o, tg.Tensor) else o for o in outs]
        found.append(arrays + [x.grad.numpy().copy() for x in leaves if x.grad is not None])
    return found


def played_both(
    expression: str, compile: Callable[[Any], Any], dtype: Any = np.float32
) -> tuple[Compiled[Any, Any], list[tuple[Any, Any]]]:
    """Return a compiled step, and all that it and itself uncompiled have found, in pairs."""
    made: list[Compiled[Any, Any]] = []
    pairs: list[tuple[Any, Any]] = []

    def compiled(function: Any) -> Any:
        made.append(compile(function))
        return made[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = play(expression, lambda function: function, dtype)
        found = play(expression, compiled, dtype)
    for some, others in zip(expected, found, strict=True):
        assert len(some) == len(others)
        for a, b in zip(some, others, strict=True):
            assert type(a) is type(b), expression
            assert getattr(a, "dtype", None) == getattr(b, "dtype", None), expression
            pairs.append((a, b))
    return made[0], pairs


def check(expression: str, dtype: Any = np.float32) -> Compiled[Any, Any]:
    """Compare a compiled step with itself uncompiled, bit for bit; return it."""
    function, pairs = played_both(expression, Compiled, dtype)
    for a, b in pairs:
        np.testing.assert_array_equal(a, b, err_msg=expression)
    return function


def said(function: Compiled[Any, Any]) -> str:
    return "; ".join(stopped.why for stopped in function.uncompiled.values())


@pytest.mark.parametrize("expression", RECORDED)
def test_call_is_recorded_and_gives_the_same_bits(expression: str) -> None:
    function = check(expression)
    assert any(step.built is not None for step in function.steps.values()), said(function)


@pytest.mark.parametrize(
    ("why", "expression"),
    [(why, expression) for why, text in STOPPED.items() for expression in expressions(text)],
)
def test_call_that_looks_at_numbers_is_run_as_it_is(why: str, expression: str) -> None:
    assert re.search(why, said(check(expression)))


def found_by_trying() -> Iterator[str]:
    """Walk over the calls of all public functions that can be made with tensors alone."""
    for name in sweep.names():
        if name == "t.vmap" or "empty" in name:  # it calls a function; its numbers are by chance
            continue
        for kind in sweep.PATTERNS:
            for pattern in kind:
                call = Call.of(pattern.format(f=name))
                given = {k: tg.rand(*shape).requires_grad_() for k, shape in call.shapes.items()}
                try:
                    call.outputs(tg, given)
                except sweep.ERRORS:
                    continue
                yield call.expression
        yield from (call.expression for call in sweep.written().get(name, []))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", [np.float32, np.float64], ids=["float32", "float64"])
def test_every_public_function_gives_the_same_bits_or_says_why_it_is_not_compiled(
    dtype: Any,
) -> None:
    """Each other call in each dtype; all of them by the profile "long"."""
    recorded, among = 0, 1 if IS_LONG else 2
    first = 0 if IS_LONG else int(dtype is np.float64)
    for expression in itertools.islice(found_by_trying(), first, None, among):
        try:
            function = check(expression, dtype)
        except sweep.ERRORS as error:  # what can't be done uncompiled either
            with pytest.raises(type(error)):
                play(expression, lambda function: function, dtype)
            continue
        built = any(step.built is not None for step in function.steps.values())
        assert built or said(function), expression
        recorded += built
    assert recorded > 1000 // among


# Modules and what changes their state


def outcomes(
    make: Callable[[], nn.Module], compiled: bool, batches: Callable[[int], Any], after: Any = None
) -> Any:
    """Train a module for some steps; return losses and all of its state, step by step."""
    tg.manual_seed(0)
    model = make()
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = model(x).square().mean()
        loss.backward()
        optimizer.step()
        if after is not None:
            after(model)
        return loss.detach()

    run: Any = Compiled(step) if compiled else step
    found = []
    for number in range(6):
        loss = run(batches(number))
        state = {name: x.detach().numpy().copy() for name, x in model.state_dict().items()}
        found.append((loss.numpy().copy(), state))
    return found, run


def rows(number: int) -> tg.Tensor:
    return tg.from_numpy(np.random.default_rng(number).standard_normal((6, 4), np.float32))


def images(number: int) -> tg.Tensor:
    return tg.from_numpy(np.random.default_rng(number).standard_normal((4, 2, 6, 6), np.float32))


def spread(model: nn.Module) -> None:
    nn.utils.clip_grad_norm_(model.parameters(), 0.5)


def cut(model: nn.Module) -> None:
    nn.utils.clip_grad_value_(model.parameters(), 0.01)


MODULES: dict[str, tuple[Callable[[], nn.Module], Any]] = {
    "batch norm": (lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3)), rows),
    "batch norm, cumulative": (
        lambda: nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, momentum=None)), rows),
    "batch norm of images": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), images),
    "instance norm": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.InstanceNorm2d(3, track_running_stats=True)),
        images,
    ),
    "spectral norm": (lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3)), rows),
    "weight norm": (lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 3)), rows),
    "dropout": (lambda: nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3), nn.Linear(8, 2)), rows),
    "lstm": (lambda: Last(nn.LSTM(4, 3, batch_first=True)), lambda n: rows(n).reshape(2, 3, 4)),
    "attention": (
        lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True),
        lambda n: rows(n).reshape(2, 3, 4),
    ),
    "pooling": (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.MaxPool2d(2)), images),
}  # fmt: skip


class Last(nn.Module):
    """A recurrent layer's output."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        out: tg.Tensor = self.layer(x)[0]
        return out


@pytest.mark.parametrize("after", [None, spread, cut], ids=["plain", "norm", "value"])
@pytest.mark.parametrize("name", MODULES)
def test_state_of_modules_and_clipped_gradients_are_the_steps_own(name: str, after: Any) -> None:
    make, batches = MODULES[name]
    expected, _ = outcomes(make, False, batches, after)
    found, run = outcomes(make, True, batches, after)
    assert any(step.built is not None for step in run.steps.values()), said(run)
    for (loss, state), (same_loss, same_state) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(loss, same_loss)
        for key, x in state.items():
            np.testing.assert_array_equal(x, same_state[key], err_msg=key)
