"""Short expressions give with both libraries the same values, dtypes, shapes and gradients.

They are those names of ``docs/compatibility.txt`` that neither the operation table, nor a script, nor another
test compares with PyTorch.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

VALUES = [
    "t.full_like(x, 2.5)", "t.full_like(i, 3)", "t.rand_like(x)", "t.rand_like(x, dtype=t.float32)",
    "t.true_divide(x, y)", "t.true_divide(i, 2)", "t.neg(x)", "t.neg(i)", "t.addcmul(x, x, y, value=0.5)",
    "t.addcdiv(x, y, p, value=2)", "t.isclose(x, x + 1e-9)", "t.isclose(i, i.flip(0))",
    "t.mv(x, v)", "t.swapaxes(x, 0, 1)", "t.broadcast_to(v, (3, 4))", "t.numel(x)", "t.is_tensor(x)",
    "t.is_tensor(3)", "x.ndim", "x.element_size()", "i.element_size()", "x.is_cuda", "i.byte()", "x.type()",
    "i.type()", "x.type(t.float32)", "x.detach().type('torch.IntTensor')", "x.new_ones(2, 3)",
    "x.new_tensor([1, 2])", "x.new_full((2,), 7)", "i.new_zeros(2)", "i.new_ones((2, 2), dtype=t.float32)",
    "x.clone().div_(y)", "x.clone().pow_(2)", "p.clone().rsqrt_()", "x.clone().exp_()", "x.clone().neg_()",
    "x.clone().masked_fill_(x > 0, -1.0)", "x.clone().true_divide(2)", "x.__len__()",
    "[r.sum() for r in x.__iter__()]",
    "(p[0, 0] > 5).__bool__()", "p.detach()[0, 0].__float__()", "i[1].__int__()", "i[1].__index__()",
    "[10, 20, 30][i[1]]", "x[0, 0].__format__('.3f')", "i[0].__format__('>5')", "x.__hash__() == hash(x)",
    "x.__deepcopy__({})", "x.detach().__array__().tolist()", "i.__contains__(3)", "30 in i", "t.int", "x.int()", "t.tensor([1.7, -1.7]).int()",
    "(t.set_grad_enabled(False), t.is_grad_enabled(), t.set_grad_enabled(True))[1]",
    "(t.manual_seed(5), t.initial_seed())[1]",
    "nn.Softmax(dim=1)(x)", "nn.Softmin(dim=1)(x)", "nn.LogSigmoid()(x)", "nn.Softsign()(x)",
    "nn.Dropout1d(0.4)(x)", "nn.ParameterList([x.detach()])[0]", "nn.ParameterDict({'a': x.detach()})['a']",
    "F.dropout(x, 0.3)", "F.dropout1d(x, 0.5)", "F.dropout2d(x.view(1, 3, 2, 2), 0.5)",
    "F.embedding(i, x)", "F.relu6(x * 9)", "F.leaky_relu(x, 0.2)", "F.prelu(x, v[:1])", "F.elu(x, 0.7)",
    "F.selu(x)", "F.celu(x, 1.3)", "F.mish(x)", "F.hardsigmoid(x * 4)", "F.hardswish(x * 4)",
    "F.hardtanh(x, -0.5, 0.7)", "F.softsign(x)", "F.softmin(x, dim=0)",
    "F.hinge_embedding_loss(x, x.sign(), margin=0.8)", "F.margin_ranking_loss(x, y, y.sign(), margin=0.1)",
    "F.cosine_embedding_loss(x, y, x[:, 0].sign(), margin=0.1)",
    "F.triplet_margin_loss(x, y, p, margin=2.0, p=2, swap=True)",
    "F.gaussian_nll_loss(x, y, p, full=True)", "F.poisson_nll_loss(x, p, full=True)",
    "F.bilinear(x, y, w)", "nn.Bilinear(4, 4, 2).double()(x, y)",
    "nn.init.trunc_normal_(t.empty(40, 5), mean=0.1, std=0.5, a=-0.3, b=0.4)",
    "nn.init.trunc_normal_(t.empty(9), std=2.0, a=1.0, b=2.0)",
    "nn.init.trunc_normal_(t.empty(30, dtype=t.float64), 3.0, 1.0, 0.0, 1.5)",
    "nn.init.trunc_normal_(t.empty(0))",
    "t.func.grad_and_value(lambda a: a.sin().sum())(x.detach())",
    "t.utils.checkpoint.checkpoint(lambda a, b: (a * b).tanh(), x, y, use_reentrant=False)",
    "t.autograd.gradgradcheck(lambda a: a.exp(), (v,))",
    "list(t.utils.data.SubsetRandomSampler([3, 1, 4, 1, 5]))",
    "list(t.utils.data.BatchSampler(t.utils.data.SequentialSampler(range(7)), 3, False))",
    "list(t.utils.data.RandomSampler(range(9), replacement=True, num_samples=5))",
    "issubclass(t.utils.data.RandomSampler, t.utils.data.Sampler)",
    "t.logspace(0, 2, 5)", "t.randint_like(i, 3, 90)", "t.randint_like(x, 9)", "t.tril_indices(3, 4, -1)",
    "t.triu_indices(3, 4, 1)", "t.FloatTensor([1, 2])", "t.LongTensor([[3, 4]])", "t.LongTensor(2, 3).shape",
    "t.quantile(x, 0.3)", "x.quantile(t.tensor([0.2, 0.7], dtype=t.float64), dim=1, keepdim=True)",
    "t.histc(x.detach(), bins=5, min=-1, max=1)", "x.detach().histc(4)", "t.count_nonzero(x > 0, dim=1)",
    "i.count_nonzero()", "t.hstack((x, y))", "t.vstack([x, v])", "t.index_add(x, 0, i, y, alpha=2)",
    "x.index_add(1, i, y[:, :3])", "t.index_fill(x, 1, i, 0.5)", "x.index_fill(0, i[:1], -1.0)",
    "t.take_along_dim(x, x.argsort(1), 1)", "x.take_along_dim(i.view(1, 3), 1)", "t.cuda.is_available()",
    "x.clone().unsqueeze_(0).squeeze_(0).t_().transpose_(0, 1)",
    "y.clone().scatter_(1, i.view(3, 1), x[:, :1])", "x.clone().index_fill_(0, i[:2], 4.0)",
    "y.clone().scatter_(0, i.view(1, 3), 2.5)", "t.tensor(np.from_dlpack(x.detach()))",
    "t.tensor(np.asarray(x.detach().__dlpack_device__(), dtype=np.int64))",
    "type(x.detach().__dlpack__()).__name__", "t.baddbmm(w, w, w.mT, beta=0.5, alpha=2)",
    "w.baddbmm(w, w)", "t.tensordot(x, y, dims=([0], [0]))", "t.tensordot(w, x, dims=([2], [1]))",
    "p.detach().multinomial(2)", "(p.detach() / 2).bernoulli()", "x.detach().bernoulli(0.4)",
    "nn.MaxPool1d(2, stride=1)(w)", "nn.AvgPool1d(3, padding=1)(w)", "nn.AvgPool2d(2, count_include_pad=False)(w)",
    "nn.AdaptiveAvgPool1d(3)(w)", "nn.AdaptiveMaxPool2d((3, 2))(w)", "nn.ZeroPad2d((1, 2, 0, 1))(w)",
    "F.conv1d(w, y[:, :, None], stride=2)", "F.conv_transpose2d(w[None], w[:, :, :2, None])",
    "F.max_pool1d(w, 3, 2, padding=1)", "F.avg_pool1d(w, 2)", "F.avg_pool2d(w, 2, stride=1, padding=1)",
    "F.adaptive_avg_pool1d(w, 3)", "F.adaptive_avg_pool2d(w, (1, 2))", "F.adaptive_max_pool2d(w, 2)",
    "F.batch_norm(w, v.detach() * 0, v.detach() ** 2, weight=v, training=False)",
    "F.batch_norm(w, None, None, bias=v, training=True)", "F.layer_norm(x, (4,), weight=v)",
    "F.group_norm(w, 2, v)", "F.instance_norm(w, weight=v)", "F.rms_norm(x, (4,), v, eps=1e-3)",
    "F.interpolate(w[None], scale_factor=2)", "F.pad(x, (1, 2), value=0.5)", "F.pad(w, (1, 1), mode='reflect')",
    "F.scaled_dot_product_attention(w, w.sin(), w.cos(), is_causal=True)",
    "t.cosine_similarity(x, y)", "t.pairwise_distance(x, y)", "t.special.expit(x)", "t.special.gammaln(p)",
    "t.special.psi(p)", "t.vmap(lambda a: a.sin())(x.detach())", "t.layer_norm(x, (4,))", "t.selu(x)",
    "t.conv1d(w, y[:, :, None])", "t.dropout(x, 0.5, False)", "F.affine_grid(w[:, :2, :3], (2, 1, 3, 2), align_corners=True)",
]  # fmt: skip


def agree(ours: Any, theirs: Any) -> None:
    """Assert that two results are of one form, and equal up to rounding."""
    if isinstance(theirs, tuple | list) and not hasattr(theirs, "numel"):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            agree(a, b)
    elif hasattr(theirs, "detach"):
        assert (repr(ours.dtype), tuple(ours.shape)) == (repr(theirs.dtype), tuple(theirs.shape))
        # PyTorch computes some derivatives in double precision with constants in single.
        tolerance = 1e-6 if "32" in repr(theirs.dtype) else 1e-7
        np.testing.assert_allclose(
            ours.detach().numpy(), theirs.detach().numpy(), rtol=tolerance, atol=tolerance / 100
        )
    elif theirs is None or isinstance(theirs, bool | int | float | str):
        assert ours == theirs
    else:
        assert repr(ours) == repr(theirs)


def evaluate(t: Any, expression: str) -> Any:
    """Return an expression's value with one library, and the gradients of what it was given."""
    t.manual_seed(3)
    source = np.random.default_rng(0)
    shapes = {"x": (3, 4), "y": (3, 4), "v": (4,), "w": (2, 4, 4)}
    given = {n: t.tensor(source.standard_normal(s), requires_grad=True) for n, s in shapes.items()}
    given["p"] = t.tensor(source.random((3, 4)) + 0.5, requires_grad=True)
    names = {"np": np, "t": t, "nn": t.nn, "F": t.nn.functional, "i": t.tensor([2, 0, 1]), **given}
    value = eval(expression, names)
    gradients = []
    if hasattr(value, "requires_grad") and value.requires_grad and not value.is_leaf:
        g = t.tensor(source.standard_normal(tuple(value.shape))).to(value.dtype)
        gradients = t.autograd.grad(value, list(given.values()), g, allow_unused=True)
    return value, gradients


