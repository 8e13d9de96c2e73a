"""``compile`` under PyTorch's name: what it takes, what it says, and the names around it."""

from __future__ import annotations

import contextlib
import copy
import pickle
import re
import threading
import types
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import compiler, nn
from tinygrad_mnist.compiler import Compiled, OptimizedModule, explain

CALLS = 6


def doubled(x: tg.Tensor) -> tg.Tensor:
    return x * 2


def ran(function: Any) -> int:
    """Return how often programs of a function were run."""
    return sum(step.runs for step in function.steps.values())


def test_functions_are_compiled_and_decorated() -> None:
    @tg.compile
    def one(x: tg.Tensor) -> tg.Tensor:
        """Say one."""
        return x + 1

    @tg.compile(fullgraph=True)
    def two(x: tg.Tensor) -> tg.Tensor:
        return x + 2

    three = tg.compile(lambda x: x + 3)
    for number, function in enumerate((one, two, three), 1):
        for _ in range(CALLS):
            assert function(tg.zeros(2)).tolist() == [number] * 2
        assert ran(function) == CALLS - 3
        assert "np.add" in function.source()
    assert one.__name__ == "one"
    assert one.__doc__ == "Say one."
    assert repr(one).endswith("one>")


def test_methods_are_compiled_in_their_class() -> None:
    class Model:
        def __init__(self, scale: float) -> None:
            self.scale = scale

        @tg.compile
        def run(self, x: tg.Tensor) -> tg.Tensor:
            return x * self.scale

    two, three = Model(2.0), Model(3.0)
    for _ in range(CALLS):
        assert two.run(tg.ones(2)).tolist() == [2, 2]
        assert three.run(tg.ones(2)).tolist() == [3, 3]
    assert ran(Model.run) == 2 * (CALLS - 3)
    assert "np.multiply" in two.run.source()
    assert len(explain(two.run).programs) == 2


def net() -> nn.Sequential:
    tg.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))


