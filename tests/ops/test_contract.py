"""The contract: an incomplete entry is refused, and what a rule asks for is what is saved."""

from __future__ import annotations

import gc
import pkgutil
import weakref
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tinygrad_mnist import Tensor, float64, ops, tensor
from tinygrad_mnist.autograd import apply, apply_multi, grad, gradcheck, gradgradcheck
from tinygrad_mnist.autograd.gradcheck import GradcheckError
from tinygrad_mnist.ops.contract import TABLE, Domain, Sample, op

COMPLETE: dict[str, Any] = {
    "formula": "x", "torch": "x", "samples": [Sample((2,))], "doc": "Something.",
}  # fmt: skip


@pytest.fixture(autouse=True)
def leave_the_table_as_it_was() -> Any:
    before = dict(TABLE)
    yield
    TABLE.clear()
    TABLE.update(before)


def make(forward: Any, name: str = "made", **rules: Any) -> ops.Op:
    return op(name, forward, **{**COMPLETE, **rules})


@pytest.mark.parametrize("missing", ["samples", "formula", "torch", "doc"])
def test_entry_without_something_is_refused(missing: str) -> None:
    with pytest.raises(TypeError, match=f"operation 'made': it has no {missing}; "):
        op("made", lambda x: x, x=lambda g: g, **{**COMPLETE, missing: ""})
    assert "made" not in TABLE


def test_entry_without_a_rule_for_an_input_is_refused() -> None:
    with pytest.raises(TypeError, match="give one rule per input"):
        make(lambda x, y: x + y, x=lambda g: g)


@pytest.mark.parametrize("rule", [lambda g, z: g, lambda x: x, lambda: 0, min])
def test_rule_that_asks_for_something_unknown_is_refused(rule: Any) -> None:
    with pytest.raises(TypeError, match="'made': the rule for 'x' must take g, then"):
        make(lambda x: x, x=rule)


def test_operation_cannot_be_declared_twice() -> None:
    with pytest.raises(TypeError, match="'exp': there is one of this name; choose another"):
        make(lambda x: x, name="exp", x=lambda g: g)


def test_promotion_that_an_operation_of_several_outputs_has_not_is_refused() -> None:
    with pytest.raises(TypeError, match="'made': an operation of several outputs takes its inputs"):
        make(lambda x: (x, x), x=lambda g: g[0], outputs=["a", "b"], promotes="float")


def test_residuals_need_a_reference() -> None:
    with pytest.raises(TypeError, match="reference"):
        make(lambda x: (x, x), x=lambda g: g, residuals=["twice"])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("promotes", "flaot", "promotes must be 'float', 'common' or '', got 'flaot'"),
        ("narrow", "z", "narrow must be made of the letters e, f, got 'z'"),
        ("formula", 3, "formula must be an equation as a string, such as 'exp(-x**2)', got 3"),
        ("torch", 3, "torch must be an expression of PyTorch's as a string"),
        ("doc", 3, "doc must be a string, got 3"),
        ("view", 1, "view must be True or False, got 1"),
        ("domains", 3, "domains must be a Domain, or a dict with one for each of some inputs"),
        ("domains", {"y": Domain()}, "domains has 'y', which is no input; those are x"),
        ("domains", {"x": (0, 1)}, "domains['x'] must be a Domain, got (0, 1)"),
        ("samples", Sample((2,)), "samples must be a list, such as [Sample((2, 3))], got Sample"),
        ("samples", [(2,)], "samples[0] must be a Sample, such as Sample((2, 3)), got (2,)"),
        ("samples", [Sample((2,), 3)], "the number of inputs (x) must be 1, but 2 were given"),
        ("samples", [Sample((2,), dim=0)], "samples[0] is Sample((2,), dim=0): there is no"),
        ("residuals", "slope", "residuals must be a list of names, got 'slope'"),
        ("outputs", [3], "outputs and residuals must be lists of names, got 3"),
        ("outputs", ["x"], "'x' names two of its inputs, settings, outputs and residuals"),
        ("node_name", 3, "node_name must be a string, or a function of the node that returns"),
        ("ufunc", abs, "ufunc must be a ufunc of NumPy's, got <built-in function abs>"),
        ("check", abs, "check is called before inputs are promoted; give promotes too"),
        ("reference", "relu", "reference must be a function, got 'relu'"),
        ("reference", lambda: 0, "reference is called with (x), but it takes ()"),
        ("misfit", min, "no signature found for builtin <built-in function min>; write a lam"),
        ("part", lambda dim: 0, "part is called with (), but it takes (dim)"),
        ("misfit", lambda x, y: "", "misfit is called with (x), but it takes (x, y)"),
        ("invariant", lambda: [], "invariant is called with (out), but it takes ()"),
        ("once_differentiable", True, "only once; give a reference composed of other operations"),
        ("y", None, "its inputs are x, but there are rules for x, y; give one"),
        ("promote", "float", "there is no field 'promote'; did you mean 'promotes'?"),
        ("referenc", abs, "there is no field 'referenc'; did you mean 'reference'?"),
        ("x", 3, "the rule for 'x' must be a function of g, or None, got 3"),
    ],
)
def test_field_with_a_value_that_it_cannot_have_is_refused(
    field: str, value: Any, said: str
) -> None:
    with pytest.raises(TypeError, match=r"^operation 'made': ") as caught:
        make(lambda x: x, **{"x": lambda g: g, field: value})
    assert said in str(caught.value)
    assert "made" not in TABLE


