"""A tensor's history and gradient: retained, detached, copied, seen otherwise."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_mnist as tg


def numbers(x: Any) -> Any:
    """Return nested results with tensors as lists."""
    if isinstance(x, tuple | list):
        return [numbers(part) for part in x]
    return x.detach().tolist() if hasattr(x, "detach") else x


def retained_in_inputs(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    h = x * 2
    h.retain_grad()
    (h**2).sum().backward(inputs=[h])
    return h.grad, x.grad


def retained_twice(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    h = x * 2
    h.retain_grad()
    loss = (h**2).sum()
    loss.backward(inputs=[h], retain_graph=True)
    loss.backward(inputs=[h, x])
    return h.grad, x.grad


def inputs_that_were_not_retained(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    h = x * 2
    (h**2).sum().backward(inputs=[h, h])
    return h.grad, h.retains_grad, x.grad


def inputs_with_a_hook(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    h, k = x * 2, x * 3
    h.register_hook(lambda g: g * 10)
    k.retain_grad()
    k.register_hook(lambda g: g * 10)
    (h**2 + k).sum().backward(inputs=[h, k])
    return h.grad, k.grad


def hooks_before_the_last_input(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    h = x * 2
    h.retain_grad()
    h.register_hook(lambda g: g * 10)
    (last,) = t.autograd.grad((h**2).sum(), h, retain_graph=True)
    return last, h.grad, t.autograd.grad((h**2).sum(), (h, x))


def root_in_inputs(t: Any) -> Any:
    loss = (t.ones(2, requires_grad=True) * 2).sum()
    loss.retain_grad()
    loss.backward(inputs=[loss])
    return loss.grad


def output_of_several(t: Any) -> Any:
    h = t.ones(2, requires_grad=True) * 2
    a, b = h.unbind()
    a.retain_grad()
    (h.sum() * a * b).backward(inputs=[a, h])
    return h.grad, a.grad


def retained_with_create_graph(t: Any) -> Any:
    h = t.ones(2, requires_grad=True) * 2
    h.retain_grad()
    (h**3).sum().backward(inputs=[h], create_graph=True)
    return h.grad, h.grad.requires_grad


def detached_after_a_write_through_a_view(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    y = x * 1
    v = y.view(-1)
    v.mul_(3.0)
    y.detach_()
    v.sum().backward()
    return x.grad, y.requires_grad


def detached_then_written(t: Any) -> Any:
    x, w = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
    y = x * 1
    v = y.view(-1)
    y.detach_()
    y.mul_(w)
    (v.sum() + y.sum()).backward()
    return x.grad, w.grad, v


def view_of_a_detached_write(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    y = x * 1
    v, u = y.view(-1), y[:1]
    v.mul_(3.0)
    y.detach_()
    (u.sum() + v.sum()).backward()
    return x.grad, u.requires_grad


def base_written_then_detached(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    y = x * 1
    v = y.view(-1)
    y.mul_(3.0)
    y.detach_()
    v.sum().backward()
    return x.grad, v.requires_grad


def detached_and_a_leaf_again(t: Any) -> Any:
    x = t.ones(2, requires_grad=True)
    y = x * 1
    v = y.view(-1)
    v.mul_(3.0)
    y.detach_().requires_grad_()
    v.sum().backward()
    return x.grad, y.grad


def leaf_that_needs_no_gradient_any_more(t: Any) -> Any:
    y, z = t.ones(2, requires_grad=True), t.ones(2, requires_grad=True)
    v, w = y.view(-1), z.view(-1)
    y.requires_grad_(False)
    z.detach_()
    (v * w).sum().backward()
    return y.grad, z.grad


def detached_and_retained(t: Any) -> Any:
    y = t.ones(2, requires_grad=True) * 1
    y.retain_grad()
    loss = (y * 2).sum()
    y.detach_()
    loss.backward()
    return y.grad, y.is_leaf


def deepcopies(t: Any) -> Any:
    model = t.nn.Linear(2, 1)
    optimizer = t.optim.Adam(model.parameters())
    model(t.ones(1, 2)).sum().backward()
    optimizer.step()
    other, again = copy.deepcopy((model, optimizer))
    plain = t.ones(2, requires_grad=True)
    plain.sum().backward()
    mine = copy.deepcopy(plain)
    parameter = copy.deepcopy({"a": model.weight, "g": model.weight.grad})
    return [
        other.weight.grad, other.weight.requires_grad, other.bias.grad, model.weight.grad,
        again.param_groups[0]["params"][0] is other.weight, mine.grad, mine.requires_grad,
        parameter["a"].grad, parameter["g"], copy.copy(model).weight is model.weight,
        pickle.loads(pickle.dumps(plain)).grad, copy.copy(plain).requires_grad,
    ]  # fmt: skip


def first_backward_of_a_copy(t: Any) -> Any:
    model = t.nn.Linear(2, 1)
    model(t.ones(1, 2)).sum().backward()
    other = copy.deepcopy(model)
    other(t.ones(1, 2)).sum().backward()
    return other.weight.grad, other.bias.grad


def deepcopies_keep_what_is_shared(t: Any) -> Any:
    a = t.arange(6.0).reshape(2, 3)
    b, row, turned, column = copy.deepcopy([a, a[1], a.t(), a[:, 2]])
    b[1, 2] = 9
    wide = copy.deepcopy(t.ones(1, 2).expand(3, 2))
    alone = copy.deepcopy(a[1])
    alone[0] = 7
    ties = t.nn.ModuleList([t.nn.Linear(2, 2), t.nn.Linear(2, 2)])
    ties[1].weight = ties[0].weight
    ties = copy.deepcopy(ties)
    return (b, row, turned, column, turned.stride(), wide.stride(), alone, a,
            ties[0].weight is ties[1].weight)  # fmt: skip


def copied_hooks_and_attributes(t: Any) -> Any:
    p, x = t.nn.Parameter(t.ones(2)), t.ones(2, requires_grad=True)
    p.note = x.note = [1]
    for leaf in (p, x):
        leaf.register_hook(lambda g: g * 10)
        leaf.register_post_accumulate_grad_hook(lambda leaf: leaf.grad.mul_(3))
    p, x = copy.deepcopy((p, x))
    (p + x).sum().backward()
    return p.grad, x.grad, hasattr(p, "note"), x.note


def function_with_defaults(t: Any) -> Any:
    class Scale(t.autograd.Function):
        @staticmethod
        def forward(x: Any, factor: float = 3.0, times: int = 1) -> Any:
            return x * factor * times

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            _, ctx.factor, ctx.times = inputs

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.factor * ctx.times, None, None

    x = t.ones(2, requires_grad=True)
    (Scale.apply(x) + Scale.apply(x, 2.0) + Scale.apply(x, times=5)).sum().backward()
    return x.grad


def hook_that_updates_its_parameter(t: Any) -> Any:
    p, modes = t.ones(2, requires_grad=True), []

    def step(leaf: Any) -> None:
        modes.append(t.is_grad_enabled())
        leaf.sub_(leaf.grad)
        leaf.grad = None

    p.register_post_accumulate_grad_hook(step)
    (p * p).sum().backward()
    return p, p.grad, modes


def product_of_nothing(t: Any) -> Any:
    gradients = []
    for shape, dims in (((0,), ()), ((0, 3), (0,)), ((3, 0), (1,)), ((2, 0, 3), ())):
        x = t.empty(shape, requires_grad=True)
        x.prod(*dims).sum().backward()
        gradients.append(x.grad)
    return gradients


PROGRAMS = [
    function_with_defaults, hook_that_updates_its_parameter, product_of_nothing,
    retained_in_inputs, retained_twice, inputs_that_were_not_retained, inputs_with_a_hook,
    hooks_before_the_last_input, root_in_inputs, output_of_several, retained_with_create_graph,
    detached_after_a_write_through_a_view, detached_then_written, view_of_a_detached_write,
    base_written_then_detached, detached_and_a_leaf_again, leaf_that_needs_no_gradient_any_more,
    detached_and_retained, deepcopies, first_backward_of_a_copy, deepcopies_keep_what_is_shared,
    copied_hooks_and_attributes,
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Using backward")
@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_history_and_gradient_are_pytorchs(program: Callable[[Any], Any], torch: Any) -> None:
    results = []
    for library in (tg, torch):
        library.manual_seed(0)
        results.append(numbers(program(library)))
    assert results[0] == results[1]


def test_a_view_of_what_was_detached_is_not_written_to(torch: Any) -> None:
    for t in (tg, torch):
        y = t.ones(2, requires_grad=True) * 1
        v = y.view(-1)
        y.detach_()
        with pytest.raises(RuntimeError, match="a view of a leaf"):
            v.mul_(3.0)


TURNS: list[tuple[str, tuple[Any, ...]]] = [
    ("unsqueeze_", (0,)), ("unsqueeze_", (-1,)), ("squeeze_", ()), ("squeeze_", (0,)), ("t_", ()),
    ("transpose_", (0, 1)), ("swapdims_", (0, 1)), ("swapaxes_", (0, 1)),
]  # fmt: skip


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("name", "args"), TURNS)
def test_change_of_shape_in_place_keeps_the_history(
    name: str, args: tuple[Any, ...], recorded: bool
) -> None:
    """PyTorch keeps the old node under ``no_grad`` and then fails where the shapes don't fit."""
    a = tg.arange(3.0, requires_grad=True)
    y = (a * 2).reshape(1, 3) * 1
    with tg.set_grad_enabled(recorded):
        getattr(y, name)(*args)
    assert y.requires_grad and not y.is_leaf
    (y * y).sum().backward()
    assert a.grad.tolist() == [0.0, 8.0, 16.0]


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize(("name", "args"), TURNS)
def test_view_of_changed_shape_still_is_a_part_of_its_base(
    name: str, args: tuple[Any, ...], recorded: bool, torch: Any
) -> None:
    def run(t: Any, write_to_base: bool) -> Any:
        a = t.arange(3.0, requires_grad=True)
        base = a * 2
        y = base.view(1, 3)
        with t.set_grad_enabled(recorded):
            getattr(y, name)(*args)
        (base if write_to_base else y).mul_(2)
        (y * y).sum().backward(retain_graph=True)
        (base * 2).sum().backward()
        return numbers([a.grad, base, y, y.is_leaf])

    for write_to_base in (True, False):
        assert run(tg, write_to_base) == run(torch, write_to_base)


def test_leaf_of_changed_shape_stays_a_leaf(torch: Any) -> None:
    def run(t: Any) -> Any:
        x = t.arange(3.0).requires_grad_()
        with t.no_grad():
            x.unsqueeze_(0)
        (x * x).sum().backward()
        return numbers([x.is_leaf, x.grad])

    assert run(tg) == run(torch)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        tg.ones(2, requires_grad=True).unsqueeze_(0)
