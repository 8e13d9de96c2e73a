"""Trainings by XLA: losses, state between the steps, checkpoints."""

from __future__ import annotations

import copy
import gc
import pickle
import re
import subprocess
import sys
import warnings
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn

pytest.importorskip("jax", reason="JAX isn't installed")

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "SGD": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "Adam": lambda p: tg.optim.Adam(p, lr=0.01),
    "amsgrad": lambda p: tg.optim.Adam(p, lr=0.01, amsgrad=True, weight_decay=0.1),
    "AdamW": lambda p: tg.optim.AdamW(p, lr=0.01),
    "RMSprop": lambda p: tg.optim.RMSprop(p, lr=0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: tg.optim.Adagrad(p, lr=0.05),
    "Adadelta": lambda p: tg.optim.Adadelta(p),
    "Adamax": lambda p: tg.optim.Adamax(p, lr=0.01),
    "NAdam": lambda p: tg.optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: tg.optim.RAdam(p, lr=0.05),
    "ASGD": lambda p: tg.optim.ASGD(p, lr=0.05),
    "Rprop": lambda p: tg.optim.Rprop(p, lr=0.01),
}


def network() -> nn.Module:
    return nn.Sequential(
        nn.Linear(6, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 3)
    )


class Training:
    """A small training, compiled or not."""

    def __init__(self, optimizer: str = "Adam", compiled: bool = True) -> None:
        tg.manual_seed(0)
        self.x, self.y = tg.randn(20, 6), tg.randint(0, 3, (20,))
        self.model = network()
        self.optimizer = OPTIMIZERS[optimizer](self.model.parameters())
        self.turn = 0
        model, optim = self.model, self.optimizer
        self.schedule = schedule = tg.optim.lr_scheduler.StepLR(optim, 3, 0.5)

        def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
            loss = nn.functional.cross_entropy(model(x), y)
            optim.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 0.5)
            optim.step()
            schedule.step()
            return loss

        self.step = tg.compile(step, backend="xla", fullgraph=True) if compiled else step

    def __call__(self, count: int = 1) -> list[float]:
        self.turn += 1
        tg.manual_seed(self.turn)  # what is dropped out is the same for all trainings
        return [self.step(self.x, self.y).item() for _ in range(count)]

    def numbers(self) -> list[Any]:
        """Return all that a training changes."""
        found = [*self.model.state_dict().values(), *(p.grad for p in self.model.parameters())]
        for state in self.optimizer.state.values():
            found += [x for x in state.values() if isinstance(x, tg.Tensor)]
        return [x.detach().numpy().copy() for x in found]


def both(optimizer: str = "Adam") -> tuple[Training, Training]:
    return Training(optimizer), Training(optimizer, compiled=False)


