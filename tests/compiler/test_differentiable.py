"""The loop stays as it is: what a compiled function returns has the gradients of the function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn, viz
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.utils.checkpoint import checkpoint

CALLS = 6
"""So many that the last ones are programs: one runs as ever, two are recorded, both ways."""


def programs(function: Any) -> list[Any]:
    """Return the programs of a compiled function, which must run no call as it is."""
    assert isinstance(function, Compiled)
    assert not function.uncompiled
    found = [step for step in function.steps.values() if step.built is not None]
    assert found
    return found


def backward_programs(function: Any) -> int:
    """Return how many backward programs there are."""
    return sum(
        way.built is not None for step in programs(function) for way in step.graph.ways.values()
    )


def numbers(x: Any) -> Any:
    """Return tensors as arrays, in the same structure."""
    if isinstance(x, tg.Tensor):
        return x.detach().numpy().copy()
    if isinstance(x, dict):
        return {name: numbers(part) for name, part in x.items()}
    if isinstance(x, tuple | list):
        return [numbers(part) for part in x]
    return x


def assert_same(scene: Callable[[Callable[[Any], Any]], list[Any]], whole: bool = True) -> None:
    """Play a scene without and with a compiler: all that it returns must be equal.

    Unless told otherwise, all that it compiles must have become programs.
    """
    made: list[Any] = []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    tg.manual_seed(0)
    plain = numbers(scene(lambda function: function))
    tg.manual_seed(0)
    np.testing.assert_equal(numbers(scene(compiled)), plain)
    for function in made if whole else ():
        programs(function)


MODELS: dict[str, Callable[[], nn.Module]] = {
    "dense": lambda: nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)),
    "dropout": lambda: nn.Sequential(nn.Linear(12, 8), nn.Dropout(0.3), nn.Linear(8, 3)),
    "norm": lambda: nn.Sequential(nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)),
    "images": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 3, 4)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(4, 3),
    ),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS)
def test_training_with_a_compiled_model_is_training(model: str) -> None:
    def scene(compiled: Callable[[Any], Any]) -> list[Any]:
        net = MODELS[model]()
        optimizer = tg.optim.Adam(net.parameters(), lr=0.01)
        run = compiled(net)
        losses = []
        for _ in range(CALLS):
            x, y = tg.randn(6, 12), tg.randint(0, 3, (6,))
            optimizer.zero_grad()
            loss = F.cross_entropy(run(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        if isinstance(run, Compiled):
            assert backward_programs(run) == 1
        return [losses, [p.grad for p in net.parameters()], net.state_dict()]

    assert_same(scene)


def weights(*shape: int) -> tg.Tensor:
    return tg.randn(*shape, requires_grad=True)


def repeated(
    scene: Callable[[Callable[[Any], Any]], Callable[[], Any]], whole: bool = True
) -> None:
    """Play a scene many times, without and with a compiler."""

    def all_of(compiled: Callable[[Any], Any]) -> list[Any]:
        once = scene(compiled)
        return [numbers(once()) for _ in range(2 * CALLS)]

    assert_same(all_of, whole)


def test_each_output_has_its_own_gradient() -> None:
    """Gradients may arrive at one output, at another, or at all of them."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w, v = weights(3, 4), weights(4)

        def heads(x: tg.Tensor) -> Any:
            h = (x @ w).tanh()
            return {"mean": h.mean(1), "rest": (h @ v, [h.exp(), 3, None])}

        run = compiled(heads)
        turn = iter(range(100))

        def once() -> Any:
            number = next(turn)
            w.grad = v.grad = None
            x = tg.randn(5, 3, requires_grad=True)
            out = run(x)
            parts = [out["mean"], out["rest"][0], out["rest"][1][0]]
            used = [[0], [1], [0, 2], [0, 1, 2]][number % 4]
            sum(parts[i].sum() * (i + 1) for i in used).backward()
            if isinstance(run, Compiled) and number == 2 * CALLS - 1:
                assert backward_programs(run) == 4
            return [out, w.grad, v.grad, x.grad]

        return once

    repeated(scene)


