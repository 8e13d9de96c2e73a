"""functional_call puts tensors in the place of whatever tensors a module has."""

from __future__ import annotations

from typing import Any

import pytest

import tinygrad_mnist as tg


def module(t: Any) -> Any:
    """Return a module with all the kinds of tensors that one can have."""

    class Part(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.y = t.ones(2) * 2

    class Whole(t.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.x, self.n, self.part = t.ones(2), 3, Part()
            self.linear = t.nn.Linear(2, 2, bias=False)
            self.tied = self.linear.weight
            self.register_buffer("b", t.ones(2))
            self.register_buffer("none", None)
            with t.no_grad():
                self.linear.weight.fill_(1.0)

        def forward(self, a: Any) -> Any:
            out = self.x * a + self.part.y + self.linear(a) + self.b + self.tied.sum()
            return out if self.none is None else out + self.none

    return Whole()


REPLACED = [
    "{'x': s}", "{'part.y': s}", "{'linear.bias': s}", "{'none': s}", "{'nope': s}",
    "{'part.nope': s}", "{'linear.weight': z}", "{'tied': z}", "{'tied': z, 'linear.weight': z}",
    "[{'x': s}, {'b': t.zeros(2)}]", "{'n': s}", "{'nopart.y': s}", "{'x': 3.0}", "{'b': [1.0]}",
    "{'tied': z, 'linear.weight': t.ones(2, 2)}", "{'linear': s}",
]  # fmt: skip


@pytest.mark.parametrize("settings", [{}, {"tie_weights": False}, {"strict": True}])
@pytest.mark.parametrize("given", REPLACED)
def test_what_is_replaced_is_what_pytorch_replaces(
    torch: Any, given: str, settings: dict[str, Any]
) -> None:
    results: list[Any] = []
    for t in (tg, torch):
        net = module(t)
        before = {**net.state_dict(), "x": net.x, "y": net.part.y, "n": net.n}
        s = t.tensor([5.0, 6.0], requires_grad=True)
        values = eval(given, {"t": t, "s": s, "z": t.zeros(2, 2)})
        try:
            out = t.func.functional_call(net, values, (t.tensor([1.0, 2.0]),), **settings)
            if out.requires_grad:
                out.sum().backward()
            results.append((out.tolist(), None if s.grad is None else s.grad.tolist()))
        except (RuntimeError, TypeError, ValueError, AttributeError) as error:
            results.append(Exception if isinstance(error, AttributeError) else type(error))
        after = {**net.state_dict(), "x": net.x, "y": net.part.y, "n": net.n}
        assert list(after) == list(before)
        for name in ("x", "y", "n"):
            assert after[name] is before[name]
        assert net.linear.bias is None
        assert net.none is None
    mine, theirs = results
    if isinstance(theirs, type):
        assert issubclass(mine, theirs)
    else:
        assert mine == theirs
