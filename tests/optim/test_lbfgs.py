"""L-BFGS takes PyTorch's path."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from side_by_side import converted

import tinygrad_mnist as tg
from tinygrad_mnist import optim


def start(t: Any, problem: str, options: dict[str, Any]) -> Any:
    source = np.random.default_rng(0)
    if problem == "network":
        ps = [t.tensor(source.standard_normal(s) * 0.5, requires_grad=True)
              for s in ((5, 4), (1, 5), (5,), ())]  # fmt: skip
        ps.append(t.zeros(2, dtype=t.float64, requires_grad=True))
        x, y = t.tensor(source.standard_normal((8, 4))), t.tensor(source.standard_normal((8, 1)))
    else:
        ps = [t.tensor([-1.2, 1.0], dtype=t.float64, requires_grad=True)]
    optimizer = t.optim.LBFGS(ps, **options)

    def closure() -> Any:
        optimizer.zero_grad()
        if problem == "network":
            loss = (((x @ ps[0].T + ps[2]).tanh() @ ps[1].T * ps[3] - y) ** 2).mean()
        else:
            loss = (1 - ps[0][0]) ** 2 + 100 * (ps[0][1] - ps[0][0] ** 2) ** 2
        loss.backward()
        return loss

    return ps, optimizer, lambda: optimizer.step(closure).item()


OPTIONS = [
    {"lr": 0.001},
    {"lr": 0.001, "max_iter": 4, "history_size": 3},
    {"line_search_fn": "strong_wolfe"},
    {"line_search_fn": "strong_wolfe", "lr": 0.5, "max_iter": 3, "history_size": 2},
    {"line_search_fn": "strong_wolfe", "max_eval": 3},
    {"line_search_fn": "strong_wolfe", "max_iter": 1, "lr": 30.0},
    {"line_search_fn": "strong_wolfe", "tolerance_grad": 1e-2, "tolerance_change": 1e-3},
]


@pytest.mark.parametrize("problem", ["network", "valley"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_steps_are_those_of_pytorch(problem: str, options: dict[str, Any], torch: Any) -> None:
    ps, mine, step = start(tg, problem, options)
    qs, theirs, their_step = start(torch, problem, options)
    np.testing.assert_allclose(
        [step() for _ in range(8)], [their_step() for _ in range(8)], rtol=1e-6
    )
    for p, q in zip(ps, qs, strict=True):
        np.testing.assert_allclose(p.detach().numpy(), q.detach().numpy(), rtol=1e-6)
    a, b = (o.state_dict()["state"][0] for o in (mine, theirs))
    assert set(b) - {"al"} == set(a)
    for key in ("func_evals", "n_iter"):
        assert a[key] == b[key]
    assert len(a["old_dirs"]) == len(b["old_dirs"])
    assert repr(mine) == repr(theirs)


def test_state_travels_to_pytorch_and_back(torch: Any, tmp_path: Any) -> None:
    options = {"line_search_fn": "strong_wolfe", "max_iter": 3}
    for source, target in ((tg, torch), (torch, tg), (tg, tg)):
        ps, optimizer, step = start(source, "valley", options)
        step()
        step()
        qs, other, other_step = start(target, "valley", {})
        state = optimizer.state_dict()
        if source is target:
            tg.save(state, tmp_path / "state.npz")
            state = tg.load(tmp_path / "state.npz")
        other.load_state_dict(converted(state, target))
        with target.no_grad():
            qs[0].copy_(target.tensor(ps[0].detach().numpy()))
        rest, other_rest = [step() for _ in range(3)], [other_step() for _ in range(3)]
        if source is target:
            assert rest == other_rest
        np.testing.assert_allclose(rest, other_rest, rtol=1e-7)


def test_float32_stays_float32() -> None:
    p = tg.tensor([3.0, 2.0], requires_grad=True)
    for search in (None, "strong_wolfe"):
        optimizer = optim.LBFGS([p], lr=0.1, line_search_fn=search)

        def closure(optimizer: Any = optimizer) -> tg.Tensor:
            optimizer.zero_grad()
            loss = (p**4).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        state = optimizer.state[p]
        assert p.dtype == state["d"].dtype == state["ro"][0].dtype == tg.float32


def test_bad_input_gets_a_sentence() -> None:
    p = tg.ones(1, requires_grad=True)
    groups = [{"params": [p]}, {"params": [tg.ones(1, requires_grad=True)]}]
    with pytest.raises(ValueError, match="per-parameter options"):
        optim.LBFGS(groups)
    with pytest.raises(ValueError, match="learning rate"):
        optim.LBFGS([p], lr=-1)
    with pytest.raises(TypeError, match="needs a closure"):
        optim.LBFGS([p]).step()
    with pytest.raises(RuntimeError, match="only 'strong_wolfe' is supported"):
        optim.LBFGS([p], line_search_fn="weak").step(lambda: p.sum())


def test_an_error_in_the_search_leaves_the_parameters_at_the_last_iterate() -> None:
    p = tg.tensor([3.0], requires_grad=True)
    optimizer = optim.LBFGS([p], line_search_fn="strong_wolfe")
    calls = []

    def closure() -> tg.Tensor:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        optimizer.zero_grad()
        loss = (p**2).sum()
        loss.backward()
        return loss

    with pytest.raises(KeyboardInterrupt):
        optimizer.step(closure)
    assert p.tolist() == [3.0]