def test_heads_may_go_backward_one_after_another() -> None:
    """Only what a gradient has passed through is released."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w, v = weights(3), weights(3)
        run = compiled(lambda x: ((x * w).exp().sum(), (x * v).sin().sum()))

        def once() -> Any:
            first, second = run(tg.randn(3))
            first.backward()
            second.backward()
            with pytest.raises(RuntimeError, match="second time"):
                first.backward()
            return [w.grad, v.grad]

        return once

    repeated(scene)


def test_graph_is_kept_as_long_as_it_is_retained() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x: (x * w).exp().sum())

        def once() -> Any:
            loss = run(tg.randn(3))
            loss.backward(retain_graph=True)
            loss.backward()
            with pytest.raises(RuntimeError, match="second time"):
                loss.backward()
            return w.grad

        return once

    repeated(scene)


def test_views_and_arguments_are_returned_as_such() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3, 4)

        def views(x: tg.Tensor) -> Any:
            h = x * 2
            return x, w, x.view(-1), w.t(), h[0], h[1:], x.detach(), h.detach()

        run = compiled(views)

        def once() -> Any:
            w.grad = None
            leaf = tg.randn(3, 4, requires_grad=True)
            x = leaf.sin()
            out = run(x)
            assert out[0] is x
            assert out[1] is w
            assert all(out[i]._base is not None for i in (2, 3, 4, 5))
            assert out[4]._base is out[5]._base
            assert np.shares_memory(out[2]._array, x._array)
            with tg.no_grad():
                x += 1
                out[7][1, 1] = 7.0
            total = sum((i + 1) * part.sum() for i, part in enumerate(out[:6]))
            total.backward()
            return [out, w.grad, leaf.grad, out[6]]

        return once

    repeated(scene)


def test_writes_to_what_was_returned_are_differentiated() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3, 4)

        def views(x: tg.Tensor) -> Any:
            h = x + w.exp()
            return x.view(-1), h[0], h[1:], h

        run = compiled(views)

        def once() -> Any:
            w.grad = None
            leaf = tg.randn(3, 4, requires_grad=True)
            x = leaf * 1
            flat, first, _, whole = run(x)
            flat[2] *= 3
            first.mul_(2)
            whole[1:, 0] = 0
            (x.sum() + (whole * 5).sum() + first.sum()).backward()
            return [x, whole, w.grad, leaf.grad]

        return once

    repeated(scene)


def test_outputs_that_backward_needs_are_guarded() -> None:
    """A write to an array that is saved is an error, or has the right gradient."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(2, 1, 4, 4)
        squashed = compiled(lambda x: (x * w).tanh())
        pooled = compiled(lambda x: F.max_pool2d(x * w, 2))

        def once() -> Any:
            w.grad = None
            x = tg.randn(2, 1, 4, 4)
            y = squashed(x)
            with tg.no_grad():
                y.add_(1)
            with pytest.raises(RuntimeError, match="modified by an inplace operation, add_"):
                y.sum().backward()
            y = squashed(x)
            y.mul_(3)
            with pytest.raises(RuntimeError, match="modified by an inplace operation, mul_"):
                y.sum().backward()
            z = pooled(x)
            z.mul_(3)
            z.sum().backward()
            z = pooled(x)
            with tg.no_grad():
                z.add_(1)
            z.mul_(3)
            with pytest.raises(RuntimeError, match="modified by an inplace operation"):
                z.sum().backward()
            return w.grad

        return once

    repeated(scene)


def test_writes_between_forward_and_backward_are_noticed() -> None:
    v, w = weights(4, 4), weights(4, 4)
    run = Compiled(lambda x: (x @ v) @ w)
    for _ in range(CALLS):
        run(tg.randn(2, 4)).sum().backward()
    for changed in (v, w):
        loss = run(tg.randn(2, 4)).sum()
        with tg.no_grad():
            changed *= 2
        if changed is v:  # its array isn't needed, for x needs no gradient
            loss.backward()
        else:
            with pytest.raises(RuntimeError, match=r"modified by an inplace operation, mul_"):
                loss.backward()
    x = tg.randn(2, 4)
    loss = run(x).sum()
    x.zero_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation, setitem"):
        loss.backward()
    assert backward_programs(run) == 1


def test_writes_are_noticed_after_nodes_were_put_up() -> None:
    v, w = weights(4), weights(4)
    run = Compiled(lambda x: ((x * v).exp().sum(), (x * w).exp().sum()))
    x = tg.randn(4, requires_grad=True)
    for _ in range(CALLS):
        for loss in run(x):
            loss.backward()
    one, two = run(x)
    with tg.no_grad():
        w *= 2
    tg.autograd.grad(one, x, create_graph=True)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation, mul_"):
        two.backward()
    programs(run)


