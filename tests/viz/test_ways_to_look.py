"""Trace, ledger, statistics: a step as text."""

from __future__ import annotations

import gc
import re
import tracemalloc
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, viz
from tinygrad_mnist.autograd.observer import Observer
from tinygrad_mnist.nn import functional as F

from .networks import NETWORKS, Cube, mlp, several


@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
def test_a_trace_has_a_line_for_each_operation_there_and_back(make: Any) -> None:
    params, compute = make()
    with viz.record():
        loss = compute()
    lines = viz.trace(loss, params).splitlines()
    back = lines.index("backward")
    forward = lines[1:back]
    assert f"= {loss.item():.7g}" in forward[-1] and lines[0] == "forward"
    assert [line for line in lines[back:] if ": g " in line]
    assert lines[back + 1].endswith("g = 1")
    assert "not kept" not in "\n".join(lines)


def test_a_trace_names_modules_lines_and_sums() -> None:
    model, compute = mlp()
    with viz.record():
        loss = compute()
    text = viz.trace(loss, model)
    assert "[layers.0]  [networks.py:" in text
    assert "to scale: " in text and "summed over dimension 0" in text


def test_a_trace_tells_outputs_apart() -> None:
    params, compute = several()
    with viz.record():
        text = viz.trace(compute(), params)
    assert "sum(1.s) = " in text and "to 1.s: [1., 1., 1.]" in text and "g of u = " in text


def network(rows: int = 500) -> tuple[nn.Module, Any]:
    model = nn.Sequential(
        nn.Linear(100, 300), nn.ReLU(), nn.Linear(300, 200), nn.Tanh(), nn.Linear(200, 10)
    )
    x, y = tg.randn(rows, 100), tg.randint(0, 10, (rows,))
    return model, lambda: F.cross_entropy(model(x), y)


def test_the_ledger_counts_what_is_saved() -> None:
    """500 examples of float32: each operation's output once, however many keep it."""
    model, compute = network()
    ledger = viz.memory(compute(), model)
    assert [(e.name, e.path, e.saved, e.shared) for e in ledger.entries[:5]] == [
        ("linear", "0", 500 * 100 * 4, 0),  # its input; the weight needs no rule of the data's
        ("relu", "", 500 * 300 * 4, 0),
        ("linear", "2", 0, 500 * 300 * 4 + 300 * 200 * 4),
        ("tanh", "", 500 * 200 * 4, 0),
        ("linear", "4", 0, 500 * 200 * 4 + 200 * 10 * 4),
    ]
    assert ledger.parameters == sum(p.numel() * 4 for p in model.parameters())


def test_the_ledger_agrees_with_what_python_has_allocated() -> None:
    model, compute = network(2000)
    data = 2000 * 100 * 4 + 2000 * 8  # is there before
    compute().backward()  # whatever is made once
    model.zero_grad()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        loss = compute()
        held = tracemalloc.get_traced_memory()[0] - before
        ledger = viz.memory(loss, model)
        assert held == pytest.approx(ledger.saved - data, rel=0.02)
        now: dict[int, str] = {}

        class Watch(Observer):
            def ran(self, node: Any, gradient: Any, results: Any) -> None:
                now[tracemalloc.get_traced_memory()[0] - before] = node.op.name

        with Watch():
            loss.backward()
    finally:
        tracemalloc.stop()
    assert max(now) == pytest.approx(ledger.peak.bytes - data, rel=0.02)
    assert now[max(now)] == ledger.peak.at == "relu"


def test_the_ledger_names_the_peak_and_who_holds_it() -> None:
    x = tg.ones(1000, requires_grad=True)
    ledger = viz.memory(((x.exp() * 2).sin().sum()), {"x": x})
    assert ledger.peak.at == "sin" and ledger.peak.bytes == ledger.peak.saved + 8000
    assert [(e.name, e.saved) for e in ledger.peak.holders] == [("exp", 4000), ("sin", 4000)]
    assert repr(ledger).endswith("held then: 4,000 by exp, 4,000 by sin, 8,000 of gradients")


