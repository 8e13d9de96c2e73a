"""Modules as PyTorch has them: hooks, states, containers. Each function runs in both libraries."""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_mnist as tg


def net(t: Any) -> Any:
    t.manual_seed(0)
    return t.nn.Sequential(t.nn.Linear(2, 3), t.nn.ReLU(), t.nn.Linear(3, 1))


def forward_hooks_in_order(t: Any) -> Any:
    m, seen = net(t), []
    m.register_forward_pre_hook(lambda m, a: seen.append("pre 1"))
    m.register_forward_pre_hook(lambda m, a: seen.append("pre 0"), prepend=True)
    m.register_forward_hook(lambda m, a, out: seen.append("post 1"))
    m.register_forward_hook(lambda m, a, out: seen.append("post 0"), prepend=True)
    m(t.ones(4, 2))
    return seen


def backward_hooks(t: Any) -> Any:
    m, seen = net(t), []

    def note(module: Any, grad_input: Any, grad_output: Any) -> None:
        shapes = [None if g is None else tuple(g.shape) for g in (*grad_input, *grad_output)]
        seen.append((type(module).__name__, shapes))

    for layer in m:
        layer.register_full_backward_hook(note)
    m[2].register_full_backward_hook(lambda m, gi, go: (gi[0] * 2,))
    m[0].register_full_backward_pre_hook(lambda m, go: (go[0] * 3,))
    m(t.ones(4, 2, requires_grad=True)).sum().backward()
    return seen, m[2].bias.grad.tolist()


def gradients_replaced_before_and_after(t: Any) -> Any:
    m, x = t.nn.Linear(2, 2), t.ones(1, 2, requires_grad=True)
    m.register_full_backward_pre_hook(lambda m, go: (go[0] * 0 + 5,))
    m.register_full_backward_hook(lambda m, gi, go: (gi[0] * 0 + go[0].sum(),))
    m(x).sum().backward()
    return x.grad.tolist(), m.bias.grad.tolist()


def state_and_its_hooks(t: Any) -> Any:
    m, seen = net(t), []
    m.register_state_dict_pre_hook(lambda m, prefix, keep: seen.append((prefix, keep)))
    m.register_state_dict_post_hook(lambda m, state, prefix, meta: seen.append(len(state)))
    state = m.state_dict(prefix="net.", keep_vars=True)
    into = collections.OrderedDict()
    same = m.state_dict(destination=into) is into
    return seen, list(state), dict(state._metadata), type(state).__name__, list(into), same


def loading_and_its_hooks(t: Any) -> Any:
    m, seen = net(t), []
    state = m.state_dict()
    state["0.offset"] = state.pop("0.bias") + 1

    def rename(module: Any, state: Any, prefix: str, *rest: Any) -> None:
        state["0.bias"] = state.pop("0.offset")

    handle = m.register_load_state_dict_pre_hook(rename)
    m[2].register_load_state_dict_post_hook(lambda m, keys: seen.append(tuple(keys)))
    result = m.load_state_dict(state)
    handle.remove()
    loose = m.load_state_dict(state, strict=False)
    try:
        net(t).load_state_dict({**state, "2.bias": t.ones(7)})
    except RuntimeError as error:
        text = str(error)
    return seen, repr(result), repr(loose), loose.missing_keys, text, "0.offset" in state


def missing_keys_forgiven_by_a_hook(t: Any) -> Any:
    m = net(t)
    state = m.state_dict()
    del state["0.bias"]
    m.register_load_state_dict_post_hook(lambda m, keys: keys.missing_keys.clear())
    return repr(m.load_state_dict(state))


def assigned_state(t: Any) -> Any:
    m = net(t)
    m[0].weight.requires_grad_(False)
    before, state = m[0].weight, {k: v.double() for k, v in m.state_dict().items()}
    m.load_state_dict(state, assign=True)
    now = m[0].weight
    shared = now.data_ptr() == state["0.weight"].data_ptr()
    return now is before, type(now).__name__, str(now.dtype), now.requires_grad, shared


def extra_state(t: Any) -> Any:
    class Counter(t.nn.Module):
        def __init__(self, value: int) -> None:
            super().__init__()
            self.value = value

        def get_extra_state(self) -> Any:
            return {"value": self.value}

        def set_extra_state(self, state: Any) -> None:
            self.value = state["value"]

    a, b = t.nn.Sequential(Counter(3)), t.nn.Sequential(Counter(0))
    b.load_state_dict(a.state_dict())
    return dict(a.state_dict()), b[0].value, repr(a.load_state_dict({}, strict=False))