def test_higher_derivatives_are_those_of_the_function() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1))
        run = compiled(net)

        def once() -> Any:
            net.zero_grad()
            x = tg.randn(4, 3, requires_grad=True)
            (g,) = tg.autograd.grad(run(x).sum(), x, create_graph=True)
            (gg,) = tg.autograd.grad((g**2).sum(), x, create_graph=True)
            ((g.norm(dim=1) - 1) ** 2).mean().backward(retain_graph=True)
            gg.sum().backward()
            return [g, gg, x.grad, [p.grad for p in net.parameters()]]

        return once

    repeated(scene)


def test_many_calls_may_come_before_the_gradients() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        cell = nn.RNNCell(3, 4)
        run = compiled(cell)

        def once() -> Any:
            cell.zero_grad()
            h = tg.zeros(2, 4)
            states = []
            for x in tg.randn(5, 2, 3):
                h = run(x, h)
                states.append(h)
            (sum(s.sum() for s in states) + (h * h).sum()).backward()
            return [states, [p.grad for p in cell.parameters()]]

        return once

    repeated(scene)


def test_gradients_accumulate() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        run = compiled(net)

        def once() -> Any:
            net.zero_grad(set_to_none=False)
            one, two = run(tg.randn(5, 3)), run(tg.randn(5, 3))
            F.mse_loss(one, two).backward()
            kept = [p.grad for p in net.parameters()]
            run(tg.randn(5, 3)).sum().backward()
            assert all(p.grad is g for p, g in zip(net.parameters(), kept, strict=True))
            return [one, two, kept]

        return once

    repeated(scene)


def test_outputs_stay_what_they_are() -> None:
    """No later call writes to what an earlier one has returned, nor to what it has saved."""
    w = weights(4)
    run = Compiled(lambda x: ((x * w).exp(), (x * w).exp(), x + 1, x + 1))
    for _ in range(CALLS):
        run(tg.ones(4))
    x = tg.randn(4)
    outs = run(x)
    copies = numbers(outs)
    run(tg.randn(4))
    np.testing.assert_equal(numbers(outs), copies)
    outs[2].zero_()
    with tg.no_grad():
        outs[0].zero_()
    np.testing.assert_equal(numbers(outs[1]), copies[1])
    np.testing.assert_equal(numbers(outs[3]), copies[3])
    run(tg.randn(4))
    outs[1].sum().backward()
    np.testing.assert_array_equal(w.grad.numpy(), copies[1] * numbers(x))
    programs(run)


def test_hooks_are_called_as_ever() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        w.register_hook(lambda g: g * 2)
        w.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(3))
        run = compiled(lambda x: (x * w).exp())

        def once() -> Any:
            w.grad = None
            leaf = tg.randn(3, requires_grad=True)
            x = leaf * 2
            x.retain_grad()
            y = run(x)
            y.retain_grad()
            y.register_hook(lambda g: g + 1)
            y.sum().backward()
            return [w.grad, leaf.grad, x.grad, y.grad]

        return once

    repeated(scene)


def test_gradients_of_some_inputs_alone() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w, unused = weights(3), weights(3)
        run = compiled(lambda x, y: (x * w).sum() + 0 * y.detach().sum())

        def once() -> Any:
            x, y = tg.randn(3, requires_grad=True), tg.randn(3, requires_grad=True)
            found = tg.autograd.grad(run(x, y), (x, y, unused), allow_unused=True)
            assert w.grad is None
            with pytest.raises(RuntimeError, match="was not used"):
                tg.autograd.grad(run(x, y), y)
            return list(found)

        return once

    repeated(scene)


def test_layout_of_gradients_may_differ() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3, 4)
        run = compiled(lambda x: (x @ w).tanh().reshape(2, 2, 4).transpose(0, 1))

        def once() -> Any:
            w.grad = None
            x = tg.randn(4, 3, requires_grad=True)
            for g in (
                tg.randn(2, 2, 4),
                tg.randn(4, 2, 2).permute(2, 1, 0),
                tg.ones(1).expand(2, 2, 4),
            ):
                run(x).backward(g)
            run(x).sum().backward()
            return [w.grad, x.grad]

        return once

    repeated(scene)


def test_modes_and_flags_have_programs_of_their_own() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout(0.5))
        run = compiled(net)

        def once() -> Any:
            net.train()
            run(tg.randn(5, 3)).square().sum().backward()
            with tg.no_grad():
                out = run(tg.randn(5, 3))
            assert not out.requires_grad
            net.eval()
            after = run(tg.randn(5, 3))
            assert after.requires_grad
            return [out, after, [p.grad for p in net.parameters()], net.state_dict()]

        return once

    repeated(scene)