def trained(model: Any, wrap: Callable[[Any], Any]) -> tuple[list[float], Any]:
    run = wrap(model)
    optimizer = tg.optim.SGD(run.parameters(), lr=0.1)
    losses = []
    for i in range(CALLS):
        x, y = tg.arange(20.0).reshape(5, 4) / (10 + i), tg.tensor([0, 1, 2, 0, 1])
        loss = F.cross_entropy(run(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses, run


def test_a_module_is_replaced_as_in_a_script() -> None:
    expected, _ = trained(net(), lambda model: model)
    model = net()
    losses, compiled = trained(model, tg.compile)
    assert losses == expected
    assert isinstance(compiled, nn.Module)
    assert isinstance(compiled, OptimizedModule)
    assert compiled._orig_mod is model
    assert list(compiled.state_dict()) == [f"_orig_mod.{name}" for name in model.state_dict()]
    assert compiled[0] is model[0] if hasattr(type(compiled), "__getitem__") else True
    compiled.eval()
    assert not model.training
    assert not compiled.training
    compiled.train()
    assert model[1].training
    compiled.note = "here"
    assert model.note == "here"
    del compiled.note
    assert not hasattr(compiled, "note")
    with pytest.raises(AttributeError, match="nothing_like_it"):
        _ = compiled.nothing_like_it
    assert ran(compiled._compiled) == CALLS - 3
    assert "# 0  linear" in compiled.source()


def test_a_module_is_compiled_in_place() -> None:
    expected, _ = trained(net(), lambda model: model)

    def in_place(model: nn.Module) -> nn.Module:
        model.compile(fullgraph=True)
        return model

    losses, model = trained(net(), in_place)
    assert losses == expected
    assert ran(model._compiled_call) == CALLS - 3
    assert explain(model).name == "Sequential"
    seen = []
    model.register_forward_hook(lambda *given: seen.append(len(given)))
    x = tg.ones(2, 4)
    with pytest.raises(RuntimeError, match=r"Sequential can't be .* changes the variable seen"):
        for _ in range(CALLS):
            model(x)
    assert seen


def test_copies_and_pickles_have_programs_of_their_own() -> None:
    compiled = tg.compile(net())
    x = tg.ones(2, 4)
    for _ in range(CALLS):
        expected = compiled(x).tolist()
    for other in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):
        assert other(x).tolist() == expected
        assert not ran(other._compiled)
    assert pickle.loads(pickle.dumps(Compiled(doubled)))(x).tolist() == doubled(x).tolist()


def test_arguments_have_an_effect_or_a_sentence() -> None:
    for backend in (None, "numpy", "inductor", "eager", "aot_eager", "cudagraphs"):
        for mode in (None, "default", "reduce-overhead", "max-autotune"):
            assert tg.compile(doubled, backend=backend, mode=mode)(tg.ones(1)).item() == 2
    assert tg.compile(doubled, disable=True) is doubled
    for wrong, error, match in (
        ({"backend": "nothing"}, ValueError, "no backend 'nothing'; choose one of numpy"),
        ({"backend": len}, TypeError, "torch.fx"),
        ({"backend": "auto", "devices": 2}, ValueError, "devices=2 is for XLA: pass backend='xla'"),
        ({"backend": "auto", "device": "gpu"}, ValueError, "device='gpu' is for XLA: pass backend"),
        ({"mode": "fast"}, ValueError, "no mode 'fast'; choose one of default"),
        ({"mode": "default", "options": {"a": 1}}, RuntimeError, "not both"),
        ({"options": {"inlining": True}}, RuntimeError, "no option 'inlining'; .* chains, common_"),
        ({"options": {"copies": 1}}, RuntimeError, "'copies' is True or False, not 1"),
        ({"shapes_spec": 1}, NotImplementedError, "shapes are taken from the calls"),
    ):
        with pytest.raises(error, match=f"^compile: .*{match}"):
            tg.compile(doubled, **wrong)
    with pytest.raises(TypeError, match="expects a function or a module, not int"):
        tg.compile(3)
    with pytest.warns(UserWarning, match="the option 'triton.cudagraphs' has no effect"):
        tg.compile(doubled, options={"triton.cudagraphs": True})
    named = tg.compile(lambda x: bool(x), name="the question", fullgraph=True)
    with pytest.raises(RuntimeError, match="compile: the question can't be compiled as a whole"):
        for _ in range(CALLS):
            named(tg.ones(1))


def test_fullgraph_is_an_error_before_anything_of_the_next_step_changes() -> None:
    w = tg.ones(2)

    @tg.compile(fullgraph=True)
    def step(x: tg.Tensor) -> tg.Tensor:
        w.add_(1)
        if w.sum() > 1:
            return x
        return -x

    match = r"step can't be compiled as a whole: it looks at numbers \(bool\), at test_compile.py"
    with pytest.raises(RuntimeError, match=match):
        step(tg.ones(2))
    done = w.tolist()
    assert done == [2, 2]
    for _ in range(3):
        with pytest.raises(RuntimeError, match=match):
            step(tg.ones(2))
    assert w.tolist() == done


def test_there_are_no_more_programs_than_the_limit() -> None:
    compiled = tg.compile(lambda x: x * 2, recompile_limit=2)
    said = (
        r"2 programs already, .*: x has the shape \[3\] now; give tensors of few different shapes"
    )
    with pytest.warns(UserWarning, match=said):
        for n in range(1, 6):
            for _ in range(4):
                assert compiled(tg.ones(n)).shape == (n,)
    assert len(compiled.steps) == 2
    assert compiled(tg.ones(1)).tolist() == [2]


def test_numbers_among_the_arguments_that_change_are_given_anew() -> None:
    @tg.compile
    def step(x: tg.Tensor, rate: float, times: int = 1) -> tg.Tensor:
        return x - rate * 2 * x / (times + 1)

    for i in range(12):
        x = tg.ones(3) * i
        assert step(x, i / 10, i).tolist() == (x - i / 10 * 2 * x / (i + 1)).tolist()
        assert step(x, rate=0.5).tolist() == (x - 0.5 * 2 * x / 2).tolist()
    built = [s for s in step.steps.values() if s.built is not None]
    assert sum(s.runs for s in built) >= 14
    assert not step.uncompiled
    assert len(step.steps) <= 3


def test_numbers_that_are_looked_at_have_a_program_each() -> None:
    @tg.compile
    def power(x: tg.Tensor, n: int) -> tg.Tensor:
        for _ in range(n):
            x = x * 2
        return x

    for i in range(24):
        assert power(tg.ones(1), i % 3).item() == 2 ** (i % 3)
    assert not power.uncompiled
    assert ran(power) >= 10


@pytest.mark.parametrize(
    "use",
    [
        lambda x, n: x * n, lambda x, n: n * x, lambda x, n: x + n, lambda x, n: n - x,
        lambda x, n: x / n, lambda x, n: n / x, lambda x, n: x**n, lambda x, n: n**x,
        lambda x, n: x.add(x, alpha=n), lambda x, n: x.clamp(max=n), lambda x, n: x.clamp(-n, n),
        lambda x, n: x.lerp(x * 2, n), lambda x, n: F.leaky_relu(-x, n),
        lambda x, n: F.mse_loss(x, x * n), lambda x, n: x * (n + 1) / 3, lambda x, n: x * -n,
        lambda x, n: x * abs(n) ** 2 % 3, lambda x, n: tg.full((3,), n) + x,
        lambda x, n: x.masked_fill(x > 1, n), lambda x, n: tg.where(x > 1, x, n),
        lambda x, n: x.double() * n, lambda x, n: x.half() * n, lambda x, n: x.long() * n,
        lambda x, n: (x * n).sum().item() + n, lambda x, n: F.dropout(x, 0.5, training=n > 9),
        lambda x, n: tg.tensor([n, n]), lambda x, n: x * float(n), lambda x, n: x * int(n),
        lambda x, n: f"{n:.1f}", lambda x, n: x if n > 1 else -x, lambda x, n: tg.arange(n),
        lambda x, n: (x, n, [n * 2]), lambda x, n: isinstance(n, float), lambda x, n: x > n,
        lambda x, n: tg.linspace(0, n, 3), lambda x, n: x * np.float32(n), lambda x, n: max(n, 1.0),
    ],
)  # fmt: skip
@pytest.mark.parametrize("kind", [float, int])
def test_a_number_is_used_in_any_way(use: Any, kind: Any) -> None:
    """It is recorded, or looked at; what comes out is the same."""
    compiled = Compiled(use)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(9):
            x, n = tg.tensor([0.5, 1.0, 2.0]) * (i + 1), kind(1.3 + i * 0.7)
            expected, found = use(x, n), compiled(x, n)
            if isinstance(expected, tg.Tensor):
                assert found.dtype == expected.dtype
                np.testing.assert_array_equal(found.numpy(), expected.numpy())
            elif isinstance(expected, tuple):
                assert found[0] is x
                assert (found[1], found[2]) == (expected[1], expected[2])
                assert type(found[1]) is kind
            else:
                assert found == expected
                assert type(found) is type(expected)


def test_numbers_are_returned() -> None:
    @tg.compile
    def step(x: tg.Tensor) -> Any:
        loss = (x * x).sum()
        half = loss.item() / 2
        return {"loss": loss.item(), "half": half, "wrong": (x > 1).sum().item()}, x.numpy()

    for i in range(CALLS):
        x = tg.ones(3) * i
        found, array = step(x)
        assert found == {"loss": 3.0 * i * i, "half": 1.5 * i * i, "wrong": 3 * (i > 1)}
        assert type(found["loss"]) is float
        assert type(found["wrong"]) is int
        assert type(array) is np.ndarray
        assert np.shares_memory(array, x.numpy())
    assert ran(step) == CALLS - 3


def test_arrays_of_numpy_are_arguments_too() -> None:
    @tg.compile
    def step(x: np.ndarray, y: np.ndarray) -> tg.Tensor:
        return tg.from_numpy(x) * tg.from_numpy(y).sum()

    for i in range(CALLS):
        x, y = np.arange(3.0) + i, np.ones(2, np.float32) * i
        assert step(x, y).tolist() == ((np.arange(3.0) + i) * 2 * i).tolist()
    assert ran(step) == CALLS - 3


def test_an_error_inside_is_that_of_the_step() -> None:
    model = nn.Linear(4, 3)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss

    compiled = tg.compile(step)
    x, y, wrong = tg.ones(2, 4), tg.tensor([0, 1]), tg.tensor([0, 7])
    for _ in range(CALLS):
        compiled(x, y)
    with pytest.raises(Exception) as expected:
        step(x, wrong)
    with pytest.raises(expected.type) as found:
        compiled(x, wrong)
    assert str(found.value) == str(expected.value)
    lines = [entry.frame.code.name for entry in found.traceback]
    assert "step" in lines
    assert compiled(x, y).item() == step(x, y).item()


@pytest.mark.parametrize("fullgraph", [False, True])
def test_a_program_that_fails_where_the_function_does_not_is_given_up(fullgraph: bool) -> None:
    w = tg.ones(3, requires_grad=True)
    trained = []

    def step(x: tg.Tensor) -> tg.Tensor:
        w.grad = None
        loss = (w * x).tanh().sum()
        loss.backward()
        return loss

    def broken(*args: Any, **kwargs: Any) -> None:
        trained.append(len(args))
        raise ZeroDivisionError("injected")

    compiled = tg.compile(step, fullgraph=fullgraph)
    for i in range(CALLS):
        compiled(tg.ones(3) * i)
    (made,) = compiled.steps.values()
    assert made.built is not None
    space = made.built.written.space
    space["np"] = types.SimpleNamespace(**{**vars(np), "tanh": broken})
    said = (
        r"step .*: its program has raised ZeroDivisionError\('injected'\) in tanh, and the "
        r"function itself hasn't, at test_compile.py:\d+ in step: loss = \(w \* x\).tanh"
    )
    if fullgraph:
        with pytest.raises(RuntimeError, match=said):
            compiled(tg.ones(3))
        return
    with pytest.warns(UserWarning, match=said) as caught:
        found = [(compiled(tg.ones(3) * i).item(), w.grad.tolist()) for i in range(CALLS)]  # type: ignore[union-attr]  # it is there
    assert len(caught) == len(trained) == 1
    assert found == [(step(tg.ones(3) * i).item(), w.grad.tolist()) for i in range(CALLS)]  # type: ignore[union-attr]
    report = tg.compiler.explain(compiled)
    assert not report.programs
    assert list(report.uncompiled.values()) == [CALLS - 1]
    assert compiled(tg.ones(1, 3)).item() == step(tg.ones(3)).item(), "others are compiled anew"


def test_an_error_after_a_change_names_the_line() -> None:
    mean = tg.zeros(())

    @tg.compile
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        mean.add_(x.mean())
        return F.cross_entropy(x, y)

    x, y = tg.ones(2, 4), tg.tensor([0, 1])
    for _ in range(CALLS):
        step(x, y)
    with pytest.raises(Exception) as found:
        step(x, tg.tensor([0, 7]))
    (note,) = found.value.__notes__
    assert re.search(r"test_compile.py:\d+ in step: return F.cross_entropy\(x, y\)", note)
    assert mean.item() == CALLS + 1, "as in the step itself, the mean was changed once"


@pytest.mark.parametrize("order", ["clears first", "clears later", "adds", "zeroes", "two losses"])
def test_an_error_in_a_program_leaves_gradients_and_flags_as_ever(order: str) -> None:
    def played(compiled: Any) -> Any:
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.2), nn.Linear(5, 3))
        optimizer = tg.optim.Adam(model.parameters())

        def step(x: tg.Tensor, y: tg.Tensor, z: tg.Tensor) -> None:
            model.train()
            if order in ("clears first", "two losses"):
                optimizer.zero_grad()
            if order == "zeroes":
                optimizer.zero_grad(set_to_none=False)
            if order == "two losses":
                F.cross_entropy(model(x), y).backward()
            loss = F.cross_entropy(model(x), z)
            if order == "clears later":
                optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            model.eval()

        run = compiled(step)
        found = []
        for i in range(14):
            x, y = tg.randn(6, 4), tg.randint(0, 3, (6,))
            wrong = i in (6, 7, 11)
            with pytest.raises(IndexError) if wrong else contextlib.nullcontext():
                run(x, y, y + 7 * wrong)
            lost = wrong and order == "two losses"
            found.append(
                [None if p.grad is None or lost else p.grad.tolist() for p in model.parameters()]
            )
            if lost and compiled is Compiled:
                assert run._last.runs == 0 or all(p.grad is None for p in model.parameters())
            found.append([x.tolist() for x in model.state_dict().values()])
            found.append([m.training for m in model.modules()])
        if compiled is Compiled:
            assert run._last.runs >= 3
        return found

    assert played(Compiled) == played(lambda function: function)


