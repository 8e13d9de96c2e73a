"""Forms of calls that PyTorch keeps for older programs, and its functions on lists of tensors."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

NUMBER_FIRST = """
x.add(2, y); torch.add(x, 2, y); x.add_(2, y); x.sub(2, y); torch.sub(x, 2, y); x.sub_(2, y);
x.add(2, 3); x.add(torch.tensor(2.0), y); torch.add(x, 2, 3); x.add_(2, 3);
x.addcmul(2, y, z); torch.addcmul(x, 2, y, z); x.addcmul_(2, y, z); x.addcmul_(0.5, y, z);
x.addcdiv(2, y, z); torch.addcdiv(x, 2, y, z); x.addcdiv_(2, y, z);
x.addmm(2, y, z); x.addmm(2, 3, y, z); torch.addmm(2, x, y, z); torch.addmm(2, x, 3, y, z);
x.addmm_(2, y, z); x.addmm_(2, 3, y, z); v.addmv(2, x, v); v.addmv(2, 3, x, v);
torch.addmv(2, v, x, v); torch.addmv(2, v, 3, x, v); v.addmv_(2, x, w); v.addmv_(2, 3, x, w);
x.addr(2, v, v); x.addr(2, 3, v, v); torch.addr(2, x, v, v); torch.addr(2, x, 3, v, v);
x.addr_(2, v, v); x.addr_(2, 3, v, v); b.baddbmm(2, b, b); b.baddbmm(2, 3, b, b);
torch.baddbmm(2, b, b, b); torch.baddbmm(2, b, 3, b, b); b.baddbmm_(2, c, c);
b.baddbmm_(2, 3, c, c); x.addbmm(2, b, b); x.addbmm(2, 3, b, b); torch.addbmm(2, x, b, b);
torch.addbmm(2, x, 3, b, b); x.addbmm_(2, b, b); x.addbmm_(2, 3, b, b);
torch.addcmul(x, 2, y, z, out=torch.empty(2, 2))
"""
REFUSED = """
x.add(y, 2); x.add_(y, 2); torch.add(x, y, 2); torch.sub(x, y, 2); x.addcmul(y, z, 2);
torch.addmm(x, y, z, 2); torch.addmm(x, 3, y, z); x.mul(2, y); x.add(1, 2, y); x.add("a", y);
x.addmm(1, 2, 3, y, z)
"""


def calls(text: str) -> list[str]:
    return [call.strip() for call in text.split(";") if call.strip()]


def names(m: Any) -> dict[str, Any]:
    x = m.arange(4.0).reshape(2, 2) - 1
    return {
        "torch": m, "x": x, "y": x * 2 + 0.5, "z": 3 - x, "v": m.tensor([1.0, -2.0]),
        "w": m.tensor([2.0, 3.0]), "c": m.arange(8.0).reshape(2, 2, 2) - 3,
        "b": m.arange(8.0).reshape(2, 2, 2), "xs": [x * 1, m.tensor([3.0, 4.5])],
        "ys": [x + 2.5, m.tensor([0.5, 2.0])],
    }  # fmt: skip


@pytest.mark.parametrize("call", calls(NUMBER_FIRST))
def test_numbers_may_stand_first_as_in_older_programs(call: str, torch: Any) -> None:
    with pytest.warns(UserWarning, match=r"^\w+: this form, with a number before .* is deprecated"):
        ours = eval(call, names(tg))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns once
        theirs = eval(call, names(torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


@pytest.mark.parametrize("call", calls(REFUSED))
def test_numbers_elsewhere_are_refused(call: str, torch: Any) -> None:
    for m in (tg, torch):
        with pytest.raises(TypeError):
            eval(call, names(m))


FOREACH = """
add(xs, 1); add(xs, [1, 2]); add(xs, ys, alpha=2); add(xs, torch.tensor(2.0)); add_(xs, 1.5);
add_(xs, ys, alpha=-0.1); sub(xs, 1); sub(xs, ys); sub_(xs, ys, alpha=2); sub(scalar=1, self=xs);
mul(xs, ys); mul(xs, 2); mul_(xs, [2, 3]); div(xs, ys); div_(xs, 3); addcmul(xs, ys, ys, 2);
addcmul(xs, ys, ys, value=2); addcmul(xs, ys, ys, [1, 2]); addcmul_(xs, ys, xs);
addcmul(xs, ys, ys, torch.tensor([1.0, 2.0])); addcdiv(xs, xs, ys, scalars=[1, 2]);
addcdiv_(xs, xs, ys, value=-0.5); lerp(xs, ys, 0.3); lerp(xs, ys, ys); lerp_(xs, ys, 0.3);
lerp(xs, ys, [0.1, 0.2]); norm(xs); norm(xs, 1); norm(xs, ord=float("inf")); powsum(xs, 2);
pow(xs, 2); pow(2, ys); pow(ys, ys); pow(xs, [1, 2]); pow_(xs, 2); clamp_min(xs, 1);
clamp_max(xs, [0, 1]); clamp_min_(xs, ys); maximum(xs, ys); maximum(xs, 1); maximum_(xs, ys);
minimum(xs, ys); minimum_(xs, 0.5); max(xs); copy_(xs, ys); copy_(xs, ys, True); zero_(xs);
clone(xs); mm([x], [x]); sqrt(ys); sqrt_(ys); rsqrt(ys); exp(xs); exp_(xs); log(ys); log_(ys);
neg(xs); neg_(xs); abs(xs); abs_(xs); reciprocal(ys); reciprocal_(ys); sign(xs); sign_(xs);
sigmoid(xs); tanh(xs); floor(ys); ceil_(ys); round(ys); trunc(ys); frac(ys); sin(xs); cos(xs);
erf(xs); lgamma(ys); log1p(ys); expm1(xs); add(tuple(xs), 1)
"""


@pytest.mark.parametrize("call", calls(FOREACH))
def test_function_of_lists_is_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        given = names(m)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = eval(f"torch._foreach_{call}", given)
        results.append((type(out), *(x.numpy() for part in (out, given["xs"]) for x in part)))
    ours, theirs = results
    assert len(ours) == len(theirs) and ours[0] is theirs[0]
    for a, b in zip(ours[1:], theirs[1:], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.shape(a) == np.shape(b)


def test_every_function_of_lists_is_there(torch: Any) -> None:
    theirs = [name for name in dir(torch) if name.startswith("_foreach_")]
    assert [name for name in theirs if not hasattr(tg, name)] == []
    assert not hasattr(tg, "_foreach_nothing")


def test_functions_of_lists_carry_gradients_and_refuse_lists_that_differ() -> None:
    foreach = tg.__getattr__("_foreach_mul")
    x = tg.ones(2, requires_grad=True)
    foreach([x, x], [2, 3])[1].sum().backward()
    assert x.grad is not None and x.grad.tolist() == [3, 3]
    with pytest.raises(RuntimeError, match="_foreach_mul: the lists have 1 and 2 elements"):
        foreach([x], [1, 2])
    for bad in ([], x, [1.0]):
        with pytest.raises((RuntimeError, TypeError), match="_foreach_mul"):
            foreach(bad, 2)


def test_function_with_an_underscore_writes_into_its_argument(torch: Any) -> None:
    """All that PyTorch has, at the top and in nn.functional, but a few that need other names."""
    elsewhere = """alpha_dropout_ as_strided_ conj_physical_ dropout_ embedding_renorm_
    feature_alpha_dropout_ feature_dropout_ gcd_ i0_ lcm_ ldexp_ resize_as_sparse_ rrelu_""".split()
    more = {
        "addmv_": ("m.ones(2, 2)", "m.ones(2)"), "clamp_": ("0.1", "0.5"), "fill_": ("2",),
        "clamp_max_": ("0.2",), "clamp_min_": ("0.2",), "clip_": ("0.1", "0.5"),
        "index_put_": ("(m.tensor([1]),)", "m.tensor(5.0)"), "xlogy_": ("m.tensor(3.0)",),
        "resize_as_": ("m.ones(1, 2)",), "threshold_": ("0.3", "7"),
    }  # fmt: skip
    spaces = [("torch", lambda m: m), ("F", lambda m: m.nn.functional)]
    for _, space in spaces:
        for name in dir(space(torch)):
            if not name.endswith("_") or name.startswith("_") or name in elsewhere:
                continue
            results = []
            for m in (tg, torch):
                x = m.tensor([0.25, 0.75]) + (1 if "acosh" in name or "arccosh" in name else 0)
                args = [eval(arg, {"m": m}) for arg in more.get(name, ())]
                out = getattr(space(m), name)(x, *args)
                assert out is x, name
                results.append(x.numpy())
            np.testing.assert_allclose(*results, rtol=2e-6, err_msg=name)


HISTOGRAMS = """
torch.histogram(u, 4); torch.histogram(u, bins=4, range=(0.0, 3.0)); u.histogram(4);
torch.histogram(u, e); torch.histogram(u, e, weight=u); torch.histogram(u, 4, density=True);
torch.histogram(u, 4, weight=u, density=True); torch.histogram(torch.ones(3), 4);
torch.histogram(torch.ones(0), 4); torch.histogram(torch.ones(3), 4, range=(2.0, 2.0));
torch.histogram(u * float("nan"), 2, range=(0.0, 2.0)); torch.histogram(p, 2);
torch.histogram(u.double(), 7); torch.histogram(torch.arange(101) / 100, 10);
torch.histogramdd(p, [2, 3]); torch.histogramdd(p, bins=2); torch.histogramdd(p, [e, e]);
torch.histogramdd(p, [2, 2], range=[0.0, 1.0, 0.0, 4.0]);
torch.histogramdd(p, [2, 3], weight=torch.tensor([1.0, 2.0, 3.0]), density=True);
torch.histogramdd(p.reshape(3, 1, 2), [2, 2]); torch.histogramdd(p, (e, e))
"""
BAD_HISTOGRAMS = """
torch.histogram(u.long(), 4); torch.histogram(u, 0); torch.histogram(u, torch.tensor([1.0]));
torch.histogram(u * float("nan"), 2); torch.histogram(u, 4, range=(3.0, 0.0));
torch.histogram(u, e.double()); torch.histogram(u, 2, weight=u.double());
torch.histogram(u, 2, weight=e); torch.histogram(u, [0.0, 1.0]); torch.histogramdd(p, [2]);
torch.histogramdd(u, [2])
"""


def points(m: Any) -> dict[str, Any]:
    return {
        "torch": m, "u": m.tensor([1.0, 2.0, 1.0, 3.0, 2.5, -1.0]),
        "e": m.tensor([0.0, 1.0, 3.0, 3.5]), "p": m.tensor([[1.0, 2.0], [3.0, 4.0], [0.5, 1.0]]),
    }  # fmt: skip


@pytest.mark.parametrize("call", calls(HISTOGRAMS))
def test_histogram_is_pytorchs(call: str, torch: Any) -> None:
    ours, theirs = (eval(call, points(m)) for m in (tg, torch))
    assert repr(ours) == repr(theirs)


@pytest.mark.parametrize("call", calls(BAD_HISTOGRAMS))
def test_histogram_without_sense_is_refused(call: str, torch: Any) -> None:
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        eval(call, points(torch))
    with pytest.raises(theirs.type, match="histogram"):
        eval(call, points(tg))


NEW = """
x.new(); x.new(2, 3).shape; x.new([1, 2]); x.new((2, 3)); x.new(torch.Size([2])).shape; x.new(x);
x.new(2, device="cpu").shape; x.long().new([1.5]); x.new(torch.tensor([1])); x.new(3.5);
x.new_empty((0,)); x.new_empty(2, 0); x.new_full((2,), 1); x.new_full((2,), True);
x.long().new_full((2,), 1.5); x.new_full(size=(1,), fill_value=2.0); x.new_tensor(3);
x.new_tensor([1], dtype=torch.int64); x.new_tensor(data=[1]); x.new_zeros(2, 3);
x.new_zeros(torch.Size([1])); x.new_zeros(()); x.new_zeros([2]); x.new_ones(size=(2,));
x.new_zeros(2, dtype=torch.int64, device="cpu", requires_grad=False); x.new_zeros();
x.new_ones([]); x.new_ones(2, requires_grad=True)
"""


@pytest.mark.parametrize("call", calls(NEW))
def test_new_tensors_in_the_likeness_of_another_are_pytorchs(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        try:
            results.append(repr(eval(call, names(m))))
        except TypeError as error:
            results.append(repr(type(error)))
    assert results[0] == results[1]


RESIZED = """
x.resize_(2, 1); x.resize_((4, 1)); x.resize_(0); x.resize_(4); x.resize_(2, 2); x.resize_([]);
x.resize_(torch.Size([2])); x.resize_as_(torch.ones(1, 3)); x.resize_(-1); x.resize_();
x.resize_(3, memory_format=torch.contiguous_format); x[1].resize_(1);
x.requires_grad_().resize_(2); (x.requires_grad_() * 1).resize_(2)
"""


@pytest.mark.parametrize("call", calls(RESIZED))
def test_resizing_keeps_the_elements_in_order(call: str, torch: Any) -> None:
    results = []
    for m in (tg, torch):
        given = names(m)
        try:
            results.append((repr(eval(call, given)), repr(given["x"])))
        except (TypeError, RuntimeError) as error:
            results.append((repr(type(error)), ""))
    assert results[0] == results[1]


def test_resizing_shares_memory_while_there_is_enough(torch: Any) -> None:
    for m in (tg, torch):
        x = m.zeros(2, 3)
        view = x.view(-1)
        x.resize_(2, 2).fill_(1)
        assert view.tolist() == [1, 1, 1, 1, 0, 0]
        x.resize_(0).resize_(3, 3).copy_(m.ones(3, 3))
        assert x.sum() == 9
    batch = tg.empty(0)
    assert batch.resize_as_(tg.ones(2, 3)).copy_(tg.ones(2, 3)).tolist() == [[1] * 3] * 2


def test_bfloat16_is_refused_in_a_sentence() -> None:
    with pytest.raises(TypeError, match=r"bfloat16: NumPy has no torch.bfloat16|bfloat16"):
        tg.ones(2).bfloat16()


def test_new_keeps_a_given_tensors_gradient() -> None:
    x = tg.ones(2, requires_grad=True)
    tg.ones(3).new(x).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [1, 1]


def test_arithmetic_with_none_is_refused_of_empty_tensors_too() -> None:
    for call in (lambda x: x.sub(None), lambda x: x.add(None), lambda x: x.__iadd__(None)):
        with pytest.raises(TypeError, match="got NoneType"):
            call(tg.zeros(0))