def test_the_ledger_counts_views_functions_and_shared_weights_once() -> None:
    x, w = tg.ones(100, 2), tg.ones(2, 2, requires_grad=True)
    ledger = viz.memory((x[:50] @ w @ w).sum(), {"w": w})
    # The view keeps all 100 rows; the weight is the program's own, and what it makes is kept.
    assert [(e.saved, e.shared) for e in ledger.entries] == [(800, 0), (400, 16)]
    v = tg.ones(10, requires_grad=True)
    ledger = viz.memory(Cube.apply(v * 2).sum(), {"v": v})
    assert [(e.name, e.saved) for e in ledger.entries] == [("Cube", 40)]


def test_a_released_graph_has_no_ledger() -> None:
    for loss in (
        tg.ones(2, requires_grad=True).exp().sum(),
        Cube.apply(tg.ones(1, requires_grad=True)),
    ):
        loss.backward()
        with pytest.raises(
            RuntimeError, match=r"^memory: the graph was released by backward\(\); ask"
        ):
            viz.memory(loss)


def step_of(model: nn.Module, x: Any) -> viz.Statistics:
    with viz.record() as step:
        model(x).pow(2).sum().backward()
    return viz.statistics(step)


def test_dead_units_are_found_and_named() -> None:
    tg.manual_seed(0)
    layers: Any = nn.Sequential()
    for _ in range(4):
        layers.extend([nn.Linear(100, 100), nn.ReLU()])
    layers[6].bias.data[:93].fill_(-100)
    layers[6].bias.data[93:].fill_(100)
    model = nn.ModuleDict({"layers": layers})
    model.forward = layers.__call__  # type: ignore[method-assign]
    found = step_of(model, tg.randn(50, 100))
    assert found.warnings == [
        "layers.7: 93 % of its units are dead: 0 for every example, so they learn nothing"
    ]
    rows = {x.path: x for x in found.layers}
    assert rows["layers.7"].dead == 0.93 and rows["layers.1"].dead == 0.0
    assert rows["layers.6"].dead is None and rows["layers.1"].saturated == 0.0


def test_channels_are_units_of_images() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU())
    model[0].bias.data[:3].fill_(-100)
    (warning,) = step_of(model, tg.randn(5, 1, 8, 8)).warnings
    assert warning.startswith("1: 75 % of its units are dead")


def test_an_activation_in_a_modules_own_forward_is_looked_at_too() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 2)
            self.a.bias.data.fill_(-100)

        def forward(self, x: Any) -> Any:
            return self.b(F.relu(self.a(x)))

    assert step_of(Net(), tg.randn(3, 4)).warnings[0].startswith("Net: 100 % of its units are dead")


@pytest.mark.parametrize("kind", [nn.Tanh, nn.Sigmoid, nn.Hardtanh, nn.ELU])
def test_saturation_is_told_by_the_slope(kind: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 50, bias=False), kind())
    assert step_of(model, tg.randn(30, 4)).warnings == []
    model[0].weight.data.fill_(-100 if kind is nn.ELU else 1000)
    found = step_of(model, tg.rand(30, 4) + 0.5).warnings
    assert any("1: 100 % of its values are saturated" in w for w in found)


@pytest.mark.parametrize(("scale", "word"), [(0.2, "vanish"), (30.0, "explode")])
def test_the_flow_of_gradients_is_watched(scale: float, word: str) -> None:
    tg.manual_seed(0)
    model = nn.Sequential(*[nn.Linear(20, 20) for _ in range(8)])
    for layer in model:
        layer.weight.data.mul_(scale)
    warnings = step_of(model, tg.randn(9, 20)).warnings
    assert len(warnings) == 1
    assert re.fullmatch(
        rf"0: its gradient is .* that of 7: gradients {word} on the way back", warnings[0]
    )