def test_threads_take_turns_or_run_the_function() -> None:
    w = tg.ones(64, 64)
    compiled = tg.compile(lambda x: ((x @ w).exp() * 2).sum(1))
    inputs = [tg.randn(16, 64) / 64 for _ in range(8)]
    expected = [((x @ w).exp() * 2).sum(1).tolist() for x in inputs]
    for _ in range(CALLS):
        compiled(inputs[0])
    wrong: list[int] = []

    def work(i: int) -> None:
        for _ in range(30):
            if compiled(inputs[i]).tolist() != expected[i]:
                wrong.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_explain_says_what_became_of_a_function() -> None:
    scale = [1.0]

    @tg.compile
    def step(x: tg.Tensor) -> tg.Tensor:
        return ((x * scale[0]).exp() + 1).log().sum(1)

    @tg.compile
    def asks(x: tg.Tensor) -> tg.Tensor:
        return x if x.sum() > 0 else -x

    for i in range(12):
        scale[0] = 1.0 + i // 6
        step(tg.ones(30, 40))
    with pytest.warns(UserWarning, match="uncompiled"):
        for _ in range(4):
            asks(tg.ones(2))
    report = explain(step)
    assert [(p.arguments, p.runs, p.recorded) for p in report.programs] == [
        ("[30, 40]", 3, 2), ("[30, 40]", 3, 2)]  # fmt: skip
    assert report.again == {"the variable scale": 1}
    assert report.programs[0].calls == 5
    assert report.programs[0].bytes >= 30 * 40 * 4
    timed = explain(step, tg.ones(30, 40))
    (lines,) = [p.lines for p in timed.programs if p.lines]
    assert len(lines) == 5
    assert all(time > 0 for time, _, _ in lines)
    assert {operation for _, _, operation in lines} >= {"exp", "log"}
    assert "µs" in str(timed)
    assert "recorded anew 1 time, because this changed: the variable scale" in str(report)
    assert "0 programs" in str(explain(asks))
    assert re.search(r"runs as it is \(2 calls\): it looks at numbers \(bool\), at test_compile.py"
                     r":\d+ in asks: return x if", str(explain(asks)))  # fmt: skip
    with pytest.raises(TypeError, match="explain: expects what compile"):
        explain(doubled)


