"""What XLA can't run: said when a program is made, before a step has any effect; numbers that NumPy
refuses are refused here too."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.optim.array_optimizer import ArrayOptimizer, options

pytest.importorskip("jax", reason="JAX isn't installed")


def training(clip: bool, **how: Any) -> tuple[Any, Any]:
    """Return a step that uses a function of NumPy's for which JAX has none, and its optimizer."""
    tg.manual_seed(0)
    model = nn.Linear(4, 3)
    optimizer = tg.optim.Adam(model.parameters(), lr=0.1)

    def step(x: tg.Tensor) -> tg.Tensor:
        loss = (model(x) ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if clip:
            np.putmask(x.numpy(), x.numpy() > 1, 1)
        return loss

    return tg.compile(step, backend="xla", **how) if how else step, optimizer


def test_what_has_no_counterpart_runs_as_it_is_with_a_warning() -> None:
    plain, reference = training(True)
    with pytest.warns(UserWarning, match=r"XLA can't run it: NumPy's putmask has no counterpart"):
        step, optimizer = training(True, fullgraph=False)
        losses = [step(tg.full((2, 4), 1.5)).item() for _ in range(6)]
    np.testing.assert_array_equal(losses, [plain(tg.full((2, 4), 1.5)).item() for _ in range(6)])
    for state, other in zip(optimizer.state.values(), reference.state.values(), strict=True):
        assert state["step"].item() == other["step"].item() == 6
    assert not step.steps


def test_what_has_no_counterpart_is_an_error_with_fullgraph() -> None:
    step, _ = training(True, fullgraph=True)
    with pytest.raises(RuntimeError, match="putmask has no counterpart in JAX"):
        for _ in range(4):
            step(tg.ones(2, 4))


def test_a_formula_that_is_no_optimizers_of_the_library_runs_as_it_is() -> None:
    class Clipped(ArrayOptimizer):
        def __init__(self, params: Any, lr: float = 0.1) -> None:
            super().__init__(params, options(locals()))

        def update(self, p: Any, g: Any, state: Any, group: Any) -> None:
            if np.any(g > 0.05) and p.ndim > 1:
                p -= group["lr"] * g / p.size

    found = []
    for compiled in (False, True):
        tg.manual_seed(0)
        model, x = nn.Linear(4, 3), tg.randn(5, 4)
        optimizer = Clipped(model.parameters())

        def step(model: Any = model, optimizer: Any = optimizer, x: Any = x) -> Any:
            loss = (model(x) ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        if not compiled:
            found.append([step().item() for _ in range(6)])
            continue
        step = tg.compile(step, backend="xla")
        with pytest.warns(UserWarning, match="Clipped has a formula of its own"):
            found.append([step().item() for _ in range(6)])
    assert found[0] == found[1]


def test_a_step_counts_once_while_its_program_is_made() -> None:
    step, optimizer = training(False, fullgraph=True)
    counts = []
    for _ in range(5):
        step(tg.ones(2, 4))
        counts.append(next(iter(optimizer.state.values()))["step"].item())
    assert counts == [1, 2, 3, 4, 5]


def test_a_gradient_that_no_program_can_give_comes_from_the_nodes_with_a_warning() -> None:
    class Odd(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * 2

    @tg.compile(backend="xla")
    def double(x: tg.Tensor) -> tg.Tensor:
        return Odd.apply(x) + x

    for _ in range(6):
        x = tg.ones(3, requires_grad=True)
        double(x).sum().backward()
        assert x.grad.tolist() == [3, 3, 3]


@pytest.mark.parametrize("wrong", [5, -6])
def test_an_index_that_is_out_of_bounds_is_an_error_and_changes_nothing(wrong: int) -> None:
    table = tg.randn(5, 2, requires_grad=True)
    optimizer = tg.optim.SGD([table], lr=0.1)

    @tg.compile(backend="xla", fullgraph=True)
    def step(index: tg.Tensor) -> tg.Tensor:
        loss = table[index].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for i in range(5):
        step(tg.tensor([i, -1 - i]))
    before = table.detach().clone()
    with pytest.raises(IndexError, match="out of bounds"):
        step(tg.tensor([0, wrong]))
    assert tg.equal(table.detach(), before)
    step(tg.tensor([0, 1]))


def test_an_index_that_the_program_computes_is_checked_too() -> None:
    table = tg.arange(5.0)

    @tg.compile(backend="xla", fullgraph=True)
    def pick(index: tg.Tensor) -> tg.Tensor:
        return table[index * 2]

    for _ in range(5):
        assert pick(tg.tensor([1, 2])).tolist() == [2, 4]
    with pytest.raises(IndexError, match="index 6 is out of bounds for a dimension of 5"):
        pick(tg.tensor([1, 3]))


def test_a_row_that_an_embedding_does_not_have_is_an_error() -> None:
    layer = nn.Embedding(4, 2)
    look_up = tg.compile(lambda x: layer(x).detach(), backend="xla", fullgraph=True)
    for _ in range(5):
        look_up(tg.tensor([0, 3]))
    with pytest.raises(IndexError, match="4, but the weight has 4 rows"):
        look_up(tg.tensor([0, 4]))


def test_devices_and_parts_that_there_are_not_are_errors() -> None:
    for how, said in (
        ({"devices": 1000}, "devices=1000, but JAX has"),
        ({"devices": 0}, "at least one"),
        ({"devices": "4"}, "devices='4': expects how many"),
        ({"devices": ["cpu"]}, "a list of JAX's devices"),
        ({"devices": []}, "expects how many"),
        ({"devices": True}, "expects how many"),
        ({"device": "toaster"}, "there is no device 'toaster'; choose one of cpu, gpu, tpu"),
        ({"device": "tpu"}, "JAX has no such device here"),
        ({"shard": "everything"}, "shard='everything' isn't offered"),
    ):
        with pytest.raises((ValueError, RuntimeError, TypeError), match=said):
            tg.compile(abs, backend="xla", **how)
    with pytest.raises(ValueError, match="devices=2 is for XLA"):
        tg.compile(abs, devices=2)


def test_a_tensor_stays_on_the_cpu_and_the_error_names_the_way_to_a_gpu() -> None:
    with pytest.raises(RuntimeError, match="backend='xla', device='gpu'"):
        tg.ones(2).to("cuda")


def test_without_jax_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_mnist.compiler.api.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tinygrad_mnist\[xla\]'"):
        tg.compile(abs, backend="xla")
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'tinygrad_mnist\[xla\]'"):
        tg.compiler.prefetch([])


def test_jax_is_imported_only_when_it_is_asked_for() -> None:
    code = (
        "import sys, tinygrad_mnist as tg; f = tg.compile(lambda x: x + 1);"
        "[f(tg.ones(2)) for _ in range(4)]; assert 'jax' not in sys.modules;"
        "tg.compile(lambda x: x + 1, backend='xla', device='cpu'); assert 'jax' in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_nothing_is_warned_of_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step, _ = training(False, fullgraph=False)
        for _ in range(5):
            step(tg.ones(2, 4))
    assert len(step.steps) == 1
