"""Writing to elements, rows and blocks of a tensor, beside PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_mnist as tg

PROGRAMS = [
    "x = t.zeros(4, 6); x[3, 5] += 1; x[1:3] += t.arange(6.); x[:, 2] -= t.tensor(2.); x[0] *= 3",
    "x = t.arange(12.).view(3, 4); x[0], x[1] = x[1], x[0]",
    "x = t.arange(12.).view(3, 4); x[0] = x[0]; x[[0, 1]] = x[[1, 0]]; x[1] = x[2]",
    "x = t.arange(12.).view(3, 4); x /= x[:1].clone() + 1; x += t.ones(3, 1); x[2] += 1e300",
    "x = t.ones(3); x[0] = x.view(t.int32)[0]",  # the same memory, but other numbers
    "x = t.zeros(2, 3).t(); x += t.ones(2)",
    "x = t.arange(4); x += 3; x[1] -= 10; x //= 3; x += 2**40; x += True",
    "x = t.ones(3, dtype=t.float64); x += t.ones(3); x += t.ones(1, dtype=t.float64)",
    "x = t.ones(2).half(); x += 70000",
    "x = t.zeros(0); x += t.ones(1)",
    "x = t.tensor(1.); x += t.tensor(2.)",
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_elements_are_what_pytorch_writes(program: str, torch: Any) -> None:
    ends = []
    for t in (tg, torch):
        scope = {"t": t}
        exec(program, scope)
        ends.append((str(scope["x"].dtype), scope["x"].tolist()))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("shape, other", [((3,), (2, 3)), ((3,), (1, 3)), ((1,), (3,)), ((), (1,))])
def test_a_sum_that_does_not_fit_is_refused(shape: tuple[int, ...], other: tuple[int, ...]) -> None:
    with pytest.raises(RuntimeError):
        tg.ones(shape).add_(tg.ones(other))


def test_one_block_is_joined_after_another(torch: Any) -> None:
    ends = []
    for t in (tg, torch):
        a = t.ones(2, 3, requires_grad=True)
        b = t.tensor([1.0, 2.0], requires_grad=True)
        y = t.block_diag(a, b, t.tensor(3.0), t.zeros(0), t.tensor([[1]]))
        (y * y).sum().backward()
        ends.append((y.tolist(), a.grad.tolist(), b.grad.tolist()))
    assert ends[0] == ends[1]


WINDOWS = [
    "x.unfold(1, 2, 2).detach()[0, 0] += 1",
    "x.unfold(1, 3, 3).data.mul_(2)",
    "x.unfold(1, 3, 3).detach().numpy()[1, 1] = 4",
    "x.as_strided((2, 2), (6, 1)).detach().add_(3)",
    "x[:, :1].expand(2, 3).data.fill_(8.0)",
    "x.t().unfold(0, 2, 2).detach().add_(1)",
]


@pytest.mark.parametrize("program", WINDOWS)
def test_windows_are_written_through_without_their_history(program: str, torch: Any) -> None:
    ends = []
    for t in (tg, torch):
        x = t.arange(12.0).reshape(2, 6)
        exec(program, {"x": x})
        ends.append(x.tolist())
    assert ends[0] == ends[1]


def test_windows_that_overlap_are_not_written_to() -> None:
    x = tg.zeros(6)
    for view in (x.unfold(0, 3, 1).detach(), x[:1].expand(4).data):
        with pytest.raises(RuntimeError, match="several elements"):
            view.add_(1)
    assert x.tolist() == [0] * 6


@pytest.mark.parametrize(
    "call",
    ["t.relu(x)", "x.abs()", "-x", "x.clamp(0, 1)", "F.leaky_relu(x)", "t.where(x > 0, x, 0.0)",
     "F.gelu(x)", "F.silu(x)", "F.elu(x)", "x.square()", "x * 2", "x.lerp(x, 0.5)"],
)  # fmt: skip
def test_elementwise_results_keep_an_order_that_a_script_knows(call: str, torch: Any) -> None:
    ends = []
    for t in (tg, torch):
        x = (t.arange(6.0).view(2, 3) - 2).t()
        y = eval(call, {"t": t, "F": t.nn.functional, "x": x})
        y.t().reshape(-1)[0] = 5.0
        ends.append((y[0, 0].item(), y.stride()))
    assert ends[0] == ends[1]
