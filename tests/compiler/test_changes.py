"""What changes between two steps is seen by the next: nothing is stale."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled
from tinygrad_mnist.optim import lr_scheduler

BEFORE, AFTER = 5, 4
"""Steps before and after a change: enough for programs on both sides."""


class Setting:
    """A network, its optimizer and a step, for a change to be made to."""

    def __init__(self, compiled: Callable[[Any], Any]) -> None:
        tg.manual_seed(0)
        self.model = nn.Sequential(
            nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 3)
        )
        self.optimizer: Any = tg.optim.Adam(self.model.parameters(), lr=0.01)
        self.scale = 1.0
        self.layers = [tg.ones(3)]
        self.table = np.ones(3, np.float32)
        self.step = compiled(self.plain_step)
        self.kept: Any = None

    def plain_step(self, x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        self.optimizer.zero_grad()
        out = self.model(x) * self.scale + self.layers[0] + tg.from_numpy(self.table)
        loss = F.cross_entropy(out, y)
        loss.backward()
        self.optimizer.step()
        return loss


def load_model(s: Setting) -> None:
    state = {name: x * 0.5 for name, x in s.model.state_dict().items()}
    s.model.load_state_dict(state)


def load_model_by_assignment(s: Setting) -> None:
    state = {name: (x * 0.5).to(x.dtype) for name, x in s.model.state_dict().items()}
    s.model.load_state_dict(state, assign=True)
    s.optimizer = tg.optim.Adam(s.model.parameters(), lr=0.02)


def load_optimizer(s: Setting) -> None:
    state = copy.deepcopy(s.optimizer.state_dict())
    state["param_groups"][0]["lr"] = 0.1
    s.optimizer.load_state_dict(state)


def write_in_place(s: Setting) -> None:
    with tg.no_grad():
        s.model[0].weight.mul_(0.5)
        s.model[4].bias[1] = 2.0


def exchange_data(s: Setting) -> None:
    s.model[0].weight.data = s.model[0].weight.data * 0.5


def write_through_numpy(s: Setting) -> None:
    s.model[0].weight.detach().numpy()[...] *= 0.5


def exchange_parameter(s: Setting) -> None:
    s.model[0].bias = nn.Parameter(tg.ones(8))


def evaluate(s: Setting) -> None:
    s.model.eval()


def evaluate_a_part(s: Setting) -> None:
    s.model[1].eval()


def freeze(s: Setting) -> None:
    s.model[0].requires_grad_(False)


def set_learning_rate(s: Setting) -> None:
    s.optimizer.param_groups[0]["lr"] = 0.1


def set_betas(s: Setting) -> None:
    s.optimizer.param_groups[0]["betas"] = (0.5, 0.6)


def set_weight_decay(s: Setting) -> None:
    s.optimizer.param_groups[0]["weight_decay"] = 0.1


def climb(s: Setting) -> None:
    s.optimizer.param_groups[0]["maximize"] = True


def other_optimizer(s: Setting) -> None:
    s.optimizer = tg.optim.SGD(s.model.parameters(), lr=0.1)


def forget_state(s: Setting) -> None:
    s.optimizer.state.clear()


def add_group(s: Setting) -> None:
    s.layers[0].requires_grad_()
    s.optimizer.add_param_group({"params": [s.layers[0]], "lr": 0.3})


def other_probability(s: Setting) -> None:
    s.model[3].p = 0.75


def other_momentum(s: Setting) -> None:
    s.model[1].momentum = 0.5


def other_layer(s: Setting) -> None:
    s.model[2] = nn.Tanh()


def one_layer_more(s: Setting) -> None:
    s.model.append(nn.Softplus())


def forward_hook(s: Setting) -> None:
    s.model[0].register_forward_hook(lambda module, args, out: out * 2)


def tensor_hook(s: Setting) -> None:
    s.model[0].weight.register_hook(lambda g: g * 3)


def hook_after_accumulation(s: Setting) -> None:
    s.model[0].weight.register_post_accumulate_grad_hook(lambda p: p.grad.mul_(3))


def optimizer_hook(s: Setting) -> None:
    def clip(optimizer: Any, args: Any, kwargs: Any) -> None:
        nn.utils.clip_grad_norm_(s.model.parameters(), 0.01)

    s.optimizer.register_step_pre_hook(clip)


def number_in_an_attribute(s: Setting) -> None:
    s.scale = 3.0


def tensor_in_a_list(s: Setting) -> None:
    s.layers[0] = tg.arange(3.0)


def write_to_a_numpy_array(s: Setting) -> None:
    s.table[1] = 5.0


def exchange_a_numpy_array(s: Setting) -> None:
    s.table = np.arange(3, dtype=np.float32)


def write_to_a_buffer(s: Setting) -> None:
    s.model[1].running_mean.zero_()
    s.model.eval()


def double(s: Setting) -> None:
    s.model.double()
    s.model.float()


def keep_gradients(s: Setting) -> None:
    s.kept = [p.grad for p in s.model.parameters()]


def clear_gradients(s: Setting) -> None:
    for p in s.model.parameters():
        p.grad = None


def set_gradients(s: Setting) -> None:
    for p in s.model.parameters():
        p.grad = tg.ones_like(p)


def reseed(s: Setting) -> None:
    tg.manual_seed(7)


def other_method(s: Setting) -> None:
    s.model[2].forward = lambda x: x * 0.5


CHANGES = [
    load_model, load_model_by_assignment, load_optimizer, write_in_place, exchange_data,
    write_through_numpy, exchange_parameter, evaluate, evaluate_a_part, freeze, set_learning_rate,
    set_betas, set_weight_decay, climb, other_optimizer, forget_state, add_group,
    other_probability, other_momentum, other_layer, one_layer_more, forward_hook, tensor_hook,
    hook_after_accumulation, optimizer_hook, number_in_an_attribute, tensor_in_a_list,
    write_to_a_numpy_array, exchange_a_numpy_array, write_to_a_buffer, double, keep_gradients,
    clear_gradients, set_gradients, reseed, other_method,
]  # fmt: skip

UNCOMPILED = {"forward_hook": "", "tensor_hook": "", "hook_after_accumulation": "",
              "optimizer_hook": ""}  # fmt: skip
"""Changes after which a step may be run as it is."""


def played(compiled: Callable[[Any], Any], change: Callable[[Setting], None]) -> tuple[Any, Any]:
    setting = Setting(compiled)
    source = np.random.default_rng(0)
    losses = []
    for i in range(BEFORE + AFTER):
        if i == BEFORE:
            change(setting)
        x = tg.from_numpy(source.standard_normal((5, 6), dtype=np.float32))
        y = tg.from_numpy(source.integers(0, 3, 5))
        losses.append(setting.step(x, y).item())
    kept = setting.kept
    return setting, (
        losses,
        [None if p.grad is None else p.grad.numpy() for p in setting.model.parameters()],
        {name: x.numpy() for name, x in setting.model.state_dict().items()},
        None if kept is None else [g.numpy() for g in kept],
        tg.get_rng_state().numpy(),
    )


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_between_two_steps_is_seen(change: Any, recwarn: Any) -> None:
    _, expected = played(lambda function: function, change)
    setting, found = played(Compiled, change)
    np.testing.assert_equal(found, expected)
    if change.__name__ not in UNCOMPILED:
        assert not setting.step.uncompiled
        last = setting.step._last
        assert last.runs >= AFTER - 3, "a program takes its place again"
        assert not recwarn.list


def test_training_and_evaluation_have_a_program_each() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5))

    @tg.compile
    def run(x: tg.Tensor) -> tg.Tensor:
        with tg.no_grad():
            return model(x)

    for _ in range(12):
        model.train()
        for _ in range(2):
            run(tg.ones(2, 4))
        model.eval()
        out = run(tg.ones(2, 4))
        np.testing.assert_array_equal(out.numpy(), model(tg.ones(2, 4)).detach().numpy())
    assert [step.built is not None for step in run.steps.values()] == [True, True]
    assert len(run.again) <= 2


def test_what_evaluation_does_is_no_matter_of_training() -> None:
    class Model(nn.Module):
        def forward(self, x: tg.Tensor) -> tg.Tensor:
            if not self.training and x.sum() > 100:
                return x
            return x * 2

    run = Compiled(Model().eval())
    model = run.function
    with pytest.warns(UserWarning, match="looks at numbers") as caught:
        for training in (False, True, False, True):
            model.train(training)
            for _ in range(5):
                assert run(tg.ones(2)).tolist() == [2, 2]
    assert len(caught) == 1
    assert sum(s.runs for s in run.steps.values()) >= 7


@pytest.mark.parametrize("way", ["to training", "and back", "to and fro"])
def test_a_step_may_switch_to_training_itself(way: str) -> None:
    def seen(compiled: Callable[[Any], Any]) -> Any:
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5))

        def step(x: tg.Tensor) -> tg.Tensor:
            model.train(not model.training if way == "to and fro" else True)
            out = model(x)
            if way == "and back":
                model.eval()
            return out

        run = compiled(step)
        found = []
        for i in range(15):
            if i % 5 == 4 and way == "to training":
                model.eval()
            found.append((run(tg.ones(2, 3)).tolist(), model.training, model[1].training))
        if compiled is Compiled:
            assert not run.uncompiled
            assert sum(s.runs for s in run.steps.values()) >= 7
        return found

    assert seen(Compiled) == seen(lambda function: function)


def test_the_last_shorter_batch_has_a_program_of_its_own() -> None:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    @tg.compile
    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = ((x @ w) ** 2).mean()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(5):
        for rows in (4, 4, 4, 2):
            step(tg.ones(rows, 3))
    assert sorted(s.described for s in step.steps.values()) == ["[2, 3]", "[4, 3]"]
    assert all(s.built is not None for s in step.steps.values())
    assert not step.again


class Falling(lr_scheduler.LRScheduler):
    """A schedule of a script's own, which counts for itself."""

    steps = 0

    def get_lr(self) -> list[float]:
        return [lr / self.steps for lr in self.base_lrs]

    def step(self, epoch: int | None = None) -> None:
        self.steps += 1
        super().step(epoch)


