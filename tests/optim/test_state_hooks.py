"""An optimizer's state: what is shared, hooks around it, and optimizers that never called super()."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.optim import optimizer as ours


def adam(t: Any, **options: Any) -> tuple[Any, Any]:
    p = t.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    optimizer = t.optim.Adam([p], lr=0.1, **options)
    step(p, optimizer)
    return p, optimizer


def step(p: Any, optimizer: Any) -> None:
    optimizer.zero_grad()
    (p * p).sum().backward()
    optimizer.step()


def test_loaded_state_is_shared_where_pytorch_shares_it(torch: Any) -> None:
    told = []
    for t in (tg, torch):
        p, one = adam(t)
        q, two = adam(t)
        saved = one.state_dict()
        two.load_state_dict(saved)
        mine, other = one.state[p], two.state[q]
        told.append(
            [mine is other, saved["state"][0] is mine, one.param_groups[0] is two.param_groups[0]]
        )
        told[-1] += [mine[name].data_ptr() == other[name].data_ptr() for name in sorted(mine)]
        step(p, one)
        step(q, two)
        told[-1] += [[round(v, 5) for v in x.flatten().tolist()] for x in (p, q)]
        third, three = adam(t)
        three.load_state_dict(copy.deepcopy(one.state_dict()))
        told[-1] += [three.state[third]["exp_avg"].data_ptr() == mine["exp_avg"].data_ptr()]
    assert told[0] == told[1]


def test_state_of_another_dtype_or_without_a_parameter_is_treated_as_pytorch_does(
    torch: Any,
) -> None:
    told = []
    for t in (tg, torch):
        p, optimizer = adam(t)
        extra = {"any": [1]}
        wide = t.ones(2, 2, dtype=t.float64)
        state = optimizer.state_dict()
        state["state"] = {
            0: {"step": t.tensor(3.0), "exp_avg": wide, "exp_avg_sq": t.ones(2, 2), "n": t.tensor([1, 2]),
                "list": [wide, 3], "inner": {"x": wide}},
            "extra": extra,
        }  # fmt: skip
        optimizer.load_state_dict(state)
        loaded = optimizer.state[p]
        told.append([str(loaded[k].dtype) for k in ("step", "exp_avg", "exp_avg_sq", "n")])
        told[-1] += [
            str(loaded["list"][0].dtype),
            loaded["list"][1],
            str(loaded["inner"]["x"].dtype),
        ]
        told[-1] += [optimizer.state["extra"] is extra]
        told[-1] += [state["state"][0]["exp_avg"].dtype == t.float64]
    assert told[0] == told[1]


def test_hooks_around_the_state_run_in_pytorchs_order(torch: Any) -> None:
    def told(t: Any) -> Any:
        _, optimizer = adam(t)
        seen: list[Any] = []

        def replaced(o: Any, state: Any) -> Any:
            seen.append("replaced")
            return {**state, "more": 1}

        handles = [
            optimizer.register_state_dict_pre_hook(lambda o: seen.append("second")),
            optimizer.register_state_dict_pre_hook(lambda o: seen.append("first"), prepend=True),
            optimizer.register_state_dict_post_hook(replaced),
            optimizer.register_state_dict_post_hook(lambda o, s: seen.append(sorted(s))),
            optimizer.register_state_dict_post_hook(
                lambda o, s: seen.append("before"), prepend=True
            ),
        ]
        state = optimizer.state_dict()
        seen.append(sorted(state))

        def changed(o: Any, state: Any) -> Any:
            state["param_groups"] = copy.deepcopy(state["param_groups"])
            state["param_groups"][0]["lr"] = 0.5

        def other(o: Any, state: Any) -> Any:
            groups = [{**state["param_groups"][0], "eps": 0.25}]
            return {"state": {}, "param_groups": groups}

        handles += [
            optimizer.register_load_state_dict_pre_hook(other),
            optimizer.register_load_state_dict_pre_hook(changed, prepend=True),
            optimizer.register_load_state_dict_post_hook(
                lambda o: seen.append(o.param_groups[0]["eps"])
            ),
            optimizer.register_load_state_dict_post_hook(
                lambda o: seen.append("after"), prepend=True
            ),
        ]
        optimizer.load_state_dict(state)
        seen += [
            optimizer.param_groups[0]["lr"],
            len(optimizer.state),
            state["param_groups"][0]["lr"],
        ]
        for handle in handles:
            handle.remove()
        optimizer.load_state_dict(optimizer.state_dict())
        return seen

    assert told(tg) == told(torch)


def test_hooks_of_all_optimizers_run_around_their_own(torch: Any) -> None:
    def told(module: Any, t: Any) -> Any:
        p, optimizer = adam(t)
        seen: list[Any] = []
        handles = [
            module.register_optimizer_step_pre_hook(
                lambda o, a, k: seen.append(("all", len(a), k))
            ),
            module.register_optimizer_step_post_hook(lambda *a: seen.append("all after")),
        ]
        optimizer.register_step_pre_hook(lambda *a: seen.append("own"))
        optimizer.register_step_post_hook(lambda *a: seen.append("own after"))
        step(p, optimizer)
        for handle in handles:
            handle.remove()
        step(p, optimizer)
        return seen

    expected = [("all", 1, {}), "own", "own after", "all after", "own", "own after"]
    assert (
        told(ours, tg) == told(importlib.import_module("torch.optim.optimizer"), torch) == expected
    )


def test_optimizer_that_never_called_super_works(torch: Any) -> None:
    for t in (tg, torch):

        class Own(t.optim.Optimizer):  # type: ignore[misc, name-defined]
            def __init__(self, params: Any) -> None:
                self.defaults: dict[str, Any] = {}
                self.param_groups = [{"params": list(params), "lr": 0.25}]
                self.state: dict[Any, Any] = {}

            def step(self, closure: Any = None, t: Any = t) -> None:
                with t.no_grad():
                    for group in self.param_groups:
                        for p in group["params"]:
                            p -= group["lr"] * p.grad

        p = t.tensor([2.0], requires_grad=True)
        optimizer = Own([p])
        (p * p).sum().backward()
        optimizer.step()
        assert p.tolist() == [1.0]
        optimizer.zero_grad()
        assert p.grad is None
    schedule = tg.optim.lr_scheduler.StepLR(optimizer := own_of(tg), 1)
    seen: list[Any] = []
    optimizer.register_step_post_hook(lambda *a: seen.append("stepped"))
    optimizer.register_state_dict_pre_hook(lambda o: seen.append("asked"))
    step(optimizer.param_groups[0]["params"][0], optimizer)
    schedule.step()
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.025)
    optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    assert seen == ["stepped", "asked"]


def own_of(t: Any) -> Any:
    class Own(t.optim.Optimizer):  # type: ignore[misc, name-defined]
        def __init__(self) -> None:
            self.defaults: dict[str, Any] = {}
            self.param_groups = [{"params": [t.ones(1, requires_grad=True)], "lr": 0.25}]
            self.state: dict[Any, Any] = {}

        def step(self, closure: Any = None) -> None: ...

    return Own()


@pytest.mark.parametrize("kind", ["BatchNorm1d", "BatchNorm2d", "InstanceNorm1d"])
def test_state_from_before_batches_were_counted_is_loaded(kind: str, torch: Any) -> None:
    for t in (tg, torch):
        net = t.nn.Sequential(getattr(t.nn, kind)(2, track_running_stats=True))
        net[0].num_batches_tracked.fill_(3)
        state = net.state_dict()
        plain = {k: v.clone() for k, v in state.items() if "tracked" not in k}
        plain["0.running_mean"].fill_(5.0)
        assert str(net.load_state_dict(plain)) == "<All keys matched successfully>"
        assert net[0].running_mean.tolist() == [5.0, 5.0]
        assert net[0].num_batches_tracked.item() == 3
        del state["0.num_batches_tracked"]  # its metadata say that it is of a version that counts
        assert state._metadata["0"]["version"] == 2
        with pytest.raises(RuntimeError, match="num_batches_tracked"):
            net.load_state_dict(state)
        with pytest.raises(RuntimeError, match="running_var"):
            net.load_state_dict({k: v for k, v in plain.items() if "var" not in k})