def agree(some: Any, others: Any) -> None:
    for a, b in zip(some, others, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_has_the_losses_and_the_state_of_the_uncompiled_one(optimizer: str) -> None:
    ours, plain = both(optimizer)
    agree(ours(12), plain(12))
    agree(ours.numbers(), plain.numbers())
    (step,) = ours.step.steps.values()
    assert step.runs == 9


def test_parameters_that_are_read_between_steps_are_the_present_ones() -> None:
    ours, plain = both()
    for _ in range(10):
        agree(ours(), plain())
        agree(ours.numbers(), plain.numbers())


def test_a_write_between_steps_counts() -> None:
    ours, plain = both()
    for t in (ours, plain):
        t(6)
        with tg.no_grad():
            t.model[0].weight *= 0.5
            t.model[4].weight.data = tg.ones(3, 8)
        t.optimizer.param_groups[0]["lr"] = 0.003
        t.optimizer.state[t.model[0].weight]["exp_avg"].zero_()
    agree(ours(4), plain(4))
    agree(ours.numbers(), plain.numbers())


def test_settings_that_change_between_steps_make_another_formula_of_the_same_functions() -> None:
    ours, plain = both("momentum")
    for settings in (
        {"nesterov": False, "weight_decay": 0},
        {"momentum": 0, "weight_decay": 0.1},  # multiply, add, multiply, subtract as before
        {"momentum": 0.5, "dampening": 0.5, "maximize": True},
        {"momentum": 0, "weight_decay": 0, "lr": 0.01},
    ):
        agree(ours(4), plain(4))
        for t in (ours, plain):
            t.optimizer.param_groups[0].update(settings)
    agree(ours(4), plain(4))
    agree(ours.numbers(), plain.numbers())


def squares(model: nn.Module, optimizer: Any) -> Callable[[tg.Tensor], tg.Tensor]:
    """Return a step that makes a model's outputs small."""

    def step(x: tg.Tensor) -> tg.Tensor:
        loss = model(x).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


@pytest.mark.parametrize("nesterov", [False, True])
def test_momentum_that_a_script_forgets_begins_anew(nesterov: bool) -> None:
    found = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model = nn.Linear(3, 2)
        sgd = tg.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=nesterov)
        step = squares(model, sgd)
        run: Any = tg.compile(step, backend="xla", fullgraph=True) if compiled else step
        losses = []
        for i in range(15):
            losses.append(run(tg.ones(4, 3)).item())
            if i == 5:
                sgd.state.clear()
            if i == 9:
                del sgd.state[model.bias]
        found.append([*losses, *(s["momentum_buffer"].numpy() for s in sgd.state.values())])
    agree(*found)


def test_who_shares_a_parameters_memory_sees_its_steps() -> None:
    ours = Training()
    ours(5)
    view, array = ours.model[0].weight.detach()[1:], ours.model[4].bias.detach().numpy()
    before = view.clone()
    ours(2)
    assert not tg.equal(view, before)
    np.testing.assert_array_equal(view.numpy(), ours.model[0].weight.detach()[1:].numpy())
    np.testing.assert_array_equal(array, ours.model[4].bias.detach().numpy())
    view.zero_()
    assert ours.model[0].weight[1:].abs().sum().item() == 0
    ours(1)
    np.testing.assert_array_equal(view.numpy(), ours.model[0].weight.detach()[1:].numpy())


def test_a_result_that_is_a_view_is_one_of_the_present_memory() -> None:
    found = []
    for compiled in (False, True):
        weight, total, seen = tg.ones(4, 3, requires_grad=True), tg.zeros(4, 3), []
        optimizer = tg.optim.SGD([weight], lr=0.1)

        def step(x: tg.Tensor, w: Any = weight, total: Any = total, o: Any = optimizer) -> Any:
            y = w.detach() * x
            o.zero_grad()
            (w * x).sum().backward()
            o.step()
            total.add_(y)
            return w.detach(), total[1:].T, x[:, 1], y, y[::2], x.numpy()

        run = tg.compile(step, backend="xla", fullgraph=True) if compiled else step
        for i in range(8):
            x = tg.ones(4, 3) * i
            results = run(x)
            for k, result in enumerate(results[:5]):
                result[0] += k + 1
            results[5][3] = i
            seen += [x.numpy(), *(r.numpy().copy() for r in (weight.detach(), total, *results[:5]))]
        found.append(seen)
    agree(*found)


def test_what_was_read_stays_what_it_was() -> None:
    ours = Training()
    ours(5)
    loss, gradient = ours.step(ours.x, ours.y), ours.model[0].weight.grad
    copy_of = gradient.clone(), loss.item()
    ours(3)
    gc.collect()
    assert tg.equal(gradient, copy_of[0])
    assert loss.item() == copy_of[1]