def test_the_namespace_has_pytorchs_names() -> None:
    function = tg.compile(lambda x: x * 2)
    for _ in range(CALLS):
        function(tg.ones(1))
    compiler.reset()
    assert not function.steps
    assert not compiler.is_compiling()
    assert not compiler.is_exporting()
    asked = []

    @tg.compile
    def asks(x: tg.Tensor) -> tg.Tensor:
        return x + compiler.is_compiling()

    for _ in range(3):
        asked.append(asks(tg.zeros(1)).item())
    assert asked == [0, 1, 1]
    with compiler.set_stance("force_eager"):
        assert asks(tg.zeros(1)).item() == 0
    assert asks(tg.zeros(1)).item() == 1
    with compiler.set_stance("fail_on_recompile"), pytest.raises(RuntimeError, match="no program"):
        asks(tg.zeros(2))
    with compiler.set_stance("eager_on_recompile"):
        assert asks(tg.zeros(2)).tolist() == [0, 0]
    with pytest.raises(RuntimeError, match="no stance 'fast'"):
        compiler.set_stance("fast")
    assert compiler.list_backends() == ["numpy", "xla", "auto"]
    with pytest.raises(NotImplementedError, match="NumPy program"):
        compiler.wrap_numpy(len)


def test_without_jax_the_faster_backend_is_numpy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tinygrad_mnist.compiler.api.find_spec", lambda name: None)
    double = tg.compile(doubled, backend="auto", device="cpu")
    assert [double(tg.ones(1)).item() for _ in range(5)] == [2] * 5
    assert double.settings.backend.name == "numpy"
    assert not compiler.explain(double).choice
    with pytest.raises(ModuleNotFoundError, match="needs JAX"):
        tg.compile(doubled, backend="xla")