def test_parameters_may_be_frozen_and_replaced() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
        run = compiled(net)
        turn = iter(range(100))

        def once() -> Any:
            number = next(turn)
            net.zero_grad()
            net[0].requires_grad_(number < 8)
            if number in (4, 5):
                net[2].weight.data = tg.randn(2, 4)
            if number == 6:
                net[2].weight = nn.Parameter(tg.randn(2, 4))
            run(tg.randn(5, 3)).sum().backward()
            return [p.grad for p in net.parameters()]

        return once

    repeated(scene)


def test_an_argument_may_be_given_twice_or_be_a_parameter() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x, y: (x * y + w).exp())
        turn = iter(range(100))

        def once() -> Any:
            w.grad = None
            x, y = tg.randn(3, requires_grad=True), tg.randn(3, requires_grad=True)
            pairs = [(x, y), (x, x), (x, w), (w, w), (y, x)]
            run(*pairs[next(turn) % 5]).sum().backward()
            return [x.grad, y.grad, w.grad]

        return once

    def longer(compiled: Callable[[Any], Any]) -> list[Any]:
        once = scene(compiled)
        return [numbers(once()) for _ in range(30)]

    assert_same(longer)


def test_embeddings_take_numbers() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Embedding(7, 4), nn.Flatten(), nn.Linear(12, 2))
        run = compiled(net)

        def once() -> Any:
            net.zero_grad()
            F.cross_entropy(run(tg.randint(0, 7, (5, 3))), tg.randint(0, 2, (5,))).backward()
            return [p.grad for p in net.parameters()]

        return once

    repeated(scene)


def test_values_are_checked_at_each_call() -> None:
    table = nn.Embedding(7, 4)
    run = Compiled(table)
    chance = Compiled(lambda x: F.binary_cross_entropy(x, tg.ones(3)))
    chosen = Compiled(lambda x, i: x.gather(1, i))
    for _ in range(CALLS):
        run(tg.randint(0, 7, (5,)))
        chance(tg.rand(3))
        chosen(tg.rand(2, 3), tg.tensor([[0, 1], [2, 0]]))
    for function in (run, chance, chosen):
        programs(function)
    with pytest.raises(IndexError, match="index out of range: 7, but the weight has 7 rows"):
        run(tg.tensor([1, 2, 3, 4, 7]))
    with pytest.raises(RuntimeError, match="should be between 0 and 1"):
        chance(tg.tensor([0.5, 0.5, 1.5]))
    with pytest.raises(RuntimeError, match="index 3 is out of bounds for dimension 1 with size 3"):
        chosen(tg.rand(2, 3), tg.tensor([[0, 1], [3, 0]]))


def test_what_kernels_leave_may_have_other_shapes_each_time() -> None:
    """Of a loss that ignores some targets, only as many rows remain as are left."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(4, 3)
        run = compiled(lambda x, y: F.cross_entropy(x @ w, y, ignore_index=0))

        def once() -> Any:
            w.grad = None
            targets = tg.randint(0, 3, (5,))
            targets[0] = 1
            run(tg.randn(5, 4), targets).backward()
            return w.grad

        return once

    repeated(scene)


class Own(tg.autograd.Function):
    """Has a backward that isn't the derivative, so that it is known to be called."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, factor: float) -> Any:
        ctx.factor = factor
        out = x * factor
        ctx.save_for_backward(x, out)
        return out, x.sign()

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor, _: Any) -> Any:
        x, out = ctx.saved_tensors
        return g * x * out * ctx.factor, None


class Careless(tg.autograd.Function):
    """Keeps a tensor where nobody looks for it."""

    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        ctx.kept = x * 2
        return ctx.kept * 1

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        return g * ctx.kept


def test_functions_of_the_users_own_are_called_each_time() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x: Own.apply((x * w).tanh(), 5.0)[0] * w)

        def once() -> Any:
            w.grad = None
            x = tg.randn(3, requires_grad=True)
            (g,) = tg.autograd.grad(run(x).sum(), x, create_graph=True)
            g.sum().backward()
            run(x).sum().backward()
            return [g, x.grad, w.grad]

        return once

    repeated(scene)


def test_functions_that_keep_tensors_run_as_they_are() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x: Careless.apply(x * w))

        def once() -> Any:
            w.grad = None
            run(tg.randn(3)).sum().backward()
            return w.grad

        return once

    with pytest.warns(UserWarning, match="runs as it is"):
        repeated(scene, whole=False)