@pytest.mark.parametrize("how", ["tensor", "array", "view", "read", "cleared", "changed"])
def test_a_gradient_that_a_script_has_stays_what_it_is(how: str) -> None:
    ours, plain = both("SGD")
    kept = []
    for _ in range(9):
        for t in (ours, plain):
            t(1)
            g = t.model[4].weight.grad
            if how == "tensor":
                kept.append((g, g.clone()))
            elif how == "array":
                kept.append((g.numpy(), g.numpy().copy()))
            elif how == "view":
                kept.append((g[1:], g[1:].clone()))
            elif how == "cleared":
                t.optimizer.zero_grad()
            elif how == "changed":
                g *= 2
            del g
        if how != "cleared":
            agree(ours.numbers(), plain.numbers())
    for now, then in kept:
        np.testing.assert_array_equal(np.asarray(now), np.asarray(then))


def test_checkpoint_goes_on_where_it_was_saved(tmp_path: Any) -> None:
    ours, plain = both()
    ours(7), plain(7)
    parts = ("model", "optimizer", "schedule")
    tg.save([getattr(ours, part).state_dict() for part in parts], tmp_path / "here.pt")
    rest = ours(3)
    agree(rest, plain(3))
    for t in (ours, plain):
        for part, state in zip(parts, tg.load(tmp_path / "here.pt"), strict=True):
            getattr(t, part).load_state_dict(state)
        t.turn = 1  # draw again what was dropped out
    np.testing.assert_array_equal(ours(3), rest)
    agree(rest, plain(3))


def test_gradients_are_summed_over_many_rows() -> None:
    tg.manual_seed(0)
    layer, x = nn.Linear(3, 2), tg.randn(3000, 3)
    step = tg.compile(lambda x: layer(x).square().mean(), backend="xla", fullgraph=True)
    found = []
    for run in (step, lambda x: layer(x).square().mean()):
        for _ in range(5):
            layer.zero_grad()
            run(x).backward()
        found.append([p.grad.numpy().copy() for p in layer.parameters()])
    agree(*found)


@pytest.mark.parametrize("shapes", [(3, 8), (8, 3)])
def test_products_over_many_rows_are_those_of_numpy(shapes: tuple[int, int]) -> None:
    from tinygrad_mnist.compiler.xla.products import MANY, over_rows

    source = np.random.default_rng(0)
    for rows in (MANY - 1, MANY + 1):
        x, y = (source.standard_normal((rows, n)).astype(np.float32) for n in shapes)
        np.testing.assert_allclose(over_rows(x, y), x.T @ y, rtol=1e-4, atol=1e-3)


def test_a_model_is_copied_with_its_present_numbers() -> None:
    ours = Training()
    ours(6)
    other = copy.deepcopy(ours.model)
    agree(
        [p.detach().numpy() for p in other.parameters()],
        [p.detach().numpy() for p in ours.model.parameters()],
    )


def test_another_batch_size_is_another_program_of_the_same_parameters() -> None:
    ours, plain = both()
    for t in (ours, plain):
        losses = t(5)
        for n in (7, 7, 7, 7, 20, 7, 20):
            losses.append(t.step(t.x[:n], t.y[:n]).item())
        t.losses = losses
    agree(ours.losses, plain.losses)
    agree(ours.numbers(), plain.numbers())


def test_a_target_that_is_no_class_is_an_error() -> None:
    ours = Training()
    ours(5)
    with pytest.raises(IndexError, match="target 3 is out of bounds"):
        ours.step(ours.x, tg.full((20,), 3))


def test_ignored_targets_may_be_others_from_step_to_step() -> None:
    ours, plain = both("SGD")
    for i in range(9):
        y = ours.y.clone()
        y[i : i + 3] = -100
        losses = []
        for t in (ours, plain):
            tg.manual_seed(i)
            losses.append([t.step(t.x, y).item()])
        agree(*losses)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(5, 4, batch_first=True)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        return self.lstm(x.unsqueeze(0))[0]