def test_a_schedule_that_is_told_a_number_goes_on() -> None:
    def rates(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)
        made = lr_scheduler.ReduceLROnPlateau(optimizer, patience=1)

        def step(x: tg.Tensor, worth: float) -> None:
            optimizer.zero_grad()
            (x * w).sum().backward()
            optimizer.step()
            made.step(worth)

        run = compiled(step)
        found = []
        for i in range(12):
            run(tg.ones(3), (3.0, 2.0, 5.0)[i % 3])
            found.append((w.tolist(), optimizer.param_groups[0]["lr"], made.num_bad_epochs))
        return found

    assert rates(Compiled) == rates(lambda function: function)


@pytest.mark.parametrize("where", ["inside", "outside"])
@pytest.mark.parametrize(
    "schedule",
    [
        lambda o: lr_scheduler.StepLR(o, 2, 0.5),
        lambda o: lr_scheduler.CosineAnnealingLR(o, 10),
        lambda o: lr_scheduler.LambdaLR(o, lambda epoch: 0.9**epoch),
        lambda o: lr_scheduler.OneCycleLR(o, 0.3, total_steps=30),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.ConstantLR(o, 0.1, 3), lr_scheduler.ExponentialLR(o, 0.9)], [3]
        ),
        lambda o: lr_scheduler.ChainedScheduler(
            [lr_scheduler.StepLR(o, 2), lr_scheduler.ExponentialLR(o, 0.9)]
        ),
        lambda o: Falling(o),
    ],
    ids=["step", "cosine", "lambda", "one cycle", "restarts", "sequence", "chain", "own"],
)
def test_schedules_go_on(schedule: Any, where: str) -> None:
    def losses(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
        made = schedule(optimizer)

        def step(x: tg.Tensor) -> tg.Tensor:
            optimizer.zero_grad()
            loss = ((x * w).sum() - 1) ** 2
            loss.backward()
            optimizer.step()
            if where == "inside":
                made.step()
            return loss

        run = compiled(step)
        found = []
        for i in range(12):
            found.append((run(tg.ones(3) * (i + 1) / 9).item(), optimizer.param_groups[0]["lr"]))
            if where == "outside":
                made.step()
        if compiled is Compiled:
            assert run._last.runs == 9
        return found

    assert losses(Compiled) == losses(lambda function: function)


@pytest.mark.parametrize("parts", [2, 3, 4])
def test_gradients_accumulate_over_several_steps(parts: int) -> None:
    def gradients(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3, requires_grad=True)

        def step(x: tg.Tensor) -> tg.Tensor:
            loss = (x * w).exp().sum()
            loss.backward()
            return loss

        run = compiled(step)
        found = []
        for i in range(20):
            if i % parts == 0:
                w.grad = None
            run(tg.ones(3) * i / 16)
            found.append(w.grad.numpy().copy())
        if compiled is Compiled:
            assert all(s.built is not None for s in run.steps.values())
            assert sum(s.runs for s in run.steps.values()) >= 8
        return found

    np.testing.assert_equal(gradients(Compiled), gradients(lambda function: function))


def test_a_gradient_that_is_zeroed_stays_where_it_is() -> None:
    def kept(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3, requires_grad=True)
        optimizer = tg.optim.SGD([w], lr=0.1)

        def step(x: tg.Tensor) -> None:
            optimizer.zero_grad(set_to_none=False)
            ((w * x) ** 2).sum().backward()
            optimizer.step()

        run = compiled(step)
        found = []
        grads: list[Any] = []
        for i in range(10):
            run(tg.arange(3.0) / (i + 1))
            grads.append(w.grad)
            found.append([g.tolist() for g in grads])
        return found

    assert kept(Compiled) == kept(lambda function: function)


@pytest.mark.parametrize("frozen", [True, False])
def test_a_gradient_that_is_set_where_there_was_none_is_seen(frozen: bool) -> None:
    def played(compiled: Callable[[Any], Any]) -> Any:
        w, other = tg.ones(3, requires_grad=True), tg.ones(3, requires_grad=not frozen)
        optimizer = tg.optim.SGD([w, other], lr=0.1)

        def step(x: tg.Tensor, clears: bool) -> None:
            if clears:
                optimizer.zero_grad()
            ((w * x) ** 2).sum().backward()
            optimizer.step()

        run = compiled(step)
        found = []
        for i in range(24):
            if i in (6, 8, 18, 20):
                other.grad = tg.ones(3)
            run(tg.arange(3.0) / (i + 1), i < 12)
            grad = other.grad
            found.append((other.tolist(), None if grad is None else grad.tolist()))
        return found

    assert played(Compiled) == played(lambda function: function)


def test_versions_of_what_a_program_writes_to_are_counted() -> None:
    w = tg.ones(3, requires_grad=True)
    mean = tg.zeros(3)

    @tg.compile
    def step(x: tg.Tensor) -> tg.Tensor:
        mean.mul_(0.9).add_(x, alpha=0.1)
        return x + 1

    for _ in range(4):
        before = mean._version.count
        y = w * mean
        step(tg.ones(3))
        assert mean._version.count > before
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
    assert step._last is not None


def test_tensors_whose_memory_is_exchanged_each_time_become_inputs() -> None:
    def seen(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3)

        def step(x: tg.Tensor) -> tg.Tensor:
            return x * w

        run = compiled(step)
        found = []
        for i in range(12):
            w.data = w.data + 1
            found.append(run(tg.ones(3) * i).tolist())
        if compiled is Compiled:
            assert run._last.runs >= 5 and len(run.again) == 1
        return found

    assert seen(Compiled) == seen(lambda function: function)


def test_a_step_may_exchange_memory_itself() -> None:
    def seen(compiled: Callable[[Any], Any]) -> Any:
        w = tg.ones(3)

        def step(x: tg.Tensor) -> tg.Tensor:
            w.data = w.data * 2 + x
            return w.sum()

        run = compiled(step)
        found = [(run(tg.ones(3) * i).item(), w.tolist()) for i in range(8)]
        if compiled is Compiled:
            assert run._last.runs == 5
        return found

    assert seen(Compiled) == seen(lambda function: function)


def test_memory_whose_order_only_kernels_know_is_put_in_order() -> None:
    """A convolution's channels lie last, until somebody shares the memory."""
    convolution = nn.Conv2d(2, 3, 2)

    def step(x: tg.Tensor) -> tg.Tensor:
        return x.view(x.shape[0], -1) * 2

    run = Compiled(step)
    for _ in range(6):
        with tg.no_grad():
            x, same = (convolution(tg.ones(2, 2, 5, 5)) for _ in range(2))
        version = x._version
        found, expected = run(x), step(same)
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
        assert x._version is version
        assert x.is_contiguous()
        x[0, 0, 0, 0] = 7.0
        assert x.view(2, -1)[0, 0].item() == 7
    assert sum(s.runs for s in run.steps.values()) == 3


def test_the_memory_of_an_argument_may_be_exchanged() -> None:
    def step(x: tg.Tensor) -> None:
        x.data = x.data * 2

    run = Compiled(step)
    for _ in range(6):
        x = tg.ones(2)
        before = x.detach()
        run(x)
        assert x.tolist() == [2, 2]
        assert before.tolist() == [1, 1]
    assert sum(s.runs for s in run.steps.values()) == 3


def test_memory_of_a_constant_is_not_lent() -> None:
    w = tg.zeros(2)

    def step(x: tg.Tensor) -> tg.Tensor:
        w.data = tg.ones(2)
        w.add_(x)
        return w * 1

    run = Compiled(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(6):
            assert run(tg.ones(2)).tolist() == [2, 2]
            assert w.tolist() == [2, 2]
