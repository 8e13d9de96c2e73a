"""The printed program of a step runs as it stands, and does what the step does."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler.compiled import Compiled
from tinygrad_mnist.compiler.printing import broken
from tinygrad_mnist.compiler.step import Step

NETWORKS: dict[str, Callable[[], list[nn.Module]]] = {
    "relu": lambda: [nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 3)],
    "dropout": lambda: [nn.Linear(12, 8), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(8, 3)],
    "batch norm": lambda: [nn.Linear(12, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 3)],
    "images": lambda: [
        nn.Unflatten(1, (1, 4, 3)), nn.Conv2d(1, 4, 2), nn.ReLU(), nn.MaxPool2d((3, 2)),
        nn.Flatten(), nn.Linear(4, 3),
    ],
}  # fmt: skip
OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "sgd": lambda p: tg.optim.SGD(p, lr=0.1),
    "momentum": lambda p: tg.optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.01),
    "adam": lambda p: tg.optim.Adam(p, lr=0.01),
}


def network(kind: str) -> nn.Module:
    tg.manual_seed(0)
    return nn.Sequential(*NETWORKS[kind]())


def training(model: nn.Module, optimizer: Any) -> Callable[..., Any]:
    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return step


def batches(count: int) -> list[tuple[tg.Tensor, tg.Tensor]]:
    source = np.random.default_rng(0)
    return [
        (
            tg.from_numpy(source.standard_normal((6, 12), dtype=np.float32)),
            tg.from_numpy(source.integers(0, 3, 6)),
        )
        for _ in range(count)
    ]


def compiled(kind: str, optimizer: str = "sgd") -> tuple[Step, nn.Module]:
    model = network(kind)
    step = Compiled(training(model, OPTIMIZERS[optimizer](model.parameters())))
    for x, y in batches(4):
        step(x, y)
    (program,) = step.steps.values()
    assert program.built is not None, program.stopped
    return program, model


def run_text(text: str, state: dict[str, Any]) -> dict[str, Any]:
    """Execute a text in a fresh namespace, and fill in the parameters that its comments name."""
    space: dict[str, Any] = {}
    exec(compile(text, "<source>", "exec"), space)
    for name, path in re.findall(r"^(\w+) = np\.zeros\(.*# (\S+)$", text, re.MULTILINE):
        space[name][...] = state.pop(path)
    assert not state
    return space


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", NETWORKS)
def test_the_text_runs_in_a_fresh_namespace_and_gives_the_numbers_of_the_step(
    kind: str, optimizer: str
) -> None:
    program, _ = compiled(kind, optimizer)
    assert program.built is not None
    model = network(kind)
    state = {name: x.numpy().copy() for name, x in model.state_dict().items()}
    space = run_text(program.built.source(), state)
    step = training(model, OPTIMIZERS[optimizer](model.parameters()))
    tg.manual_seed(1)
    expected = [step(x, y).item() for x, y in batches(5)]
    tg.manual_seed(1)
    losses = []
    for x, y in batches(5):
        returned = space["step"](x.numpy(), y.numpy())
        losses.append(float(returned[0] if isinstance(returned, tuple) else returned))
    assert losses == expected
    gradient = returned[1] if kind == "images" else space["g_w0"]
    np.testing.assert_array_equal(gradient, next(model.parameters()).grad)


def test_lines_name_module_operation_and_rule() -> None:
    program, _ = compiled("relu")
    assert program.built is not None
    text = program.built.source()
    for line in (
        "np.matmul(x, w0.T, out=h0) # 0 linear",
        "np.add(h0, b0, out=h0)",
        "np.maximum(h0, 0, out=h0) # 1 relu",
        "np.not_equal(h0, 0, out=mask0) # 1 relu's rule",
        "sgd.update(w0, g_w0, state0, settings)",
    ):
        assert line in re.sub(" +", " ", text), text
    headings = re.findall(r"^    # ([A-Z]\w+)$", text, re.MULTILINE)
    assert headings == ["Forward", "Backward", "Update"]


def test_lines_are_no_longer_than_the_page() -> None:
    program, _ = compiled("batch norm", "adam")
    assert program.built is not None
    assert max(map(len, program.built.source().splitlines())) <= 92


def test_numbers_of_a_checkpoint_and_a_schedule_count_in_the_next_step() -> None:
    outcomes = []
    for wrap in (lambda step: step, Compiled):
        model = network("relu")
        optimizer = tg.optim.Adam(model.parameters(), lr=0.01)
        step = wrap(training(model, optimizer))
        losses = [step(x, y).item() for x, y in batches(5)]
        saved = optimizer.state_dict()
        saved["param_groups"][0]["lr"] = 0.5
        optimizer.load_state_dict(saved)
        losses += [step(x, y).item() for x, y in batches(3)]
        optimizer.param_groups[0]["lr"] = 0.001
        optimizer.state.clear()
        losses += [step(x, y).item() for x, y in batches(3)]
        outcomes.append(losses)
    assert outcomes[0] == outcomes[1]


def test_what_belongs_to_the_backward_pass_stands_there_and_what_comes_after_it_after_it() -> None:
    tg.manual_seed(0)
    layer = nn.Linear(4, 3)
    optimizer = tg.optim.SGD(layer.parameters(), lr=0.1)
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, 10)

    @tg.compile(fullgraph=True)
    def train(x: tg.Tensor) -> dict[str, Any]:
        optimizer.zero_grad()
        out = F.dropout(layer(x), 0.5)[:, 1:]
        loss = (out * out).sum() + out.mean()
        loss.backward()
        nn.utils.clip_grad_norm_(layer.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        return {"cost": loss.item(), "largest": out.max()}

    for _ in range(4):
        train(tg.ones(5, 4))
    text = train.source()
    body = re.split(r"\n    # ([A-Z]\w+)\n", text[text.index("def train(x):\n") :])
    parts = dict(zip(body[1::2], body[2::2], strict=True))
    assert list(parts) == ["Forward", "Backward", "Update", "Afterwards"], text
    assert "bernoulli(0.5" in parts["Forward"]
    for said in ("# scatter_into_zeros of gradients", "# sum of gradients", "clip_norm(1.0, "):
        assert said in parts["Backward"], text
    assert "steplr.step()" in parts["Afterwards"] and "cost = " in parts["Afterwards"]
    assert "return largest, cost" in parts["Afterwards"]
    assert "given: a function" not in text


def test_a_model_has_two_programs_with_its_own_names() -> None:
    tg.manual_seed(0)
    model = tg.compile(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3)))
    for _ in range(6):
        model(tg.ones(5, 4)).sum().backward()
    forward = model.source()
    model.eval()
    with tg.no_grad():
        for _ in range(4):
            model(tg.ones(5, 4))
    assert model.source() != forward
    backward = model.source("backward")
    assert "def forward(input):" in forward and "_orig_mod" not in forward + backward
    assert "return out, input, kept0" in forward and "def backward(g, input, kept0)" in backward
    with pytest.raises(ValueError, match="no part 'both'; choose forward or backward"):
        model.source("both")


def test_long_lines_break_after_commas_and_not_in_strings() -> None:
    call = "    x = f(" + ", ".join(["'a, (b', 1"] * 20) + ", size=(50, 50))"
    text = broken(call)
    assert max(map(len, text.splitlines())) <= 92
    assert re.sub(r"\n +", " ", text) == call
    assert {len(line) - len(line.lstrip()) for line in text.splitlines()[1:]} == {8}


def test_several_networks_are_told_apart_by_their_variables() -> None:
    tg.manual_seed(0)
    encoder, decoder = nn.Sequential(nn.Linear(4, 2)), nn.ModuleDict({"out": nn.Linear(2, 4)})
    optimizer = tg.optim.SGD([*encoder.parameters(), *decoder.parameters()], lr=0.1)

    @tg.compile
    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = F.mse_loss(decoder["out"](encoder(x)), x)
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(4):
        step(tg.ones(5, 4))
    text = re.sub(" +", " ", step.source())
    for said in (
        "# encoder.0.weight", "# decoder.out.bias", "# encoder.0 linear\n", "# decoder.out linear\n",
        "# decoder.out linear's rule", "# encoder.0 linear's rule", "# decoder.out.weight's gradient",
    ):  # fmt: skip
        assert said in text, text
