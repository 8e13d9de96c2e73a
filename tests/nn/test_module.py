"""Modules: registration, state, hooks, containers, text, beside PyTorch's."""

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(4, 3)
        self.body = nn.ModuleList([nn.Linear(3, 3), nn.ReLU()])
        self.scale = nn.Parameter(tg.ones(3))
        self.register_buffer("mean", tg.zeros(3))
        self.register_buffer("scratch", tg.zeros(1), persistent=False)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        x = self.first(x)
        for layer in self.body:
            x = layer(x)
        return x * self.scale - self.mean


def test_names_come_in_the_order_of_assignment() -> None:
    """Parameters, buffers and submodules are listed under dotted names, as they were assigned."""
    net = Net()
    names = ["scale", "first.weight", "first.bias", "body.0.weight", "body.0.bias"]
    assert [name for name, _ in net.named_parameters()] == names
    assert list(net.state_dict()) == ["scale", "mean", *names[1:]]
    assert [name for name, _ in net.named_children()] == ["first", "body"]
    assert [name for name, _ in net.named_modules()] == ["", "first", "body", "body.0", "body.1"]
    assert [name for name, _ in net.named_buffers()] == ["mean", "scratch"]
    assert net.get_submodule("body.1") is net.body[1]
    assert net.get_parameter("first.weight") is net.first.weight
    assert net.get_buffer("mean") is net.mean


def test_tied_parameters_are_listed_once_and_stepped_once() -> None:
    """A weight that two layers share is one parameter with two names in the state."""
    net = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 3, bias=False))
    net[1].weight = net[0].weight
    assert len(list(net.parameters())) == 1
    assert list(net.state_dict()) == ["0.weight", "1.weight"]
    before = net[0].weight.detach().clone()
    net(tg.ones(1, 3)).sum().backward()
    gradient = net[0].weight.grad.clone()
    tg.optim.SGD(net.parameters(), lr=1.0).step()
    assert tg.allclose(net[0].weight, before - gradient)


def test_state_travels_and_a_misfit_is_reported_whole_and_changes_nothing() -> None:
    """load_state_dict copies a state, or tells all that doesn't fit in one error."""
    tg.manual_seed(0)
    net, other = Net(), Net()
    assert str(other.load_state_dict(net.state_dict())) == "<All keys matched successfully>"
    x = tg.randn(2, 4)
    assert tg.equal(net(x), other(x))
    state = net.state_dict()
    before = other.state_dict()
    kept = {name: value.clone() for name, value in before.items()}
    bad = {name: value * 5 for name, value in state.items()}
    del bad["scale"]
    bad["extra"] = tg.ones(1)
    bad["first.bias"] = tg.ones(7)
    bad["mean"] = "text"
    with pytest.raises(RuntimeError) as error:
        other.load_state_dict(bad)
    for part in ('Missing key(s) in state_dict: "scale"', 'Unexpected key(s) in state_dict: "extra"',
                 "size mismatch for first.bias", '"mean" is a str'):  # fmt: skip
        assert part in str(error.value)
    for name, value in other.state_dict().items():
        assert tg.equal(value, kept[name])
    loose = {name: value for name, value in state.items() if name != "scale"} | {
        "extra": tg.ones(1)
    }
    result = other.load_state_dict(loose, strict=False)
    assert (result.missing_keys, result.unexpected_keys) == (["scale"], ["extra"])