@pytest.mark.parametrize("expression", VALUES)
def test_expression_gives_what_it_gives_in_pytorch(expression: str, torch: Any) -> None:
    agree(evaluate(tg, expression), evaluate(torch, expression))


def test_steps_that_are_not_expressions_agree(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        seen: list[Any] = []
        x = t.tensor([1.0, 2.0], requires_grad=True)
        middle = x * 3
        middle.retain_grad()
        t.autograd.backward([middle, x.exp()], [t.ones(2), t.tensor([0.5, 2.0])])
        seen += [middle.grad, x.grad, middle.grad_fn.name(), len(middle.grad_fn.next_functions)]
        with (
            warnings.catch_warnings(action="ignore"),
            t.autograd.detect_anomaly(check_nan=True),
            pytest.raises(RuntimeError, match=r"(?i)nan"),
        ):
            (x.detach().requires_grad_() * 0 - 1).sqrt().sum().backward()

        net = t.nn.Sequential(t.nn.Linear(2, 2), t.nn.Sequential(t.nn.Tanh()))
        net.add_module("last", t.nn.Identity())
        net.register_parameter("scale", t.nn.Parameter(t.ones(1)))
        net.register_buffer("count", t.zeros(1), persistent=False)
        net.extra = t.nn.Buffer(t.ones(2))
        seen += [[name for name, _ in net.named_children()], len(list(net.children()))]
        seen += [[name for name, _ in net.named_buffers()], list(net.state_dict())]
        seen += [repr(net.get_submodule("1.0")), net[0].extra_repr(), repr(net)]
        optimizer = t.optim.SGD(net[0].parameters(), lr=0.1)
        optimizer.add_param_group({"params": [net.scale], "lr": 0.5})
        seen += [[(len(g["params"]), g["lr"], g["momentum"]) for g in optimizer.param_groups]]
        t.set_num_threads(1)
        seen += [t.get_num_threads(), hash(x) == hash(x), np.asarray(x.detach()).tolist()]
        results.append(seen)
    agree(*results)


@pytest.mark.parametrize(
    "schedule",
    [
        "lr_scheduler.MultiplicativeLR(o, lambda epoch: 0.9)",
        "lr_scheduler.ConstantLR(o, factor=0.5, total_iters=2)",
        "lr_scheduler.ChainedScheduler([lr_scheduler.ConstantLR(o, 0.3, 2), lr_scheduler.ExponentialLR(o, 0.8)])",
    ],
)
def test_schedule_gives_the_rates_of_pytorch(schedule: str, torch: Any) -> None:
    results: list[list[float]] = []
    for t in (tg, torch):
        optimizer = t.optim.SGD([t.zeros(1, requires_grad=True)], lr=0.1)
        scheduler = eval(schedule, {"lr_scheduler": t.optim.lr_scheduler, "o": optimizer})
        rates = []
        for _ in range(4):
            optimizer.step()
            scheduler.step()
            rates.append(optimizer.param_groups[0]["lr"])
        results.append(rates)
    np.testing.assert_allclose(*results, rtol=1e-12)