def number_of_one_element(t: Any) -> Any:
    m = t.nn.Module()
    m.w = t.nn.Parameter(t.tensor(1.0))
    m.load_state_dict({"w": t.tensor([2.0])})
    return m.w.item(), tuple(m.w.shape)


def submodules(t: Any) -> Any:
    m = net(t)
    m.set_submodule("1", t.nn.Tanh())
    return repr(m), "weight" in dir(m[0]), "0" in dir(m), str(m.type(t.float64)[0].bias.dtype)


def module_list(t: Any) -> Any:
    nn = t.nn
    layers = nn.ModuleList([nn.Linear(1, 1), nn.ReLU()])
    layers.insert(1, nn.Tanh())
    layers += [nn.ReLU()]
    popped = layers.pop(0)
    both = layers + nn.ModuleList([nn.Sigmoid()])
    return repr(layers), repr(both), repr(both[1:3]), type(popped).__name__, len(layers)


def sequential(t: Any) -> Any:
    nn = t.nn
    m = net(t) + nn.Sequential(nn.Tanh())
    twice = nn.Sequential(nn.ReLU(), nn.Tanh()) * 2
    m *= 2
    return repr(m), repr(twice), len(m)


def parameter_list(t: Any) -> Any:
    values = t.nn.ParameterList([t.nn.Parameter(t.ones(2, 3)), t.tensor(0.0), 3])
    values += [t.ones(3)]
    values[0] = t.ones(1)
    return repr(values), repr(values[1:]), values[2], list(values.state_dict()), len(values)


def parameter_dict(t: Any) -> Any:
    values = t.nn.ParameterDict({"b": t.ones(2), "a": t.nn.Parameter(t.zeros(1)), "n": 3})
    values.setdefault("q", t.ones(2))
    values.update([("z", t.ones(1))])
    last = values.popitem()[0]
    both = values | t.nn.ParameterDict({"k": t.ones(1)})
    both |= values.fromkeys(["m"], t.ones(1))
    popped = type(values.pop("a")).__name__
    words = [list(values), list(both), list(reversed(both)), list(values.copy().keys())]
    return words, last, popped, repr(both), values.get("zz", 1), list(both.state_dict())


SAME = [
    forward_hooks_in_order, backward_hooks, gradients_replaced_before_and_after,
    state_and_its_hooks, loading_and_its_hooks, missing_keys_forgiven_by_a_hook, assigned_state,
    extra_state, number_of_one_element, submodules, module_list, sequential, parameter_list,
    parameter_dict,
]  # fmt: skip


@pytest.mark.parametrize("behaviour", SAME, ids=lambda f: f.__name__)
def test_behaviour_is_that_of_pytorch(behaviour: Callable[[Any], Any], torch: Any) -> None:
    """Each behaviour of modules' hooks, states and texts is the same in both libraries."""
    assert behaviour(tg) == behaviour(torch)


def test_hook_that_is_always_called_sees_a_failure() -> None:
    class Broken(tg.nn.Module):
        def forward(self, x: Any) -> Any:
            raise ValueError("broken")

    m, seen = Broken(), []
    m.register_forward_hook(lambda m, a, out: seen.append(out), always_call=True)
    m.register_forward_hook(lambda m, a, out: seen.append("never"))
    with pytest.raises(ValueError, match="broken"):
        m(tg.ones(1))
    assert seen == [None]


def test_mistakes_with_containers_have_pytorchs_types() -> None:
    parameters = tg.nn.ParameterDict({"a": tg.ones(1)})
    with pytest.raises(AttributeError, match="no attribute 'b'"):
        parameters["b"]
    with pytest.raises(TypeError, match="iterable"):
        parameters.update(3)
    with pytest.raises(RuntimeError, match="should not be called"):
        parameters()
    with pytest.raises(TypeError, match="iterable"):
        tg.nn.ParameterList().extend(3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="positive"):
        tg.nn.Sequential(tg.nn.ReLU()) * 0
    for add in (tg.nn.Sequential().append, tg.nn.ModuleList().append):
        with pytest.raises(TypeError, match="append: int is not a Module subclass"):
            add(3)  # type: ignore[arg-type]
    with pytest.raises(
        NotImplementedError, match=r'^Module \[Module\] is missing the required "forw'
    ):
        tg.nn.Module()(3)