def test_mistakes_with_attributes_are_sentences() -> None:
    net = Net()
    with pytest.raises(AttributeError, match="'Net' object has no attribute 'frist'"):
        net.frist  # noqa: B018
    with pytest.raises(TypeError, match="parameter 'scale'"):
        net.scale = tg.ones(3)
    with pytest.raises(TypeError, match="child module 'first'"):
        net.first = 3
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("forward", tg.ones(1))
    with pytest.raises(KeyError, match="contain"):
        net.add_module("a.b", nn.ReLU())
    with pytest.raises(NotImplementedError, match="missing the required"):
        nn.Module()(1)

    class Early(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.Linear(1, 1)

    with pytest.raises(AttributeError, match=r"before Module\.__init__"):
        Early()
    net.scale = None
    assert "scale" not in net.state_dict()
    del net.first
    with pytest.raises(AttributeError):
        net.first  # noqa: B018


def test_modes_and_conversions_reach_everything() -> None:
    net = Net()
    assert net.eval() is net
    assert not any(module.training for module in net.modules())
    net.train()
    assert all(module.training for module in net.modules())
    weight = net.first.weight
    net.double()
    assert net.first.weight is weight
    assert {t.dtype for t in (*net.parameters(), *net.buffers())} == {tg.float64}
    net.float().requires_grad_(False)
    assert not any(p.requires_grad for p in net.parameters())
    with pytest.raises(TypeError, match="floating point"):
        net.to(tg.int64)
    with pytest.raises(RuntimeError, match="cuda"):
        net.to("cuda")
    seen: list[str] = []
    net.apply(lambda module: seen.append(type(module).__name__))
    assert seen == ["Linear", "Linear", "ReLU", "ModuleList", "Net"]


def test_zero_grad_forgets_or_fills_with_zeros() -> None:
    net = Net()
    net(tg.ones(1, 4)).sum().backward()
    given = net.scale.grad
    net.zero_grad(set_to_none=False)
    assert net.scale.grad is given
    assert given.tolist() == [0.0, 0.0, 0.0]
    net.zero_grad()
    assert net.scale.grad is None


def test_forward_hooks_see_and_replace() -> None:
    """A pre-hook may replace a module's arguments, a forward hook its output, until removed."""
    layer = nn.ReLU()
    seen: list[Any] = []
    handles = [
        layer.register_forward_pre_hook(lambda m, args: (args[0] + 1,)),
        layer.register_forward_hook(lambda m, args, out: seen.append((args, out))),
        layer.register_forward_hook(lambda m, args, out: out * 10),
    ]
    assert layer(tg.tensor([1.0])).tolist() == [20.0]
    assert seen[0][1].tolist() == [2.0]
    for handle in handles:
        handle.remove()
    assert layer(tg.tensor([1.0])).tolist() == [1.0]


def test_order_and_constancy_of_hooks_are_those_of_pytorch(torch: Any) -> None:
    results = []
    for t in (tg, torch):

        class Careful(t.nn.Module):
            def forward(self, x: Any) -> Any:
                if x.sum() < 0:
                    raise ArithmeticError("negative")
                return x.clone()

        layer, seen = Careful(), []

        def note(name: str, seen: list[Any] = seen) -> Any:
            return lambda *args: seen.append((name, len(args), args[-1] is None))

        layer.register_forward_pre_hook(note("pre 1"))
        layer.register_forward_pre_hook(note("pre 2"), prepend=True, with_kwargs=True)
        layer.register_forward_hook(note("post 1"), always_call=True)
        layer.register_forward_hook(note("post 2"))
        layer.register_forward_hook(note("post 3"), prepend=True, with_kwargs=True)
        layer.register_forward_hook(note("post 4"), always_call=True, with_kwargs=True)
        layer.register_full_backward_hook(lambda *_, seen=seen: seen.append("back 1"))
        layer.register_full_backward_hook(lambda *_, seen=seen: seen.append("back 2"), prepend=True)
        layer(t.ones(2, requires_grad=True)).sum().backward()
        with pytest.raises(ArithmeticError):
            layer(-t.ones(2, requires_grad=True))
        results.append((seen, len(list(t.nn.Sequential(layer, layer).modules(False)))))
    assert results[0] == results[1]


def test_full_backward_hooks_see_and_replace_gradients(torch: Any) -> None:
    """A full backward hook sees the gradients of input and output, and may replace the former."""
    results = []
    for t in (tg, torch):
        layer = t.nn.Sequential(t.nn.Tanh())
        seen: list[Any] = []

        def hook(module: Any, gi: Any, go: Any, seen: list[Any] = seen) -> Any:
            seen.append((gi[0].tolist(), go[0].tolist()))
            return (gi[0] * 2,)

        handle = layer.register_full_backward_hook(hook)
        x = t.tensor([0.5], dtype=t.float64, requires_grad=True)
        (layer(x) * 3).sum().backward()
        handle.remove()
        results.append((seen, x.grad.tolist()))
    assert results[0][0][0][1] == results[1][0][0][1]
    np.testing.assert_allclose(results[0][0][0][0], results[1][0][0][0])
    np.testing.assert_allclose(results[0][1], results[1][1])


def test_full_backward_hook_runs_where_the_input_needs_no_gradient() -> None:
    layer = nn.Linear(2, 1)
    seen: list[Any] = []
    layer.register_full_backward_hook(lambda m, gi, go: seen.append((gi, go[0].tolist())))
    layer(tg.ones(1, 2)).sum().backward()
    assert seen == [((None,), [[1.0]])]


def test_copies_and_pickles_of_modules_are_independent() -> None:
    """A copied or unpickled module computes the same, and shares no memory with the original."""
    net = Net()
    x = tg.ones(1, 4)
    for other in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert tg.equal(net(x), other(x))
        with tg.no_grad():
            other.scale.zero_()
        assert net.scale.tolist() == [1.0, 1.0, 1.0]


def build(t: Any) -> list[Any]:
    n = t.nn
    return [
        n.Linear(3, 2), n.Linear(3, 2, bias=False), n.ReLU(), n.ReLU(inplace=True), n.ReLU(1), n.Sigmoid(),
        n.Tanh(), n.Softmax(dim=1), n.LogSoftmax(dim=-1), n.Dropout(0.2), n.Flatten(),
        n.Identity(), n.Unflatten(1, (2, 2)), n.CrossEntropyLoss(), n.NLLLoss(), n.MSELoss(),
        n.BCELoss(), n.BCEWithLogitsLoss(), n.L1Loss(), n.Sequential(), n.ModuleList(),
        n.Sequential(n.Linear(2, 2), n.Sequential(n.ReLU(), n.Dropout())),
        n.ModuleList([n.Linear(2, 2), n.Linear(2, 2), n.ReLU()]),
        n.ModuleDict({"a": n.ReLU(), "b": n.Tanh()}), n.Fold(4, 2, padding="same"), n.Softmax("x"),
        n.GELU("tanh"), n.EmbeddingBag(2, 3, mode="sum"), n.Conv1d(2, 2, 3, padding="same"),
        n.InstanceNorm2d(3.0), n.InstanceNorm2d(-1), n.InstanceNorm2d(4, device="cuda"),
        n.Sequential(OrderedDict([("fc", n.Linear(1, 1)), ("act", n.ReLU())])),
        n.Conv1d(2, 4, 3, padding="same", padding_mode="circular"), n.GELU("tanh"), n.Fold("x", 3),
        n.EmbeddingBag(3, 2, mode="sum"), n.RNNCell(2, 3, nonlinearity="relu"),
        n.Upsample(2, mode="bilinear"), n.AdaptiveAvgPool2d("x"), n.InstanceNorm1d("x"),
    ]  # fmt: skip


def test_text_is_that_of_pytorch(torch: Any) -> None:
    """Modules print as PyTorch's do."""
    for mine, theirs in zip(build(tg), build(torch), strict=True):
        assert repr(mine) == repr(theirs)


def test_containers_behave_as_lists_and_dictionaries() -> None:
    a, b, c = nn.ReLU(), nn.Tanh(), nn.Sigmoid()
    net = nn.Sequential(a, b)
    net.append(c)
    assert (net[-1], len(net), list(net[1:])) == (c, 3, [b, c])
    assert isinstance(net[:2], nn.Sequential)
    net[0] = b
    del net[1]
    assert list(net) == [b, c]
    assert net.pop(0) is b
    net.insert(0, a)
    assert list(net) == [a, c]
    with pytest.raises(IndexError, match="out of range"):
        net[5]
    named = nn.ModuleDict({"a": a})
    named["b"] = b
    assert (list(named), "b" in named, named.pop("a")) == (["a", "b"], True, a)
    values = nn.ParameterList([tg.ones(2)])
    values.append(tg.zeros(1))
    assert [p.requires_grad for p in values] == [True, True]
    assert len(list(values.parameters())) == 2
    table = nn.ParameterDict({"w": tg.ones(2)})
    assert isinstance(table["w"], nn.Parameter)


def test_dropout() -> None:
    """Dropout drops at its rate, scales the rest, and does nothing in evaluation."""
    x = tg.ones(1000, requires_grad=True)
    tg.manual_seed(0)
    out = nn.Dropout(0.25)(x)
    assert set(out.tolist()) == {0.0, float(np.float32(1 / 0.75))}
    assert (out == 0).float().mean().item() == pytest.approx(0.25, abs=0.05)
    out.sum().backward()
    assert tg.equal(x.grad, out.detach())
    assert nn.Dropout(1.0)(x).tolist() == [0.0] * 1000
    assert nn.Dropout(0.5).eval()(x) is x
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.Dropout(1.5)


LOSSES = [
    ("cross_entropy", {}), ("cross_entropy", {"label_smoothing": 0.1}),
    ("cross_entropy", {"label_smoothing": 0.2, "weight": [0.5, 1.0, 2.0]}),
    ("cross_entropy", {"ignore_index": 1, "label_smoothing": 0.1}), ("cross_entropy", {"ignore_index": 1}),
    ("nll_loss", {}), ("nll_loss", {"weight": [0.5, 1.0, 2.0], "ignore_index": 2}),
]  # fmt: skip


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(("name", "options"), LOSSES, ids=str)
def test_class_losses_are_those_of_pytorch(
    name: str, options: dict[str, Any], reduction: str, torch: Any
) -> None:
    """Weights, ignored classes and label smoothing mean what they mean in PyTorch."""
    source = np.random.default_rng(0)
    scores, target = source.standard_normal((5, 3)), source.integers(0, 3, 5)
    results = []
    for t, f in ((tg, F), (torch, torch.nn.functional)):
        x = t.tensor(scores, requires_grad=True)
        settings = {
            k: t.tensor(v, dtype=t.float64) if k == "weight" else v for k, v in options.items()
        }
        loss = getattr(f, name)(x, t.tensor(target), reduction=reduction, **settings)
        loss.sum().backward()
        results.append((loss.detach().numpy(), x.grad.numpy()))
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize(
    "name", ["mse_loss", "l1_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
)
def test_elementwise_losses_are_those_of_pytorch(name: str, reduction: str, torch: Any) -> None:
    """Losses between tensors of one shape agree with PyTorch, with and without weights."""
    source = np.random.default_rng(0)
    given, target, weight = source.random((4, 3)), source.random((4, 3)), source.random((4, 3))
    options: list[dict[str, Any]] = [{}, {"weight": weight}]
    if name.startswith("binary"):
        given[0, 0], given[0, 1], target[0, 0] = 0.0, 1.0, 1.0
    if name.endswith("logits"):
        options.append({"pos_weight": weight[0]})
    for option in options:
        results = []
        for t, f in ((tg, F), (torch, torch.nn.functional)):
            x = t.tensor(given, requires_grad=True)
            settings = {k: t.tensor(v) for k, v in option.items()}
            loss = getattr(f, name)(x, t.tensor(target), reduction=reduction, **settings)
            loss.sum().backward()
            results.append((loss.detach().numpy(), x.grad.numpy()))
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-12)


def test_soft_targets_are_those_of_pytorch(torch: Any) -> None:
    source = np.random.default_rng(0)
    scores, target = source.standard_normal((2, 4, 3)), source.dirichlet([1] * 4, (2, 3))
    target = np.moveaxis(target, -1, 1).copy()
    for smoothing in (0.0, 0.1):
        mine = F.cross_entropy(tg.tensor(scores), tg.tensor(target), label_smoothing=smoothing)
        theirs = torch.nn.functional.cross_entropy(
            torch.tensor(scores), torch.tensor(target), label_smoothing=smoothing
        )
        assert mine.item() == pytest.approx(theirs.item())


def test_ignored_targets() -> None:
    """Ignored targets add nothing: a mean over none is NaN, a sum is 0, a gradient is zero."""
    x = tg.randn(2, 3, requires_grad=True)
    all_ignored = tg.tensor([-100, -100])
    assert np.isnan(F.cross_entropy(x, all_ignored).item())
    assert F.cross_entropy(x, all_ignored, reduction="sum").item() == 0.0
    F.cross_entropy(x, tg.tensor([-100, 1])).backward()
    assert x.grad[0].tolist() == [0.0, 0.0, 0.0]
    assert x.grad[1].abs().sum().item() > 0


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.cross_entropy(tg.ones(2, 3), tg.tensor([0, 3])), IndexError, "target 3 is out of bounds"),
        (lambda: F.cross_entropy(tg.ones(2, 3), tg.tensor([-1, 0])), IndexError, "target -1 is out of bounds"),
        (lambda: F.nll_loss(tg.ones(2, 3), tg.tensor([0])), RuntimeError, r"targets of shape \[2\]"),
        (lambda: F.nll_loss(tg.ones(2, 3), tg.tensor([0], dtype=tg.int8).bool()), TypeError, "class numbers"),
        (lambda: F.cross_entropy(tg.ones(2, 3), tg.tensor([0, 1]), reduction="avg"), ValueError, "'avg'"),
        (lambda: nn.MSELoss(reduction="avg"), ValueError, "'avg'"),
    
        (lambda: F.binary_cross_entropy(tg.ones(1) * 2, tg.ones(1)), RuntimeError, "between 0 and 1"),
        (lambda: nn.Linear(3, 2)(tg.ones(1, 4)), RuntimeError, "linear"),
        (lambda: nn.Linear(3, 2)(tg.ones(1, 3, dtype=tg.float64)), RuntimeError, "same dtype"),
        (lambda: F.one_hot(tg.tensor([3]), 2), RuntimeError, "from 0 to 1"),
        (lambda: nn.init.xavier_uniform_(tg.ones(3)), ValueError, "at least 2 dimensions"),
        (lambda: nn.init.calculate_gain("swish"), ValueError, "swish"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    """Wrong shapes, dtypes and settings of layers and losses are errors that name what is wrong."""
    with pytest.raises(error, match=words):
        call()


def test_initial_values_are_those_of_pytorch(torch: Any) -> None:
    for name, options in (
        ("uniform_", {"a": -1, "b": 2}), ("normal_", {"mean": 1, "std": 2}), ("constant_", {"val": 3}),
        ("ones_", {}), ("zeros_", {}), ("eye_", {}), ("xavier_uniform_", {"gain": 2}),
        ("xavier_normal_", {}), ("kaiming_uniform_", {"a": 1}),
        ("kaiming_normal_", {"mode": "fan_out", "nonlinearity": "relu"}),
        ("orthogonal_", {"gain": 2}),
    ):  # fmt: skip
        tg.manual_seed(3)
        torch.manual_seed(3)
        mine = getattr(nn.init, name)(tg.empty(6, 5), **options)
        theirs = getattr(torch.nn.init, name)(torch.empty(6, 5), **options)
        np.testing.assert_allclose(mine.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-5, err_msg=name)


@pytest.mark.filterwarnings("ignore:trunc_normal_")
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((0.0, 1.0, 2.0, 1.0), r"trunc_normal_: \[2.0, 1.0\] is no interval"),
        ((0.0, 1.0, float("nan"), 1.0), "is no interval"),
        (
            (0.0, 1.0, -1e9, -1e5),
            r"next to no number of mean 0.0 and std 1.0 lies in \[-1000000000.0",
        ),
        ((0.0, 1e-9, 0.3, 0.3), "next to no number"),  # float32 has no 0.3
    ],
)
def test_a_cut_that_leaves_nothing_is_a_sentence(settings: Any, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        nn.init.trunc_normal_(tg.empty(2, 3), *settings)


def test_truncated_normal_values_stay_inside_and_keep_their_shape() -> None:
    tg.manual_seed(0)
    drawn = nn.init.trunc_normal_(tg.empty(50_000), mean=1.0, std=2.0, a=-1.0, b=2.0).numpy()
    assert -1 <= drawn.min() < -0.99
    assert 1.99 < drawn.max() <= 2
    from scipy.stats import truncnorm

    assert drawn.mean() == pytest.approx(truncnorm.mean(-1, 0.5, loc=1, scale=2), abs=0.02)
    assert drawn.std() == pytest.approx(truncnorm.std(-1, 0.5, loc=1, scale=2), abs=0.02)


def test_same_seed_gives_pytorchs_layers_and_outputs(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        t.manual_seed(5)
        net = t.nn.Sequential(t.nn.Linear(6, 5), t.nn.Tanh(), t.nn.Linear(5, 3), t.nn.LogSoftmax(1))
        x = t.randn(4, 6)
        loss = t.nn.functional.nll_loss(net(x), t.tensor([0, 1, 2, 0]))
        loss.backward()
        results.append([loss.item(), *(p.grad.numpy() for p in net.parameters())])
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_clipping_and_vectors_are_those_of_pytorch(torch: Any) -> None:
    grads = [np.array([3.0, -4.0]), np.array([[1.0]])]
    for norm in (1.0, 2.0, float("inf")):
        results = []
        for t in (tg, torch):
            ps = [t.zeros(g.shape, dtype=t.float64).requires_grad_() for g in grads]
            for p, g in zip(ps, grads, strict=True):
                p.grad = t.tensor(g)
            total = t.nn.utils.clip_grad_norm_(ps, 0.5, norm)
            results.append([total.item(), *(p.grad.tolist() for p in ps)])
        for a, b in zip(*results, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
    p = tg.zeros(1, requires_grad=True)
    p.grad = tg.full((1,), float("nan"))
    with pytest.raises(RuntimeError, match="total norm"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    with pytest.raises(ValueError, match="the vector has 3 elements"):
        nn.utils.vector_to_parameters(tg.ones(3), [tg.zeros(2)])