@pytest.mark.parametrize(
    ("forward", "rules", "said"),
    [
        (3, ["x"], "forward must be a function of arrays, got 3"),
        (lambda: 0, [], "forward must take at least one input"),
        (lambda x, **y: 0, ["x"], "forward must name its settings, but it takes keywords of any"),
        (min, ["x"], "no signature found for builtin <built-in function min>; write a lambda"),
        (lambda x, *y: x, ["x", "y"], "forward must name all of its inputs, or take any number"),
        (np.add, ["x"], "its inputs are the 2 of np.add, but there are rules for x; give one"),
        (lambda x, *, dim: x, ["x"], "samples[0] is Sample((2,)): the setting 'dim' is missing"),
    ],
)
def test_forward_that_nothing_can_be_known_of_is_refused(
    forward: Any, rules: list[str], said: str
) -> None:
    with pytest.raises(TypeError, match=r"^operation 'made': ") as caught:
        make(forward, **dict.fromkeys(rules))
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["my op", "", 3])
def test_name_that_no_function_can_have_is_refused(name: Any) -> None:
    with pytest.raises(TypeError, match="its name must be one that a function of Python's can"):
        make(lambda x: x, name=name, x=lambda g: g)


@pytest.mark.parametrize("fields", [{"low": 3.0}, {"low": "a"}, {"kinks": 0.0}])
def test_domain_that_nothing_can_be_drawn_from_is_refused(fields: Any) -> None:
    with pytest.raises(TypeError, match=r"^Domain\(low=.*: give "):
        Domain(**fields)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_call_that_does_not_fit_the_signature_says_what_is_missing(requires_grad: bool) -> None:
    x = tensor([1.0, 2.0], requires_grad=requires_grad)
    for op_, inputs, settings, said in [
        (ops.sum, [x], {}, "sum: the setting 'dim' is missing; give it by name: dim=..."),
        (ops.sum, [x], {"dmi": 0}, "sum: there is no setting 'dmi'; those that it has: dim, keepd"),
        (ops.exp, [x], {"dim": 0}, "exp: there is no setting 'dim'; those that it has: none"),
        (ops.sum, [x, x], {"dim": 0}, "sum: the number of inputs (x) must be 1, but 2 were given"),
        (ops.mul, [x], {}, "mul: the number of inputs (x, y) must be 2, but 1 was given"),
        (ops.mul, [], {}, "mul: the number of inputs (x, y) must be 2, but 0 were given"),
        (ops.where, [x], {}, "where: the number of inputs (condition, x, y) must be 3, but 1 was"),
        (ops.linear, [x], {}, "linear: the number of inputs (x, weight, bias) must be 2 to 3, but"),
    ]:
        for call in (apply, op_):
            arrays = [a.detach().numpy() for a in inputs] if call is op_ else [op_, *inputs]
            with pytest.raises(TypeError) as caught:
                call(*arrays, **settings)
            assert str(caught.value).startswith(said)
            assert caught.value.__cause__ is None