@pytest.mark.parametrize(
    "make", [lambda: nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2)), Recurrent]
)
def test_a_compiled_model_has_the_gradients_of_the_uncompiled_one(make: Any) -> None:
    tg.manual_seed(0)
    model = make()
    compiled = tg.compile(model, backend="xla")
    for _ in range(7):
        x = tg.randn(4, 5)
        found = []
        for m in (model, compiled):
            model.zero_grad()
            out = m(x)
            (out * out).sum().backward()
            found.append([out.detach().numpy(), *(p.grad.numpy() for p in model.parameters())])
        agree(*found)


def test_arguments_may_be_written_to_as_soon_as_a_step_has_returned() -> None:
    tg.manual_seed(0)
    weight = tg.randn(400, 400) / 20

    @tg.compile(backend="xla", fullgraph=True)
    def long(x: tg.Tensor) -> tg.Tensor:
        y = weight
        for _ in range(5):
            y = (y @ weight).tanh()
        return (x + y.sum() * 0).sum()  # when all else is done

    for _ in range(4):
        long(tg.ones(1000))
    for offset in range(0, 64, 4):  # wherever they lie in memory
        room = np.zeros(1000 + 32, np.float32)
        start = -room.ctypes.data % 64 // 4 + offset // 4
        array = room[start : start + 1000]
        array[:] = 1
        found = long(tg.from_numpy(array))
        array[:] = 2
        assert found.item() == 1000


def test_a_compiled_models_parameters_are_changed_by_an_optimizer_outside() -> None:
    found = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model = nn.Sequential(
            nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 2)
        )
        run = tg.compile(model, backend="xla") if compiled else model
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        losses = []
        for _ in range(9):
            loss = run(tg.randn(8, 5)).square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        found.append([losses, *(x.numpy() for x in model.state_dict().values())])
    agree(*found)


@pytest.mark.parametrize("backend", ["numpy", "xla"])
@pytest.mark.parametrize("first", ["apart", "shared"])
def test_an_argument_may_begin_to_share_memory_that_a_step_writes_to(
    backend: str, first: str
) -> None:
    found = []
    for compiled in (False, True):
        p = tg.ones(3, requires_grad=True)
        p.grad = tg.zeros(3)

        def step(x: tg.Tensor, y: tg.Tensor, p: tg.Tensor = p) -> Any:
            (p * x).sum().backward()
            with tg.no_grad():
                p.mul_(1.5)
            return (y * 2).sum()

        run: Any = tg.compile(step, backend=backend) if compiled else step
        kinds = {
            "apart": lambda p=p: tg.ones(3),
            "shared": lambda p=p: p.grad.detach(),
            "an array": lambda p=p: tg.from_numpy(p.grad.numpy()),
            "a parameter": lambda p=p: p.detach(),
            "a part": lambda p=p: p.detach().view(3),
        }
        order = [*[first] * 5, *kinds, *reversed(kinds), "apart"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some run uncompiled
            found.append([run(tg.ones(3), kinds[kind]()).item() for kind in order])
    agree(*found)


@pytest.mark.parametrize("kind", [int, float])
def test_a_number_that_a_gradient_needs_is_a_number(kind: type) -> None:
    w = tg.ones(3, requires_grad=True)
    run = tg.compile(lambda x, k: (w * x).sum() * k, backend="xla", fullgraph=True)
    for i in range(1, 9):
        run(tg.ones(3), kind(i)).backward()
        assert (w.grad.dtype, w.grad.tolist()) == (tg.float32, [i] * 3)
        w.grad = None


def test_a_running_step_reads_what_was_there_when_it_was_called() -> None:
    tg.manual_seed(0)
    weight, scale = tg.randn(400, 400) / 20, tg.ones(1000)

    @tg.compile(backend="xla", fullgraph=True)
    def long() -> tg.Tensor:
        y = weight
        for _ in range(5):
            y = (y @ weight).tanh()
        return (scale + y.sum() * 0).sum()

    for i in range(8):
        found = long()
        scale.fill_(i + 2)
        assert found.item() == 1000 * (i + 1)


def test_random_streams_go_on_as_without_a_program() -> None:
    ours, plain = both()
    for t in (ours, plain):
        t(6)
        t.drawn = tg.randn(5).tolist()
    assert ours.drawn == plain.drawn


def test_a_checkpoint_of_a_compiled_run_loads_where_there_is_no_jax(tmp_path: Any) -> None:
    ours = Training()
    ours(7)
    tg.save([ours.model.state_dict(), ours.optimizer.state_dict()], tmp_path / "here.pt")
    expected = ours.model[4].weight.detach().numpy().sum().item()
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "import tinygrad_mnist as tg\n"
        f"model, optimizer = tg.load({str(tmp_path / 'here.pt')!r})\n"
        f"assert model['4.weight'].sum().item() == {expected!r}\n"
        "assert optimizer['state'][0]['step'].item() == 7\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    again = pickle.loads(pickle.dumps(ours.model))
    assert tg.equal(again[4].weight, ours.model[4].weight)


def test_a_step_is_explained_and_its_program_is_printed() -> None:
    ours = Training("SGD")
    ours(3)
    assert "0 runs" in str(tg.compiler.explain(ours.step))
    ours(2)
    text = str(tg.compiler.explain(ours.step, ours.x, ours.y))
    assert "1 program" in text
    assert re.search(r"1 buffer with [\d,]+ bytes\n  XLA runs them as one, on a CPU", text)
    assert "def step(x, y):" in ours.step.source()


def test_float64_and_int64_stay_what_they_are() -> None:
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).double()
    run = tg.compile(lambda x: model(x), backend="xla")
    x = tg.randn(5, 3, dtype=tg.float64)
    for _ in range(5):
        out = run(x)
        out.sum().backward()
        assert out.dtype == tg.float64
        assert {p.dtype for p in model.parameters()} == {tg.float64}
        assert {p.grad.dtype for p in model.parameters()} == {tg.float64}
    assert model[1].num_batches_tracked.dtype == tg.int64
    assert model[1].num_batches_tracked.item() == 5


