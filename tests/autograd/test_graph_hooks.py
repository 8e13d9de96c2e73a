"""Hooks on nodes, on saved tensors and on several gradients; nodes under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import tinygrad_mnist as tg


def numbers(x: Any) -> Any:
    if isinstance(x, tuple | list):
        return [numbers(part) for part in x]
    return x.detach().tolist() if hasattr(x, "detach") else x


def around_a_node(t: Any) -> Any:
    x, seen = t.ones(2, requires_grad=True), []
    y = x * 3
    z = y * y + 1
    z.grad_fn.register_prehook(lambda out: (out[0] * 5,))
    handle = z.grad_fn.register_hook(lambda ins, out: seen.append(numbers((ins[0], out))))
    y.grad_fn.register_hook(lambda ins, out: (ins[0] * 7, None))
    z.sum().backward(retain_graph=True)
    handle.remove()
    z.sum().backward()
    return x.grad, seen


def around_a_leaf(t: Any) -> Any:
    x, seen = t.ones(2, requires_grad=True), []
    end = (x * 3).grad_fn.next_functions[0][0]
    end.register_prehook(lambda out: (out[0] * 2,))
    end.register_hook(lambda ins, out: seen.append(numbers((ins, out))))
    (x * 3).sum().backward()
    return x.grad, seen


def around_several_outputs(t: Any) -> Any:
    x, seen = t.eye(2).requires_grad_(), []
    values = t.linalg.eigvalsh(x + t.tensor([[0.0, 0.0], [0.0, 1.0]]))
    values.grad_fn.register_hook(lambda ins, out: seen.append((len(ins), len(out))))
    values.sum().backward()
    return x.grad, [len(s) for s in seen]


def metadata(t: Any) -> Any:
    y = t.ones(2, requires_grad=True) * 3
    y.grad_fn.metadata["a"] = 1
    return y.grad_fn.metadata, y.grad_fn.name(), type(y.grad_fn).__name__


def packed(t: Any) -> Any:
    seen = []

    def pack(x: Any) -> Any:
        seen.append(x.tolist())
        return x.tolist()

    x = t.tensor([1.0, 2.0], dtype=t.float64, requires_grad=True)
    with t.autograd.graph.saved_tensors_hooks(pack, lambda x: t.tensor(x, dtype=t.float64)):
        y = (x * x).sigmoid()
    y.sum().backward()
    return x.grad, len(seen)


def packed_innermost(t: Any) -> Any:
    hooks = t.autograd.graph.saved_tensors_hooks
    x = t.tensor([1.0, 2.0], dtype=t.float64, requires_grad=True)
    with hooks(lambda x: x * 10, lambda x: x), hooks(lambda x: x * 3, lambda x: x):
        y = x.exp()
    y.mul_(0)  # not what is kept
    z = (x * x).exp()
    with t.autograd.graph.save_on_cpu(pin_memory=False):
        w = z * x
    (x.exp().sum() + w.sum()).backward()
    return x.grad


def packed_by_a_function(t: Any) -> Any:
    class Square(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 2 * ctx.saved_tensors[0]

    x = t.tensor([1.0, 2.0], dtype=t.float64, requires_grad=True)
    with t.autograd.graph.saved_tensors_hooks(lambda x: x * 10, lambda x: x):
        y = Square.apply(x)
    y.sum().backward()
    return x.grad


def packed_and_differentiated_twice(t: Any) -> Any:
    x = t.tensor([1.0, 2.0], dtype=t.float64, requires_grad=True)
    with t.autograd.graph.saved_tensors_hooks(
        lambda x: x.tolist(), lambda x: t.tensor(x, dtype=t.float64)
    ):
        y = (x * x).exp()
    (g,) = t.autograd.grad(y.sum(), x, create_graph=True)
    return t.cat((g, *t.autograd.grad(g.sum(), x)))


def several_gradients(t: Any) -> Any:
    a, b, c = (t.ones(1, requires_grad=True) for _ in range(3))
    seen: list[Any] = []
    h = a * 2
    register = t.autograd.graph.register_multi_grad_hook
    handle = register((h, b, c), lambda grads: seen.append(numbers(grads)))
    register((a, b), lambda grad: seen.append("any"), mode="any")
    (h * 3 + b * 5).backward(retain_graph=True)
    (h * 3 + b * 5 + c).backward(retain_graph=True)
    handle.remove()
    (h * 3).backward()
    return sorted(map(str, seen))


PROGRAMS = [
    around_a_node, around_a_leaf, around_several_outputs, metadata, packed, packed_innermost,
    packed_by_a_function, packed_and_differentiated_twice, several_gradients,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_hooks_see_and_change_what_they_do_in_pytorch(
    program: Callable[[Any], Any], torch: Any
) -> None:
    mine, theirs = numbers(program(tg)), numbers(program(torch))
    assert str(mine) == str(theirs) or mine == pytest.approx(theirs)


def test_hooks_on_saved_tensors_can_be_refused() -> None:
    graph = tg.autograd.graph
    with graph.disable_saved_tensors_hooks("not here"):
        with pytest.raises(RuntimeError, match="not here"):
            with graph.saved_tensors_hooks(lambda x: x, lambda x: x):
                pass
    x = tg.ones(1, requires_grad=True)
    with graph.saved_tensors_hooks(lambda x: x, lambda x: 3):
        y = x.exp()
    with pytest.raises(TypeError, match="unpack_hook must return a Tensor"):
        y.backward()
    with pytest.raises(RuntimeError, match="every tensor must require grad"):
        graph.register_multi_grad_hook((tg.ones(1),), print)
    y = x * 2
    y.grad_fn.register_hook(lambda ins, out: ())
    with pytest.raises(RuntimeError, match="must return None or 2 gradients, got 0"):
        y.backward()


def test_a_node_prints_as_an_object_and_a_tensor_names_it() -> None:
    y = tg.ones(1, requires_grad=True) * 2
    assert repr(y.grad_fn).startswith("<MulBackward0 object at 0x")
    assert repr(y) == "tensor([2.], grad_fn=<MulBackward0>)"
    assert isinstance(y.grad_fn, tg.autograd.graph.Node)
    assert y.grad_fn is y.grad_fn