def test_input_too_many_for_a_ufunc_is_not_taken_for_its_output() -> None:
    x = tensor([1.0], requires_grad=True)
    with pytest.raises(TypeError, match="must be 2, but 3 were given"):
        apply(ops.mul, x, tensor([2.0]), tensor([3.0]))


def test_sum_saves_nothing_and_product_only_the_other_factor() -> None:
    x, c = tensor([1.0], requires_grad=True), tensor([2.0])
    assert (x + x).grad_fn.saved == ()
    assert (x.sum()).grad_fn.saved == ()
    (saved,) = (x * c).grad_fn.saved
    assert saved is c._array
    assert len((x * x).grad_fn.saved) == 2


def test_rule_of_an_untracked_input_never_runs() -> None:
    ran = []
    counted = make(
        lambda x, y: x * y,
        x=lambda g, y: ran.append("x") or g * y,
        y=lambda g, x: ran.append("y") or g * x,
        samples=[Sample((2,), (2,))],
    )
    apply(counted, tensor([1.0]), tensor([2.0], requires_grad=True)).sum().backward()
    assert ran == ["y"]


def test_tracked_input_without_a_rule_is_refused_not_dropped() -> None:
    weight = tensor([1.0, 1.0], requires_grad=True)
    logits = tensor([[0.0, 1.0]], requires_grad=True)
    with pytest.raises(RuntimeError, match="derivative with respect to 'weight' is not defined"):
        apply(ops.nll_loss, logits, tensor([1]), weight, ignore_index=-100, reduction="mean")


def test_rule_of_wrong_shape_is_an_error_that_names_the_operation() -> None:
    """A missing un-broadcast, transposition or sum can't pass in silence."""
    wrong = make(lambda x: x.T @ x, x=lambda g, x: x @ g @ x.T)
    out = apply(wrong, tensor([[1.0, 2.0, 3.0]], requires_grad=True))
    with pytest.raises(RuntimeError, match=r"made: its rule for 'x' returned a gradient of shape"):
        out.sum().backward()


def test_rule_of_wrong_dtype_is_an_error_that_names_the_operation() -> None:
    wrong = make(lambda x: x * 2, x=lambda g: g * np.float64(2))
    out = apply(wrong, tensor([1.0, 2.0], requires_grad=True))
    with pytest.raises(RuntimeError, match="made: its rule for 'x' returned a gradient of dtype"):
        out.sum().backward()


X = np.array([[0.3, -0.7], [1.1, 0.4]])


@pytest.mark.parametrize(
    ("forward", "rule", "cause"),
    [
        (np.sin, lambda g, x: -g * np.cos(x), "sign is reversed"),
        (np.square, lambda g, x: g * x, "a factor: the gradient is 0.5 times"),
        (lambda x: x @ X, lambda g: X @ g.T, "is wrong"),
        (lambda x: x * X, lambda g: (g * X).T, "is wrong"),
        (lambda x: x.T * X, lambda g: g * X, "transposed"),
        (lambda x: x * x.sum(), lambda g, x: g * x.sum(), "is wrong"),
        (lambda x: x - x.max(axis=1, keepdims=True), lambda g: g, "is wrong"),
        (np.exp, lambda g: g * 0, "gradient is zero"),
        (lambda x: np.exp(x), lambda g, out: g * out + 1e-3, "is wrong"),
    ],
    ids=["sign", "factor", "transposed product", "transposed", "transposed input",
         "dropped term", "dropped maximum", "nothing", "small offset"],
)  # fmt: skip
def test_checker_catches_a_wrong_rule(forward: Any, rule: Any, cause: str) -> None:
    wrong = make(forward if not isinstance(forward, np.ufunc) else (lambda x: forward(x)), x=rule)
    x = tensor(X.copy(), requires_grad=True)
    with pytest.raises(GradcheckError, match=cause):
        gradcheck(lambda x: apply(wrong, x), x)
    assert not gradcheck(lambda x: apply(wrong, x), x, raise_exception=False)