@pytest.mark.parametrize("already", [0, 1, 2])
@pytest.mark.parametrize("optimizer", ["RAdam", "ASGD"])
def test_a_program_is_made_just_before_a_formula_becomes_another(
    optimizer: str, already: int
) -> None:
    found = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model = nn.Linear(4, 3)
        more = {"t0": 3} if optimizer == "ASGD" else {}
        adapt = getattr(tg.optim, optimizer)(model.parameters(), lr=0.01, **more)
        step = squares(model, adapt)
        for _ in range(already):
            step(tg.randn(5, 4))
        run: Any = tg.compile(step, backend="xla", fullgraph=True) if compiled else step
        losses = [run(tg.randn(5, 4)).item() for _ in range(8)]
        found.append([*losses, *(p.detach().numpy().copy() for p in model.parameters())])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("of", ["momentum", "weight"])
def test_an_argument_that_a_step_writes_to_is_never_what_it_was(of: str) -> None:
    def losses(how: dict[str, Any] | None) -> list[float]:
        tg.manual_seed(0)
        layer = nn.Linear(4, 3, bias=False)
        optimizer = tg.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
        train = squares(layer, optimizer)

        def step(x: tg.Tensor, other: tg.Tensor) -> tg.Tensor:
            return train(x) + other.sum()

        run = step if how is None else tg.compile(step, **how)
        found = []
        for i in range(9):
            buffer = optimizer.state[layer.weight].get("momentum_buffer")
            shared = layer.weight if of == "weight" else buffer
            found.append(run(tg.randn(5, 4), tg.ones(3, 4) if i < 5 else shared.detach()).item())
        return found

    expected = losses(None)
    is_refused = of == "momentum"
    with pytest.warns(UserWarning, match="memory with an optim") if is_refused else nullcontext():
        np.testing.assert_allclose(losses({"backend": "xla"}), expected, rtol=1e-4)
