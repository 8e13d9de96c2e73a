"""Users' own operations."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import Function, grad, gradcheck, gradgradcheck


class Exp(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor) -> tg.Tensor:
        out = x.exp()
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor) -> tg.Tensor:
        (out,) = ctx.saved_tensors
        return g * out


class Split(Function):
    @staticmethod
    def forward(ctx: Any, x: tg.Tensor, scale: float) -> tuple[tg.Tensor, tg.Tensor]:
        ctx.save_for_backward(x)
        ctx.scale = scale
        return x * scale, x * x

    @staticmethod
    def backward(ctx: Any, g: tg.Tensor, h: tg.Tensor) -> tuple[tg.Tensor, None]:
        (x,) = ctx.saved_tensors
        return g * ctx.scale + h * 2 * x, None


def leaf(*values: float) -> tg.Tensor:
    return tg.tensor(list(values), dtype=tg.float64, requires_grad=True)


def test_first_and_second_derivatives_agree_with_differences() -> None:
    x = leaf(0.3, -0.5)
    assert gradcheck(Exp.apply, x)
    assert gradgradcheck(Exp.apply, x)
    assert gradcheck(lambda x: Split.apply(x, 3.0), x)
    assert gradgradcheck(lambda x: Split.apply(x, 3.0), x)


def test_unused_output_gets_zeros() -> None:
    x = leaf(2.0)
    Split.apply(x, 3.0)[1].sum().backward()
    assert x.grad.tolist() == [4.0]


def test_context_tells_which_inputs_need_a_gradient() -> None:
    seen = []

    class Asking(Function):
        @staticmethod
        def forward(ctx: Any, x: Any, y: Any) -> Any:
            seen.append(ctx.needs_input_grad)
            return x * y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, None

    Asking.apply(leaf(1.0), tg.ones(1, dtype=tg.float64))
    assert seen == [(True, False)]


def test_saved_tensor_that_was_written_to_is_noticed() -> None:
    x = leaf(1.0)
    out = Exp.apply(x)
    with tg.no_grad():
        out.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation, setitem"):
        out.sum().backward()


def test_second_backward_is_an_error_and_the_graph_frees_itself() -> None:
    x = leaf(1.0)
    out = Exp.apply(x)
    out.sum().backward(retain_graph=True)
    out.sum().backward()
    with pytest.raises(RuntimeError, match="second time"):
        out.sum().backward()
    gc.disable()
    try:
        node = weakref.ref(out.grad_fn)
        del out
        assert node() is None
    finally:
        gc.enable()


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ((), "backward returned 0 gradients"),
        ((tg.ones(5),), "returned a gradient of shape"),
        (("text",), "returned a str for input 0"),
        ((tg.ones(1), tg.ones(1)), "backward returned 2 gradients"),
    ],
)
def test_wrong_backward_is_a_sentence(returned: Any, message: str) -> None:
    class Wrong(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return returned

    with pytest.raises((RuntimeError, TypeError), match=f"Wrong: .*{message}"):
        Wrong.apply(tg.ones(3, requires_grad=True)).sum().backward()


def test_input_returned_unchanged_is_a_new_tensor() -> None:
    class Same(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * 7

    x = leaf(1.0)
    out = Same.apply(x)
    assert out is not x
    assert grad(out.sum(), x)[0].tolist() == [7.0]
    assert x.is_leaf


def test_non_differentiable_outputs_and_marks() -> None:
    class Sorted(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            order = tg.from_numpy(np.argsort(x.detach().numpy()))
            ctx.mark_non_differentiable(order)
            ctx.save_for_backward(order)
            return x[order], order

        @staticmethod
        def backward(ctx: Any, g: Any, _: Any) -> Any:
            (order,) = ctx.saved_tensors
            out = tg.zeros_like(g)
            out[order] = g
            return out

    x = leaf(3.0, 1.0)
    values, order = Sorted.apply(x)
    assert not order.requires_grad
    (values * tg.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [2.0, 1.0]


def doubling(t: Any, marks: bool = True) -> Any:
    class Double(t.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, w: Any) -> Any:
            x.mul_(w)
            if marks:
                ctx.mark_dirty(x)
            ctx.save_for_backward(w)
            return x, w * 3, "text", None

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any, *nothing: Any) -> Any:
            assert nothing == (None, None)
            (w,) = ctx.saved_tensors
            return g * w, h * 3

    return Double


def test_inputs_changed_in_place_get_the_functions_history(torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        a, w = t.ones(2, 2, requires_grad=True), t.tensor([2.0, 3.0], requires_grad=True)
        b, c = a * 1, t.zeros(2, 2)
        out, scaled, text, nothing = doubling(t).apply(b, w)
        again = doubling(t).apply(c, w)[0]
        (b.sum() + out.sum() + scaled.sum() + (c * 2).sum() + again.sum()).backward()
        same = out is b
        return [same, text, nothing, b.tolist(), a.grad.tolist(), w.grad.tolist()]

    assert run(tg) == run(torch)


def test_view_changed_in_place_changes_the_history_of_its_base() -> None:
    a = tg.ones(2, 2, requires_grad=True)
    b = a * 1
    doubling(tg).apply(b[0], tg.tensor([2.0, 3.0]))
    b.sum().backward()
    assert a.grad.tolist() == [[2.0, 3.0], [1.0, 1.0]]


def test_marks_that_make_no_sense_are_refused() -> None:
    w = tg.ones(2)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        doubling(tg).apply(leaf(1.0, 2.0), w.double())

    class Lost(Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.mark_dirty(x)
            return x * 2

    with pytest.raises(RuntimeError, match="must return every input it marks dirty"):
        Lost.apply(leaf(1.0) * 1)


def test_input_that_is_handed_through_is_a_view_that_cannot_be_written_to(torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        class Same(t.autograd.Function):
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                return x

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                return g * 5

        x = t.ones(2, requires_grad=True)
        y = Same.apply(x)
        y.sum().backward()
        with pytest.raises(RuntimeError):
            Same.apply(x * 1).mul_(2)
        return [y is x, y.data_ptr() == x.data_ptr(), x.grad.tolist(), y.grad_fn.name()]

    assert run(tg) == run(torch)


def test_gradients_arrive_in_batches(torch: Any) -> None:
    def run(t: Any) -> list[Any]:
        x = t.tensor([1.0, 2.0], requires_grad=True)
        y = x**2
        rows = t.autograd.grad(y, x, t.eye(2), is_grads_batched=True)
        return [r.tolist() for r in rows]

    assert run(tg) == run(torch)


def test_numbers_are_those_of_pytorch(torch: Any) -> None:
    class TheirSplit(torch.autograd.Function):
        forward = staticmethod(Split.forward)
        backward = staticmethod(Split.backward)

    x = leaf(0.3, -0.5)
    y = torch.tensor(x.tolist(), dtype=torch.float64, requires_grad=True)
    a, b = Split.apply(x, 2.0)
    c, d = TheirSplit.apply(y, 2.0)
    (a * b).sum().backward()
    (c * d).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy())


def test_forward_without_context_and_separate_setup(torch: Any) -> None:
    results = []
    for t in (tg, torch):

        class Scale(t.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(x: Any, factor: float) -> Any:
                return x * factor, x.sum()

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                x, ctx.factor = inputs
                ctx.save_for_backward(x, output[0])
                ctx.set_materialize_grads(False)

            @staticmethod
            def backward(ctx: Any, g: Any, h: Any) -> Any:
                assert h is None
                x, out = ctx.saved_tensors
                return g * ctx.factor + 0 * (x + out), None

        x = t.tensor([0.3, -0.5], requires_grad=True)
        a, _ = Scale.apply(x, 2.0)
        a.square().sum().backward()
        results.append(x.grad.tolist())
    np.testing.assert_allclose(results[0], results[1])


def test_function_marked_once_differentiable_is_not_differentiated_twice(torch: Any) -> None:
    for t in (tg, torch):

        class Square(t.autograd.Function):  # type: ignore[misc, name-defined]
            @staticmethod
            def forward(ctx: Any, x: Any) -> Any:
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            @t.autograd.function.once_differentiable
            def backward(ctx: Any, g: Any) -> Any:
                (x,) = ctx.saved_tensors
                assert not (x * g).requires_grad
                return 2 * x * g

        x = t.tensor([3.0], requires_grad=True)
        Square.apply(x).backward()
        assert x.grad.item() == 6.0
        (first,) = t.autograd.grad(Square.apply(x) ** 2, x, create_graph=True)
        assert first.item() == 108.0
        with pytest.raises(RuntimeError, match="once_differentiable"):
            first.backward()


def test_variable_is_a_leaf_on_the_same_memory(torch: Any) -> None:
    for t in (tg, torch):
        x = t.ones(2)
        v = t.autograd.Variable(x, requires_grad=True)
        assert v.requires_grad
        assert not x.requires_grad
        assert isinstance(x, t.autograd.Variable)
        assert not isinstance(3, t.autograd.Variable)
        x.fill_(4)
        assert v.tolist() == [4.0, 4.0]
        with pytest.raises(TypeError, match="tensor"):
            t.autograd.Variable([1.0])