def test_checker_catches_a_missing_unbroadcast() -> None:
    wrong = make(lambda x: np.broadcast_to(x, (3, 2)), x=lambda g: g[:1])
    with pytest.raises(GradcheckError, match="is wrong"):
        gradcheck(lambda x: apply(wrong, x), tensor(X[:1].copy(), requires_grad=True))


def test_checker_names_a_missing_sum() -> None:
    wrong = make(
        lambda x: x.sum(axis=1, keepdims=True) + 0 * x, x=lambda g: g.copy(), name="spread"
    )
    with pytest.raises(GradcheckError, match="missing sum over dimension 1"):
        gradcheck(lambda x: apply(wrong, x), tensor(X.copy(), requires_grad=True))


def test_checker_names_a_kink() -> None:
    x = tensor(np.array([0.0]), requires_grad=True)
    with pytest.raises(GradcheckError, match="a kink"):
        gradcheck(lambda x: x.relu(), x)


def test_checker_names_a_function_that_is_not_deterministic() -> None:
    calls = iter(range(100))
    noisy = make(lambda x: x + 0.0, x=lambda g: g + next(calls), name="noisy")
    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(lambda x: apply(noisy, x), tensor(X.copy(), requires_grad=True))


def test_checker_reports_the_worst_element_with_both_values() -> None:
    def rule(g: Any, x: Any) -> Any:
        gradient = 2 * g * x
        gradient[1, 0] += 5 * g[1, 0]
        return gradient

    wrong = make(lambda x: x * x, x=rule)
    with pytest.raises(GradcheckError, match=r"input element \[1, 0\]: analytic 7.2, numeric 2.2"):
        gradcheck(lambda x: apply(wrong, x), tensor(X.copy(), requires_grad=True))


def test_second_derivative_checker_catches_a_rule_that_cannot_be_recorded() -> None:
    from tinygrad_mnist.autograd import gradgradcheck

    hidden = make(lambda x: x**3, x=lambda g, x: g * 3 * np.asarray(getattr(x, "_array", x)) ** 2)
    x = tensor(X.copy(), requires_grad=True)
    assert gradcheck(lambda x: apply(hidden, x), x)
    with pytest.raises(GradcheckError):
        gradgradcheck(lambda x: apply(hidden, x), x)


def _x(g: Any, y: Any, growth: Any) -> Any:
    g_product, g_growth = g
    given = 0 if g_product is None else g_product * y
    return given + (0 if g_growth is None else g_growth * growth)


def _y(g: Any, x: Any) -> Any:
    return np.zeros_like(x) if g[0] is None else g[0] * x


def product_and_growth() -> ops.Op:
    """Return x * y and exp(x); the second output is saved by name for its own rule."""
    return make(
        lambda x, y: (x * y, np.exp(x)), outputs=["product", "growth"], x=_x, y=_y,
        broadcasts=True, samples=[Sample((2,), (2,))],
    )  # fmt: skip


def leaves() -> tuple[Tensor, Tensor]:
    x = tensor([0.5, -1.0], dtype=float64, requires_grad=True)
    y = tensor([2.0, 3.0], dtype=float64, requires_grad=True)
    return x, y