def test_names_of_the_compiler_inside_of_pytorch_are_ours() -> None:
    import tinygrad_mnist._dynamo as dynamo

    assert dynamo.disable is compiler.disable
    assert dynamo.reset is compiler.reset
    assert dynamo.explain is compiler.explain
    dynamo.config.suppress_errors = True
    dynamo.graph_break()


def test_a_constant_may_be_assumed() -> None:
    calls = []

    @compiler.assume_constant_result
    def count() -> int:
        calls.append(1)
        return 3

    @tg.compile
    def step(x: tg.Tensor) -> tg.Tensor:
        return x * count()

    for _ in range(CALLS):
        assert step(tg.ones(1)).item() == 3
    assert ran(step) == CALLS - 3
    assert len(calls) == 3


def test_the_account_names_backward_programs_too() -> None:
    w = tg.ones(3, requires_grad=True)
    unit = tg.compile(lambda x: ((w * x).exp(), (w + x).sum()))
    for _ in range(6):
        first, second = unit(tg.ones(3))
        (first.sum() + second).backward()
        unit(tg.ones(3))[1].backward()
    (program,) = explain(unit).programs
    assert [(p.arguments, p.runs, p.recorded) for p in program.backward] == [
        ("the outputs 1 of those that need gradients", 3, 2), ("all outputs", 2, 2)]  # fmt: skip
    assert all(p.calls > 0 and p.seconds > 0 for p in program.backward)
    assert "  its backward program for all outputs: 2 runs; recorded 2 times" in str(explain(unit))


