"""A computation as vertices and edges: its gradients are those of ``.grad``, all accounted for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_mnist as tg
from tinygrad_mnist import nn, viz
from tinygrad_mnist.utils.checkpoint import checkpoint
from tinygrad_mnist.viz.computation import Computation, Vertex

from .networks import NETWORKS, Made, cnn, mlp, named, transformer


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True))


def seen(params: Any, compute: Any, how: str) -> tuple[Computation, Any]:
    """Look at a loss: alone, with its forward pass recorded, or with both passes."""
    if how == "alone":
        loss = compute()
        return Computation(loss, params), loss
    with viz.record():
        loss = compute()
        if how == "both":
            loss.backward()
    return Computation(loss, params), loss


def check(found: Computation) -> None:
    """What arrives at a vertex adds up to its gradient, output by output; turns go downwards."""
    arrived: dict[tuple[Vertex, str], list[np.ndarray]] = {}
    for v in found.vertices:
        assert all(edge.source.number < v.number for edge in v.inputs)
        for edge in v.inputs:
            if edge.gradient is not None:
                arrived.setdefault((edge.source, edge.output), []).append(edge.gradient)
                assert edge.source.outputs or edge.gradient.shape == edge.source.shape
                assert (edge.raw is None) == (edge.summed == ())
                if edge.raw is not None:
                    total = edge.raw.sum(axis=edge.summed).reshape(edge.gradient.shape)
                    assert close(total, edge.gradient)
    for v in found.vertices:
        gradients = {x.name: x.gradient for x in v.outputs} or {"": v.gradient}
        for name, gradient in gradients.items():
            parts = arrived.get((v, name), [])
            if v is not found.loss:
                assert bool(parts) == (gradient is not None)
                assert gradient is None or close(sum(parts), gradient)
        if v.value is not None:
            assert v.value.shape == v.shape
            assert v.gradient is None or v.gradient.shape == v.shape
    turns = sorted(v.turn for v in found.vertices if v.turn is not None)
    assert turns == list(range(len(turns))) and found.loss.turn == 0


@pytest.mark.parametrize("how", ["alone", "forward", "both"])
@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
def test_gradients_are_those_of_backward(make: Any, how: str) -> None:
    tg.manual_seed(0)
    params, compute = make()
    found, loss = seen(params, compute, how)
    check(found)
    if how != "both":
        loss.backward()
    leaves = {v.name: v for v in found.vertices if v.kind == "parameter"}
    for name, p in named(params).items():
        if p.grad is not None:
            assert close(leaves[name].gradient, p.grad.numpy()), name
            assert close(leaves[name].value, p.detach().numpy()), name
    assert found.loss.value is not None and close(found.loss.value, loss.item())
    if how != "alone":
        assert all(
            v.value is not None and (v.line or v.kind != "operation") for v in found.vertices
        )


def frozen() -> Made:
    model = nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2, bias=False), nn.Tanh())
    model[0].bias.requires_grad_(False)
    x = tg.randn(5, 3)
    return model, lambda: (model(x) + tg.tensor([1.0, 2.0])).exp().sum() * 0.5


@pytest.mark.parametrize("make", [*NETWORKS, frozen], ids=lambda f: f.__name__)
def test_what_was_not_recorded_has_the_right_numbers_or_none(make: Any) -> None:
    tg.manual_seed(0)
    params, compute = make()
    random = tg.get_rng_state()
    recorded, _ = seen(params, compute, "forward")
    tg.set_rng_state(random)
    alone, _ = seen(params, compute, "alone")
    pairs = [[v for v in found.vertices if v.kind == "operation"] for found in (alone, recorded)]
    known = 0
    for v, right in zip(*pairs, strict=True):
        assert v.name == right.name
        if v.value is not None:
            assert close(v.value, right.value), v.name
            known += 1
    assert known >= len(pairs[0]) / 3


def test_looking_changes_no_gradient_and_releases_nothing() -> None:
    params, compute = mlp()
    loss = compute()
    Computation(loss, params)
    assert all(p.grad is None for p in params.parameters())
    loss.backward()


operations = st.lists(
    st.tuples(st.sampled_from("+*-@t s"), st.integers(0, 99), st.integers(0, 99)),
    min_size=1, max_size=14,
)  # fmt: skip


@given(operations, st.booleans())
def test_any_graph_accounts_for_every_path(program: list[Any], recorded: bool) -> None:
    rng = np.random.default_rng(0)
    xs = [tg.tensor(rng.normal(size=s), requires_grad=True) for s in [(2, 2), (2, 1), (2,), ()]]
    leaves = {f"x{i}": x for i, x in enumerate(xs)}

    def compute() -> Any:
        values = list(xs)
        for kind, i, j in program:
            a, b = values[i % len(values)], values[j % len(values)]
            if kind == "@":
                values.append(a @ b if a.shape == b.shape == (2, 2) else a.sin())
            elif kind == "t":
                values.append(a.tanh())
            elif kind == " ":
                values.append(a.sum(0, keepdim=True) if a.ndim else a.exp())
            elif kind == "s":
                values.append(a.sort().values if a.ndim else a)
            else:
                values.append(a + b if kind == "+" else a * b if kind == "*" else a - b)
        return values[-1].sum() + values[len(values) // 2].sum() * 2

    found, loss = seen(leaves, compute, "forward" if recorded else "alone")
    check(found)
    loss.backward()
    for v in found.vertices:
        if v.kind == "parameter":
            assert close(v.gradient, leaves[v.name].grad.numpy())


def test_each_of_several_outputs_has_its_numbers_and_its_gradient() -> None:
    x = tg.tensor([[2.0, 1.0], [0.0, 3.0]], requires_grad=True)
    with viz.record():
        u, s, vh = tg.linalg.svd(x)
        loss = (s * tg.tensor([1.0, 5.0])).sum()
    (svd,) = [v for v in Computation(loss).vertices if v.name == "svd"]
    assert [o.name for o in svd.outputs] == ["u", "s", "vh"]
    for output, tensor in zip(svd.outputs, (u, s, vh), strict=True):
        assert np.array_equal(output.value, tensor.detach().numpy())
    assert [o.gradient is None for o in svd.outputs] == [True, False, True]
    assert svd.gradient.tolist() == [1.0, 5.0] and svd.shape == (2,)


def test_turns_count_from_the_loss_after_other_passes_too() -> None:
    params, compute = mlp()
    with viz.record():
        compute().backward()
        loss = compute()
        loss.backward()
    found = Computation(loss, params)
    check(found)


def test_a_part_of_a_graph_has_a_pass_of_its_own() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with viz.record():
        part = (w * w).sum()
        (part * 3).backward(retain_graph=True)
    assert Computation(part, {"w": w}).loss.gradient == 1.0
    assert Computation(part, {"w": w}).vertices[0].gradient.tolist() == [2.0, 4.0]


def test_values_are_those_of_the_step_after_an_update_too() -> None:
    params, compute = mlp()
    before = params.scale.detach().clone().numpy()
    optimizer = tg.optim.SGD(params.parameters(), lr=0.5)
    with viz.record():
        loss = compute()
        loss.backward()
        optimizer.step()
    found = Computation(loss, params)
    (scale,) = [v for v in found.vertices if v.name == "scale"]
    assert np.array_equal(scale.value, before) and not np.array_equal(params.scale.detach(), before)


@pytest.mark.parametrize("make", [mlp, cnn, transformer], ids=lambda f: f.__name__)
def test_modules_are_told_from_the_parameters_where_nothing_was_recorded(make: Any) -> None:
    made: Made = make()
    alone, _ = seen(*made, "alone")
    told = {v.path for v in alone.vertices if v.kind == "operation"}
    recorded, _ = seen(*made, "forward")
    known = {v.path for v in recorded.vertices if v.kind == "operation"}
    assert told - {""} <= {".".join(p.split(".")[:n]) for p in known for n in range(1, 9)}
    linear = {v.path for v in alone.vertices if v.name in ("linear", "convolution", "standardize")}
    assert linear <= known


def test_data_that_was_given_a_name_has_it() -> None:
    w, x = tg.ones(3, requires_grad=True), tg.tensor([1.0, 2.0, 3.0])
    for recorded in (False, True):
        with viz.record() if recorded else tg.enable_grad():
            loss = (w * x).sum()
        assert {v.name for v in Computation(loss, {"w": w, "x": x}).vertices} >= {"w", "x"}


def test_saved_tensors_that_hooks_have_packed_are_unpacked() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.autograd.graph.saved_tensors_hooks(lambda x: x.tolist(), tg.tensor):
        loss = (w * tg.tensor([3.0, 4.0])).exp().sum()
    check(Computation(loss, {"w": w}))


def no_graph() -> dict[str, tuple[Any, str]]:
    w = tg.ones(2, requires_grad=True)
    with tg.no_grad():
        without = (w * 2).sum()
    freed = w.exp().sum()
    freed.backward()
    own = nn.Linear(2, 1)(w * w).sum()
    own.backward()
    return {
        "a leaf": (w, "the tensor is a leaf, so there is no graph to show; give what was computed"),
        "data": (tg.ones(2), "the tensor needs no gradient, so there is no graph"),
        "no_grad": (without, r"needs no gradient.*outside of no_grad\(\)"),
        "detached": (w.exp().sum().detach(), "needs no gradient"),
        "freed": (freed, r"the graph was released by backward\(\); show it before, pass"),
        "freed, a network": (own, r"record the step: with viz\.record\(\)"),
        "a matrix": (
            w * 2,
            r"shape \[2\], but backpropagation starts from one number; give .* sum",
        ),
    }


@pytest.mark.parametrize("case", no_graph())
@pytest.mark.parametrize("look", [viz.explore, viz.graph, viz.trace])
def test_what_has_no_graph_is_refused_in_a_sentence(look: Any, case: str, tmp_path: Any) -> None:
    x, sentence = no_graph()[case]
    more = {"path": tmp_path / "x.html"} if look is viz.explore else {}
    with pytest.raises(RuntimeError, match=rf"^{look.__name__}: .*{sentence}"):
        look(x, **more)
    assert not list(tmp_path.iterdir())


def test_other_mistakes_are_sentences_too() -> None:
    w = tg.ones(1, requires_grad=True)
    with pytest.raises(TypeError, match=r"^explore: expects a tensor, not float; give the loss"):
        viz.explore(3.0)
    other = type("Tensor", (), {"__module__": "engine"})
    with pytest.raises(TypeError, match=r"a tensor, not one of another package, engine\.Tensor"):
        viz.explore(other())
    with pytest.raises(TypeError, match=r"^trace: params must be a module, .*named_parameters"):
        viz.trace(w * 2, nn.Linear(1, 1).parameters())
    with pytest.raises(TypeError, match=r"^graph: params must be a module"):
        viz.graph(w * 2, {"w": 3})


def gradient_of(found: Computation, name: str) -> Any:
    (v,) = [v for v in found.vertices if v.name == name]
    return v.gradient


def two_losses() -> tuple[Any, Any, Any]:
    """Two losses of one trunk, whose gradients would be told apart."""
    w = tg.tensor([0.0, 1.0], requires_grad=True)
    h = w.exp()
    return w, (h * 3).sum(), (h * 5).sum()


def test_gradients_are_those_of_the_loss_where_others_share_its_trunk() -> None:
    right = 3 * np.exp([0.0, 1.0])
    with viz.record():
        w, a, b = two_losses()
        (a + b).backward(retain_graph=True)
    assert close(gradient_of(Computation(a, {"w": w}), "w"), right)
    with viz.record():
        w, a, b = two_losses()
        a.backward(retain_graph=True)
        b.backward()
    found = Computation(a, {"w": w})
    assert close(gradient_of(found, "w"), right)
    check(found)
    assert not any(v.remark for v in found.vertices)


def test_what_came_from_further_on_is_remarked_on() -> None:
    with viz.record():
        w, a, b = two_losses()
        (a + b).backward()
    found = Computation(a, {"w": w})
    assert close(gradient_of(found, "w"), 8 * np.exp([0.0, 1.0]))
    remarks = {v.name: v.remark for v in found.vertices if v.remark}
    assert remarks.keys() == {"sum", "exp"} and "the pass began further on" in remarks["exp"]
    assert "exp: g = [8., 8.] (the pass began further on" in viz.trace(a, {"w": w})


class Left(tg.autograd.Function):
    """A sum whose second term gets no gradient."""

    @staticmethod
    def forward(ctx: Any, x: Any, y: Any) -> Any:
        return x + y

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g, None


def test_a_recorded_pass_is_shown_where_some_operations_get_no_gradient() -> None:
    w, u = tg.ones(2, requires_grad=True), tg.ones(2, requires_grad=True)
    with viz.record():
        loss = Left.apply(w.exp(), u.exp()).sum()
        loss.backward()
    found = Computation(loss, {"w": w, "u": u})
    assert close(gradient_of(found, "w"), np.e) and gradient_of(found, "u") is None


def test_looking_stores_no_gradient_that_a_computed_tensor_retains() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    h = w * w
    h.retain_grad()
    loss = (h * 2).sum()
    Computation(loss)
    assert h.grad is None
    loss.backward()
    assert h.grad.tolist() == [2.0, 2.0]


@pytest.mark.parametrize("how", ["alone", "both"])
def test_what_hooks_have_made_of_a_gradient_is_shown_with_a_remark(how: str) -> None:
    w = tg.tensor([[1.0], [2.0]], requires_grad=True)
    w.register_hook(lambda g: g * 10)

    def compute() -> Any:
        h, x = w * 3, tg.ones(1, 4)
        h.register_hook(lambda g: g + 1)
        product = h * x
        product.grad_fn.register_prehook(lambda gs: (gs[0] * 2,))
        product.grad_fn.register_hook(lambda gs, _: tuple(g if g is None else -g for g in gs))
        return product.sum()

    found, loss = seen({"w": w}, compute, how)
    if how == "alone":
        loss.backward()
    assert close(gradient_of(found, "w"), w.grad.numpy())
    remarked = {(v.name, v.gradient.shape) for v in found.vertices if v.remark}
    assert remarked == {("w", (2, 1)), ("mul", (2, 1)), ("mul", (2, 4))}
    assert all("a hook of the program" in v.remark for v in found.vertices if v.remark)
    for v in found.vertices:
        for edge in v.inputs:
            assert edge.raw is None or close(
                edge.raw.sum(edge.summed, keepdims=True), edge.gradient
            )
    assert "w: [[-210.], [-210.]] (a hook of the program has changed it)" in viz.trace(
        compute(), {"w": w}
    )


def test_looking_is_not_recorded() -> None:
    params, compute = mlp()
    with viz.record() as step:
        loss = compute()
        before = len(step.records)
        Computation(loss, params)
        assert len(step.records) == before and not step.turns
        loss.backward()
    assert len(step.turns) == len({id(turn.record) for turn in step.turns})


def test_a_recorded_step_is_shown_when_what_it_saved_was_written_to() -> None:
    params, compute = mlp()
    optimizer = tg.optim.SGD(params.parameters(), lr=0.5)
    with viz.record():
        loss = compute()
        loss.backward(retain_graph=True)
        optimizer.step()
    check(Computation(loss, params))


@pytest.mark.parametrize("how", ["alone", "both"])
def test_what_a_checkpoint_computes_again_has_no_turn(how: str) -> None:
    model = nn.Linear(2, 2)

    def compute() -> Any:
        h = checkpoint(lambda x: model(x).tanh().exp(), tg.ones(3, 2) * 2, use_reentrant=False)
        return (h * 2).sum().exp()

    found, loss = seen(model, compute, how)
    check(found)
    if how == "alone":
        assert model.weight.grad is None
        loss.backward()
    assert close(gradient_of(found, "weight"), model.weight.grad.numpy())


@pytest.mark.parametrize("recorded", [True, False])
def test_numbers_that_operations_were_given_are_known(recorded: bool) -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with viz.record() if recorded else tg.enable_grad():
        loss = ((w + 7) * 2.5).sum()
    given = {v.name: [x[1:] for x in v.given] for v in Computation(loss).vertices}
    assert given["mul"] == [("y", "2.5")] and given["sum"] == given["tensor"] == []
    assert given["add"] == [("y", "7" if recorded else "")]
    text = viz.trace(loss, {"w": w})
    assert f"add(w, y={'7' if recorded else '(not kept)'}) = " in text
    assert "mul(1, y=2.5) = " in text


def test_a_bias_that_is_left_out_is_not_shown() -> None:
    layer = nn.Linear(2, 2, bias=False)
    assert "linear(data, weight) = " in viz.trace(layer(tg.ones(1, 2)).sum(), layer)


def test_modules_that_the_program_calls_one_by_one_have_their_names() -> None:
    model = nn.ModuleDict(
        {"body": nn.Sequential(nn.Linear(2, 2), nn.Tanh()), "head": nn.Linear(2, 1)}
    )
    with viz.record():
        loss = model["head"](model["body"](tg.ones(1, 2))).sum()
    paths = [v.path for v in Computation(loss, model).vertices if v.kind == "operation"]
    assert paths == ["body.0", "body.1", "head", ""]
    paths = [v.path for v in Computation(loss, model["body"]).vertices if v.kind == "operation"]
    assert paths == ["0", "1", "", ""]


def test_names_of_modules_are_looked_up_once() -> None:
    class Counted(nn.Sequential):
        asked = 0

        def named_modules(self, *args: Any, **kwargs: Any) -> Any:
            Counted.asked += 1
            return super().named_modules(*args, **kwargs)

    model = Counted(*[nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(20)])
    with viz.record():
        loss = model(tg.ones(1, 2)).sum()
    Counted.asked = 0
    found = Computation(loss, model)
    assert Counted.asked < 5
    assert [v.path for v in found.vertices if v.name == "tanh"] == [f"{i}.1" for i in range(20)]
    assert "[19.1]" in viz.trace(loss)