def test_only_the_gradients_that_are_wanted_are_computed() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        run = compiled(net)
        turn = iter(range(100))

        def once() -> Any:
            net.zero_grad()
            x = tg.randn(5, 3, requires_grad=True)
            loss = run(x).sum()
            (g,) = tg.autograd.grad(loss, x, retain_graph=True)
            (first,) = tg.autograd.grad(loss, net[2].bias, retain_graph=True)
            loss.backward()
            if isinstance(run, Compiled) and next(turn) == 2 * CALLS - 1:
                (step,) = programs(run)
                ways = [way.built for way in step.graph.ways.values()]
                lines = sorted(len(built.program.calls) for built in ways)
                assert lines[0] < lines[1] < lines[2]
            return [g, first, x.grad, [p.grad for p in net.parameters()]]

        return once

    repeated(scene)


def test_hooks_inside_are_left_to_the_function() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)

        def hooked(x: tg.Tensor) -> tg.Tensor:
            h = x * w
            h.register_hook(lambda g: g * 3)
            return h.exp()

        run = compiled(hooked)

        def once() -> Any:
            run(tg.randn(3)).sum().backward()
            return w.grad

        return once

    with pytest.warns(UserWarning, match="runs as it is"):
        repeated(scene, whole=False)


def test_a_graph_is_freed_with_its_last_tensor() -> None:
    import gc
    import weakref

    w = weights(3)
    run = Compiled(lambda x: (x * w).exp())
    for _ in range(CALLS):
        run(tg.randn(3)).sum().backward()
    gc.disable()
    try:
        y = run(tg.randn(3))
        node = weakref.ref(y.grad_fn.whole)
        (y.sum() * 2).backward()
        del y
        assert node() is None
    finally:
        gc.enable()
    assert backward_programs(run) == 1


def test_threads_have_programs_in_turns() -> None:
    import threading

    net = nn.Sequential(nn.Linear(20, 30), nn.Tanh(), nn.Linear(30, 20))
    run = Compiled(net)
    for _ in range(CALLS):
        run(tg.randn(50, 20, requires_grad=True)).sum().backward()
    batches = [tg.randn(50, 20, requires_grad=True) for _ in range(8)]
    expected = [tg.autograd.grad(net(x).sum(), x)[0].numpy() for x in batches]
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(40):
            (g,) = tg.autograd.grad(run(batches[i]).sum(), batches[i])
            if not np.array_equal(g.numpy(), expected[i]):
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_loss_whose_graph_is_used_up_says_so() -> None:
    w = weights(3)

    def step(x: tg.Tensor) -> tg.Tensor:
        w.grad = None
        loss = (x * w).exp().sum()
        loss.backward()
        return loss

    run = Compiled(step)
    for _ in range(CALLS):
        loss = run(tg.randn(3))
        assert loss.requires_grad
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()
    programs(run)


@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers(kind: type[nn.Module]) -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = kind(3, 4, num_layers=2, bidirectional=True)  # type: ignore[call-arg]  # a layer's
        run = compiled(net)
        turn = iter(range(100))

        def once() -> Any:
            net.zero_grad()
            out, state = run(tg.randn(5, 2, 3))
            out.sum().backward(retain_graph=True)
            (out * out).sum().backward()
            if isinstance(run, Compiled) and next(turn) == 2 * CALLS - 1:
                assert backward_programs(run) == 2  # for the gradient of a sum, and for others
            return [out, state, [p.grad for p in net.parameters()]]

        return once

    repeated(scene)


def test_numbers_may_change_from_call_to_call() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x, a, b: ((x * w + a) * b).exp() * (b + 1))
        turn = iter(range(100))

        def once() -> Any:
            w.grad = None
            number = next(turn)
            run(tg.randn(3), 0.1 * number, number).sum().backward()
            if isinstance(run, Compiled) and number == 2 * CALLS - 1:
                assert backward_programs(run) == 1
            return w.grad

        return once

    repeated(scene)