def test_the_account_says_why_gradients_go_back_without_a_program() -> None:
    class Twice(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
            return x * 2

        @staticmethod
        def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
            return g * 2

    twice = tg.compile(lambda x: Twice.apply(x))
    for _ in range(5):
        twice(tg.ones(2, requires_grad=True)).sum().backward()
    assert explain(twice).programs[0].backward == []
    assert explain(twice).uncompiled == {
        "the backward for [2]: it has a backward of the user's own": 2
    }


def test_options_switch_passes_off_and_on() -> None:
    w = tg.ones(3, requires_grad=True)

    def calls_and_bytes(**given: Any) -> tuple[int, int]:
        unit = tg.compile(lambda x: ((w * x).exp().sin() + (w * x).exp().tanh()).T, **given)
        for _ in range(6):
            unit(tg.ones(2, 3)).sum().backward()
        (program,) = explain(unit).programs
        return program.calls, program.backward[0].bytes

    usual, recorded = calls_and_bytes(), calls_and_bytes(backend="eager")
    assert calls_and_bytes(options={"common_subexpressions": False})[0] > usual[0]
    assert calls_and_bytes(options={"reuse": False})[1] > usual[1]
    one = {"common_subexpressions": True}
    assert calls_and_bytes(backend="eager", options=one)[0] < recorded[0]
    assert calls_and_bytes(backend="eager", options={"reuse": True})[1] < recorded[1]


def test_what_torch_compiles_gives_the_same(torch: Any) -> None:
    """The same script, with both libraries."""

    def losses(library: Any) -> list[float]:
        library.manual_seed(0)
        model = library.nn.Linear(3, 2)
        optimizer = library.optim.SGD(model.parameters(), lr=0.1)
        run = library.compile(model, backend="eager")

        @library.compiler.disable
        def loss_of(x: Any) -> Any:
            assert not library.compiler.is_compiling()
            return (x**2).mean()

        found = []
        for i in range(CALLS):
            loss = loss_of(run(library.ones(4, 3) * i))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        library.compiler.reset()
        return found

    assert losses(tg) == pytest.approx(losses(torch), rel=1e-5)


def test_explain_takes_a_method_and_shows_lines_as_a_reader_would_write_them() -> None:
    class Trainer:
        def __init__(self) -> None:
            self.layer = nn.Linear(2000, 100)

        @tg.compile
        def step(self, x: tg.Tensor, scale: float) -> tg.Tensor:
            return (self.layer(x).tanh() * 2).sum() * scale

    trainer, x = Trainer(), tg.ones(1500, 2000)
    for i in range(5):
        trainer.step(x, 1.0 + i)
    (program,) = explain(trainer.step, x, 0.5).programs
    assert program.arguments == "Trainer, [1500, 2000], any number"
    assert program.lines and not any(
        "; del" in line or "share(" in line for _, line, _ in program.lines
    )


def test_numpys_functions_may_stand_between_tensors() -> None:
    """No array of the recording is held by what is over, which would look as if it were kept."""

    @tg.compile(fullgraph=True)
    def step(x: tg.Tensor) -> tuple[tg.Tensor, np.ndarray]:
        roots = np.sqrt(x.numpy())
        return tg.from_numpy(roots[1:]), roots

    for i in range(5):
        x = tg.arange(4.0) + i
        tail, roots = step(x)
        assert roots.tolist() == np.sqrt(x.numpy()).tolist()
        tail[0] = 99.0
        assert roots[1] == 99.0


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"options": ["reuse"]}, TypeError, "options are a dictionary or None, not list"),
        (
            {"recompile_limit": 0},
            ValueError,
            "recompile_limit is a positive integer or None, not 0",
        ),
        ({"recompile_limit": "8"}, ValueError, "positive integer or None, not '8'"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused_at_once(
    given: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=f"compile: .*{said}"):
        tg.compile(lambda x: x, **given)


def test_an_error_after_something_has_changed_names_operation_and_line() -> None:
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5))

    @tg.compile
    def step(x: tg.Tensor, labels: tg.Tensor) -> tg.Tensor:
        return nn.functional.cross_entropy(model(x), labels)

    for _ in range(5):
        step(tg.ones(2, 4), tg.tensor([0, 2]))
    with pytest.raises(IndexError, match="target 3 is out of bounds") as error:
        step(tg.ones(2, 4), tg.tensor([0, 3]))
    (note,) = error.value.__notes__
    assert re.match(
        r"in cross_entropy of the compiled step, at test_compile.py:\d+ in step: ", note
    )