def test_what_is_not_finite_is_named() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
    model[0].weight.data.fill_(float("inf"))
    assert "0: its output has numbers that aren't finite" in step_of(model, tg.randn(4, 3)).warnings


def test_statistics_are_numpys_and_are_drawn() -> None:
    model = nn.Sequential(nn.Linear(6, 5), nn.Tanh())
    x = tg.randn(7, 6)
    with viz.record() as step:
        out = model(x)
        (out * 3).sum().backward()
    found = viz.statistics(step)
    last = found.layers[-1]
    numbers = out.detach().numpy()
    assert last.mean == pytest.approx(numbers.mean()) and last.gradient == pytest.approx(3)
    assert last.deviation == pytest.approx(numbers.std())
    figure = found.plot()
    assert [t.get_text() for t in figure.axes[0].get_xticklabels()] == ["0 linear", "1 tanh"]
    assert np.allclose(figure.axes[1].lines[0].get_ydata()[-1], 3)


def test_statistics_want_a_recorded_step() -> None:
    with pytest.raises(
        TypeError, match=r"^statistics: expects a recorded step, not Tensor; compute"
    ):
        viz.statistics(tg.ones(2))  # type: ignore[arg-type]


# Anomalies: a NaN in a network of twenty layers


class Planted(nn.Module):
    def __init__(self, inner: Any) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Any) -> Any:
        return self.inner(x)


def twenty(inner: Any) -> nn.Module:
    layers = [nn.Sequential(nn.Linear(8, 8), nn.Tanh()) for _ in range(20)]
    layers[13].insert(1, Planted(inner))
    net = nn.ModuleDict({"layers": nn.Sequential(*layers)})
    net.forward = net["layers"].__call__  # type: ignore[method-assign]
    return net


def test_a_nan_is_traced_to_line_and_module_forward() -> None:
    model = twenty(lambda x: (x - 1e4).log())  # planted
    with (
        tg.autograd.detect_anomaly(check_forward=True),
        pytest.raises(
            RuntimeError,
            match=r"^log: computed a NaN from finite numbers; it was called at test_ways_to_look\.py:"
            r"\d+ in <lambda>: .*# planted, in module layers\.13\.1$",
        ),
    ):
        model(tg.randn(4, 8))


def test_a_nan_is_traced_to_line_and_module_backward() -> None:
    model = twenty(lambda x: (x * 0).sqrt() * x)  # planted
    with tg.autograd.detect_anomaly():
        loss = model(tg.randn(4, 8)).sum()
        assert loss.isfinite()
        with pytest.raises(
            RuntimeError, match=r"^mul: .* nan values .*# planted, in module layers\.13\.1$"
        ):
            loss.backward()


def test_an_infinite_gradient_is_traced_before_it_is_a_nan() -> None:
    model = twenty(lambda x: (x * 0).sqrt() + x)  # planted
    with tg.autograd.detect_anomaly(check_infinity=True):
        loss = model(tg.randn(4, 8)).sum()
        with pytest.raises(
            RuntimeError, match=r"^sqrt: .*returned infinite values .*layers\.13\.1$"
        ):
            loss.backward()


def test_a_nan_in_a_parameter_is_named_where_it_is_first_used() -> None:
    model = twenty(lambda x: x)
    dict(model.named_parameters())["layers.7.0.weight"].data[0, 0] = float("nan")
    with (
        tg.autograd.detect_anomaly(check_forward=True),
        pytest.raises(
            RuntimeError, match=r"^linear: its input 'weight' has NaN from before; .*layers\.7\.0$"
        ),
    ):
        model(tg.randn(4, 8))


def test_infinities_that_cancel_are_a_nan() -> None:
    with (
        tg.autograd.detect_anomaly(check_forward=True),
        pytest.raises(RuntimeError, match=r"^sub: computed a NaN from infinities"),
    ):
        tg.tensor(float("inf")) - tg.tensor(float("inf"))