def test_outputs_come_as_a_tuple_of_tensors_or_of_arrays() -> None:
    x, y = leaves()
    pair = product_and_growth()
    with pytest.raises(TypeError, match="several outputs; call apply_multi"):
        apply(pair, x, y)
    product, growth = apply_multi(pair, x, y)
    assert product.tolist() == [1.0, -3.0]
    assert [t.grad_fn.name() for t in (product, growth)] == ["MadeBackward0"] * 2
    plain = pair(x.detach().numpy(), y.detach().numpy())
    assert [type(a) for a in plain] == [np.ndarray] * 2
    np.testing.assert_array_equal(plain[1], growth.detach().numpy())


def test_rule_sees_none_for_an_output_that_is_not_used() -> None:
    x, y = leaves()
    pair = product_and_growth()
    (g,) = grad(apply_multi(pair, x, y)[0].sum(), x)
    assert g.tolist() == y.tolist()
    gx, gy = grad(apply_multi(pair, x, y)[1].sum(), (x, y))
    np.testing.assert_allclose(gx.numpy(), np.exp(x.detach().numpy()))
    assert gy.tolist() == [0.0, 0.0]


def test_first_and_second_derivatives_agree_with_differences() -> None:
    pair = product_and_growth()
    assert gradcheck(lambda *a: apply_multi(pair, *a), leaves())
    assert gradgradcheck(lambda *a: apply_multi(pair, *a), leaves())


def test_second_derivative_reaches_the_output_that_a_user_holds() -> None:
    """d growth / dx is growth itself: its derivative by growth is 1, as for one output."""
    x, y = leaves()
    growth = apply_multi(product_and_growth(), x, y)[1]
    (first,) = grad(growth.sum(), x, create_graph=True)
    (second,) = grad(first.sum(), growth)
    assert second.tolist() == [1.0, 1.0]


def test_only_the_outputs_that_rules_name_are_saved_and_watched() -> None:
    x, y = leaves()
    pair = product_and_growth()
    assert len(apply_multi(pair, x.detach(), y)[0].grad_fn.parents[0].saved) == 1
    product, growth = apply_multi(pair, x, y)
    product.detach().zero_()
    grad((product.sum(), growth.sum()), x)
    product, growth = apply_multi(pair, x, y)
    growth.detach().zero_()
    with pytest.raises(RuntimeError, match="made: an array saved for its backward has been mod"):
        grad(growth.sum(), x)


def test_fused_operation_with_several_outputs_goes_through_its_reference_again() -> None:
    def forward(x: Any) -> Any:
        root = np.sqrt(x)
        return root, x * root, 0.5 / root

    def rule(g: Any, x: Any, slope: Any) -> Any:
        return (0 if g[0] is None else g[0] * slope) + (0 if g[1] is None else g[1] * 3 * x * slope)

    fused = make(
        forward, outputs=["root", "cube"], residuals=["slope"], x=rule,
        reference=lambda x: (x**0.5, x**1.5),
    )  # fmt: skip
    x = tensor([0.5, 2.0], dtype=float64, requires_grad=True)
    for chosen in (slice(0, 2), slice(0, 1), slice(1, 2)):
        assert gradcheck(lambda x, chosen=chosen: apply_multi(fused, x)[chosen], x)
        assert gradgradcheck(lambda x, chosen=chosen: apply_multi(fused, x)[chosen], x)


def test_graph_goes_with_the_last_output() -> None:
    x, y = leaves()
    gc.disable()
    try:
        product, growth = apply_multi(product_and_growth(), x, y)
        alive = weakref.ref(product.grad_fn.parents[0])
        del product
        assert alive() is not None
        del growth
        assert alive() is None
    finally:
        gc.enable()


def test_every_entry_is_an_attribute_of_ops() -> None:
    """Also where a module has its name; and no helper takes the place of a module."""
    offered = vars(ops).values()
    assert [op.name for op in TABLE.values() if not any(op is x for x in offered)] == []
    for module in pkgutil.iter_modules(ops.__path__):
        assert isinstance(getattr(ops, module.name, None), ModuleType | ops.Op | None)