def test_noise_is_drawn_anew() -> None:
    """As a reparameterised sample draws it: into memory that nothing has been written to."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Linear(3, 8)

        def sample(x: tg.Tensor) -> tg.Tensor:
            loc, scale = net(x).chunk(2, 1)
            return tg.distributions.Normal(loc, scale.exp()).rsample()

        run = compiled(sample)

        def once() -> Any:
            net.zero_grad()
            out = run(tg.randn(5, 3))
            out.square().sum().backward()
            return [out, [p.grad for p in net.parameters()]]

        return once

    repeated(scene)


def test_leaves_that_are_made_inside() -> None:
    """As a gradient penalty makes them."""

    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))

        def step(x: tg.Tensor) -> tg.Tensor:
            net.zero_grad()
            between = (x * tg.rand(5, 1)).requires_grad_(True)
            (g,) = tg.autograd.grad(net(between).sum(), between, create_graph=True)
            penalty = ((g.norm(dim=1) - 1) ** 2).mean()
            penalty.backward()
            return penalty

        run = compiled(step)

        def once() -> Any:
            penalty = run(tg.randn(5, 3))
            return [penalty, [p.grad for p in net.parameters()]]

        return once

    repeated(scene)


def test_views_that_may_not_be_used_any_more() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(2)

        def step() -> tg.Tensor:
            first, _ = w.unbind()
            with tg.no_grad():
                w.mul_(0.9)
            return first

        run = compiled(step)
        return lambda: run()

    with pytest.warns(UserWarning, match="runs as it is"):
        repeated(scene, whole=False)


def test_hooks_on_saved_tensors_are_called() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x: (x * w).exp())
        packed = 0

        def pack(x: tg.Tensor) -> tg.Tensor:
            nonlocal packed
            packed += 1
            return x

        def once() -> Any:
            w.grad = None
            with tg.autograd.graph.saved_tensors_hooks(pack, lambda x: x * 2):
                y = run(tg.randn(3))
            (y.sum() + run(tg.randn(3)).sum()).backward()
            return [w.grad, packed]

        return once

    with pytest.warns(UserWarning, match="runs as it is"):
        repeated(scene, whole=False)


def test_inputs_may_need_gradients_or_not() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x, y: (x * w).exp() * y)
        turn = iter(range(100))

        def once() -> Any:
            number = next(turn)
            w.grad = None
            x = tg.randn(3, requires_grad=number % 2 == 0)
            y = tg.randn(3, requires_grad=number % 3 == 0)
            run(x, y * 2 if number % 4 == 3 else y).sum().backward()
            return [w.grad, x.grad, y.grad]

        return once

    def longer(compiled: Callable[[Any], Any]) -> list[Any]:
        once = scene(compiled)
        return [numbers(once()) for _ in range(36)]

    assert_same(longer)


def test_checkpoints_and_transforms_around_a_compiled_function() -> None:
    def scene(compiled: Callable[[Any], Any]) -> Callable[[], Any]:
        w = weights(3)
        run = compiled(lambda x: (x * w).exp())

        def once() -> Any:
            w.grad = None
            x = tg.randn(3, requires_grad=True)
            checkpoint(run, x, use_reentrant=False).sum().backward()
            rows = tg.randn(2, 3)
            jacobian = tg.func.vmap(tg.func.jacrev(run))(rows)
            (product,) = tg.autograd.functional.vhp(lambda x: run(x).sum(), rows[0], rows[1])[1:]
            return [w.grad, x.grad, jacobian, product]

        return once

    repeated(scene)


def test_graphs_of_compiled_functions_are_drawn() -> None:
    w = weights(3)
    run = Compiled(lambda x: (x * w).exp())
    for _ in range(CALLS):
        y = run(tg.randn(3))
        y.sum().backward(retain_graph=True)
    assert "CompiledFunctionBackward" in repr(y)
    loss = y.sum()
    for _ in range(2):
        assert run.name() in viz.graph(loss).dot
    loss.backward()


def test_backward_program_is_printed_and_runs() -> None:
    """That is backpropagation, written out: it gives the gradients when it is executed."""
    net = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 2))
    run = Compiled(net)
    with pytest.raises(RuntimeError, match="has no program yet"):
        run.source("backward")
    for _ in range(CALLS):
        net.zero_grad()
        x, g = tg.randn(5, 3), tg.randn(5, 2)
        run(x).backward(g)
    names: dict[str, Any] = {}
    exec(run.source("backward"), names)
    assert "g_w1 = np.matmul(g.T, kept0)" in run.source("backward")
    names["w1"] = net[2].weight.detach().numpy()
    hidden = net[:2](x).detach().numpy()
    found = names["backward"](g.numpy(), x.numpy(), hidden)
    for array, p in zip(found, net.parameters(), strict=True):
        np.testing.assert_array_equal(array, p.grad.numpy())
