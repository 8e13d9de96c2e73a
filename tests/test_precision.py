"""float16 adds up in float32, and running sums and variances of float32 in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cases
import numpy as np
import pytest
from cases import Case

import tinygrad_mnist as tg
from tinygrad_mnist import ops
from tinygrad_mnist.autograd import grad

HALF = np.float16


def run(case: Case, arrays: list[Any], dtype: Any) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the outputs of a case in a dtype, and the gradients that ones lead to."""
    given = [a.astype(dtype) if getattr(a, "dtype", None) == HALF else a for a in arrays]
    tensors = cases.tensors(case, given)
    outs = cases.outputs(case, *tensors)
    tracked = [t for i, t in enumerate(tensors) if cases.is_tracked(case, i)]
    found = [out.detach().numpy() for out in outs]
    if not case.op.differentiable:
        return found, []
    gradients = grad(outs, tracked, [tg.ones_like(out) for out in outs])
    return found, [g.numpy() for g in gradients]


@pytest.mark.parametrize("case", list(cases.cases(differentiable=True)), ids=repr)
def test_float16_is_computed_in_float32_and_rounded_once(case: Case) -> None:
    if "dtype" in case.sample.settings:
        pytest.skip("it changes the dtype")
    drawn = cases.symmetrized(case, cases.inputs(case, 0))
    arrays = [x.astype(HALF) if getattr(x, "dtype", None) == np.float64 else x for x in drawn]
    outs, gradients = run(case, arrays, HALF)
    wide_outs, wide_gradients = run(case, arrays, np.float32)
    for a, b in zip(outs, wide_outs, strict=True):
        assert a.dtype == HALF
        np.testing.assert_array_equal(a, b.astype(HALF))
    # A rule may read the output, which is rounded; nothing else is.
    off = 1e-2 if reads_output(case.op) else 6e-4
    for a, b in zip(gradients, wide_gradients, strict=True):
        assert a.dtype == HALF
        np.testing.assert_allclose(a, b, rtol=off, atol=off)


def reads_output(op: ops.Op) -> bool:
    return any({*op.outputs} & {*rule.arrays} for rule in op.rules.values())


NUMBERS = [
    ("torch.tensor([40000.0] * 3, dtype=torch.float16).mean()", 40000.0),
    ("torch.ones(70000, dtype=torch.float16).mean()", 1.0),
    ("torch.ones(5000, dtype=torch.float16).cumsum(0)[-1]", 5000.0),
    ("torch.ones(5000, 2, dtype=torch.float16).sum(0)[1]", 5000.0),
    ("half(1).scatter_add(0, torch.zeros(5000, dtype=torch.int64), half(5000) + 1)", 5000.0),
    ("torch.nn.functional.mse_loss(half(5000) + 30, half(5000))", 900.0),
    ("torch.nn.functional.layer_norm(half(5000) + 30, [5000])[7]", 0.0),
    ("torch.nn.functional.normalize(half(1, 5000) + 30)[0, 7]", 0.014144897),
    ("torch.nn.functional.cosine_similarity(half(1, 5000) + 30, half(1, 5000) + 30)", 1.0),
    ("torch.nn.functional.avg_pool2d(half(1, 80, 80) + 30, 80)", 30.0),
    ("torch.tensor([0.1]).repeat(10**7).cumsum(0)[-1]", 1000000.0),
    ("torch.tensor([1e30, 0.0]).std()", 7.071067565216947e29),
    ("torch.tensor([1e-30, 0.0]).std()", 7.071067777540908e-31),
    ("torch.tensor([1e30, 0.0]).var()", float("inf")),
    ("torch.std_mean(torch.tensor([1e30, 0.0]))[0]", 7.071067565216947e29),
]


@pytest.mark.parametrize(("program", "expected"), NUMBERS)
def test_sums_are_as_exact_as_pytorchs(program: str, expected: float) -> None:

    def half(*shape: int) -> tg.Tensor:
        return tg.zeros(*shape, dtype=tg.float16)

    found = eval(program, {"torch": tg, "half": half})
    assert found.item() == pytest.approx(expected, rel=6e-4 if found.dtype == tg.float16 else 0)


def test_the_bias_of_a_linear_layer_gets_the_sum_of_all_rows() -> None:
    layer = tg.nn.Linear(3, 2).half()
    layer(tg.ones(5000, 3, dtype=tg.float16)).sum().backward()
    assert layer.bias.grad.tolist() == [5000.0, 5000.0]


@pytest.mark.parametrize("scale", [1e30, 1.0, 1e-36])
@pytest.mark.parametrize("offset", [0.0, 1e6])
@pytest.mark.parametrize("shape", [(20, 30), (200, 300)])
def test_deviations_of_float32_are_those_of_float64(
    scale: float, offset: float, shape: Any
) -> None:
    numbers = np.random.default_rng(0).standard_normal(shape) + offset
    x = (numbers * scale).astype(np.float32)
    for dim in (None, 0, 1):
        expected = np.std(x, axis=dim, ddof=1, dtype=np.float64)
        np.testing.assert_allclose(tg.from_numpy(x).std(dim).numpy(), expected, rtol=1e-6)


def test_all_of_many_equal_elements_share_the_gradient_of_the_largest() -> None:
    x = tg.ones(70000, dtype=tg.float16, requires_grad=True)
    x.max().backward()
    assert x.grad[0].item() == 1.430511474609375e-05


PROGRAMS = [
    "F.mse_loss(x, y)", "F.l1_loss(x, y)", "F.smooth_l1_loss(x, y)", "F.huber_loss(x, y)",
    "F.binary_cross_entropy_with_logits(x, y / 100)", "F.kl_div(x, y / 100, reduction='sum')",
    "F.cross_entropy(x, classes)", "F.nll_loss(x, classes)", "F.soft_margin_loss(-x, y * 0 + 1)",
    "x.norm()", "x.norm(3)", "x.renorm(2, 0, 5.0)", "x.norm(dim=0)", "linalg.matrix_norm(x)", "F.normalize(x.T)",
    "F.avg_pool2d(x.reshape(1, 1, 100, 60) * 1000, 20)", "F.adaptive_avg_pool2d(x[None], 7)",
    "F.layer_norm(x * z, (60,), w, w)", "F.group_norm(x * z, 4)", "F.rms_norm(x * 100, (60,), w)",
    "F.batch_norm(x * z, None, None, w, w, True)", "F.batch_norm(x * z, w - 1, w + 4, w, w)",
    "F.instance_norm((x * z)[None])", "F.cosine_similarity(x, y * z)", "F.pairwise_distance(x, y)",
    "F.linear(y, v, w[:50])", "F.linear(y, v, w[:50]).sum(0)", "x.T @ (y / 9)", "einsum('ij,ik', x, y / 9)",
    "F.conv2d(x.reshape(4, 1, 25, 60), v.reshape(6, 1, 20, 25), w[:6])", "F.embedding(classes, x)",
    "F.embedding_bag(classes.reshape(1, -1), x)", "x[classes]", "x.index_select(0, classes)",
    "x.gather(0, classes.reshape(-1, 1).expand(100, 60))", "(x * 20).sum(0)",
    "(w * 0).index_add(0, classes, x[:, 0])", "x.cumsum(0)", "x.logcumsumexp(0)", "(x / 29).cumprod(0)[:9]",
    "(w * 0).scatter_reduce(0, classes, x[:, 0] * 30, 'mean')", "x.logsumexp(0)", "(x - 30 + w)[:, :9]",
    "(w * 0).scatter_reduce(0, classes, x[:, 0], 'amax')", "x.var()", "(x * z * 500).std(0)",
    "F.scaled_dot_product_attention((x * 10).detach(), x.detach(), y)", "F.interpolate(x[None], scale_factor=1.5)",
    "F.interpolate(x[None, None], scale_factor=2, mode='bilinear')", "x.amax()", "x.median()",
    "addmm(y[:, :50], x, v.T)", "histc(x, 3)", "bincount(classes, x.detach()[:, 0])", "trace(x @ y.T / 99)",
]  # fmt: skip
"""Of 100 rows of 60 thirties (x), a wave around 25 (y), alternating signs (z), ones (w), .1s (v)."""


def evaluated(program: str, dtype: Any) -> list[np.ndarray]:
    """Return the value of a program, and the gradients of its inputs."""
    wave = 25 + 5 * np.sin(np.arange(6000.0))
    arrays = {
        "x": np.full((100, 60), 30.0),
        "y": wave.reshape(100, 60),
        "z": (-1.0) ** np.arange(60),
        "w": np.ones(60),
        "v": np.full((50, 60), 0.1),
    }
    tensors = {
        name: tg.from_numpy(a.astype(HALF).astype(dtype)).requires_grad_()
        for name, a in arrays.items()
    }
    classes = tg.from_numpy(np.arange(100) // 90)
    late = {"histc": tg.histc, "bincount": tg.bincount}  # in vars(tg) once they are asked for
    names = {**vars(tg), **late, "F": tg.nn.functional, **tensors, "classes": classes}
    out = eval(program, names)
    gradients: Any = []
    if out.requires_grad:
        # Gradients of means and losses are of a size that float16 holds.
        g = tg.full_like(out, 1000 if not out.dim() else 1)
        gradients = grad(out, list(tensors.values()), g, allow_unused=True)
    return [x.detach().numpy() for x in (out, *gradients) if x is not None]


@pytest.mark.parametrize("program", PROGRAMS)
def test_float16_is_float64_rounded(program: str) -> None:
    exact = evaluated(program, np.float64)
    for a, b in zip(evaluated(program, HALF), exact, strict=True):
        assert a.dtype == HALF or program.startswith("bincount")
        scale = 1e-3 * float(np.abs(b).max())
        np.testing.assert_allclose(a.astype(float), b, rtol=2e-2, atol=max(scale, 1e-3))


def test_gradients_in_float16_are_clipped_to_their_norm(torch: Any) -> None:
    found = []
    for library in (tg, torch):
        x = library.zeros(5000, dtype=library.float16, requires_grad=True)
        (x * 30).sum().backward()
        norm = library.nn.utils.clip_grad_norm_([x], 1000.0)
        found.append((norm.item(), x.grad[0].item()))
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_a_gradient_s_gradient_in_float16_is_computed_in_float32_too() -> None:
    x = tg.full((5000,), 30.0, dtype=tg.float16, requires_grad=True)
    (first,) = grad((x * x).mean(), x, create_graph=True)
    (second,) = grad((first * first).sum() * 100, x)
    np.testing.assert_allclose(second.numpy(), 2 * 30 * 100 * (2 / 5000) ** 2, rtol=2e-2)


def test_a_rule_s_gradient_is_rounded_after_broadcasting_is_undone() -> None:
    x = tg.ones((), dtype=tg.float16, requires_grad=True)
    (x * tg.ones(5000, dtype=tg.float16)).sum().backward()
    assert x.grad.item() == 5000.0


# Every public function

CALLS: dict[str, Callable[..., Any]] = {
    "f(a)": lambda f, a, b, i: f(a),
    "f(a, 0)": lambda f, a, b, i: f(a, 0),
    "f(a, -1)": lambda f, a, b, i: f(a, -1),
    "f(a, 3)": lambda f, a, b, i: f(a, 3),
    "f(a, [60])": lambda f, a, b, i: f(a, [60]),
    "f(a, None, None, None, None, True)": lambda f, a, b, i: f(a, None, None, None, None, True),
    "f(a, b)": lambda f, a, b, i: f(a, b),
    "f(a, b.T)": lambda f, a, b, i: f(a, b.T),
    "f(a, b, a)": lambda f, a, b, i: f(a, b, a),
    "f(a, i)": lambda f, a, b, i: f(a, i),
    "f(b, 0, i, a)": lambda f, a, b, i: f(b[:2], 0, i, a),
    "f(a, b, reduction='sum')": lambda f, a, b, i: f(a, b, reduction="sum"),
}
"""Ways to call a function with floats a and b, of shape (100, 60), and 100 zeros as integers."""

UNSWEPT = ("set_", "use_", "seed", "save", "load", "rand", "dropout", "multinomial", "bernoulli",
           "empty", "normal", "gumbel", "hist", "kron")  # fmt: skip
"""Functions that change settings, draw numbers, counts them, or makes too many."""

AS_PYTORCH = {
    "cov": "a sum is divided",
    "nanmean": "a sum is divided",
    "nn.functional.cross_entropy": "targets are no probabilities here",
    "nn.functional.poisson_nll_loss": "as of Poisson distributions with a mean of exp(30)",
    "nn.functional.multilabel_soft_margin_loss": "a sum is divided",
}
"""Where a step of the definition, PyTorch's too, is beyond float16, and so is the result."""


def names() -> list[str]:
    """Return all public functions, but for those that draw or write."""
    found = []
    for prefix in ("", "linalg.", "nn.functional."):
        for name, function in sorted(find(tg, prefix + "__dict__").items()):
            plain = callable(function) and not isinstance(function, type)
            if plain and not name.startswith("_") and not name.endswith("_"):
                if not any(word in name for word in UNSWEPT) or name.endswith(("norm", "loss")):
                    found.append(prefix + name)
    return found


def find(library: Any, name: str) -> Any:
    for part in name.split("."):
        library = getattr(library, part)
    return library


def results(library: Any, name: str, call: str, dtype: Any) -> Any:
    """Return what a function makes of two tensors and the gradients; None if it can't be."""
    arrays = np.full((100, 60), 30.0), np.linspace(15.0, 30.0, 6000).reshape(100, 60)
    a, b = (
        library.from_numpy(array.astype(HALF).astype(dtype)).requires_grad_() for array in arrays
    )
    index = library.from_numpy(np.zeros(100, np.int64))
    try:
        out = CALLS[call](find(library, name), a, b, index)
        outs = list(out) if isinstance(out, tuple | list) else [out]
        outs = [x for x in outs if isinstance(x, library.Tensor) and x.is_floating_point()]
        tracked = [x for x in outs if x.requires_grad]
        if tracked:
            # Such that the gradient of a mean is about 1, too.
            gs = [library.full_like(x, 6000 / max(x.numel(), 1)) for x in tracked]
            outs += library.autograd.grad(tracked, [a, b], gs, allow_unused=True)
    except Exception:
        return None
    return [np.zeros(0) if x is None else x.detach().numpy() for x in outs]


def close(mine: Any, exact: Any) -> bool:
    """Whether numbers are equal but for a few roundings, one of which may be in an exponent."""
    if exact is None:
        return False
    for x, y in zip(mine, exact, strict=True):
        rounded = y.astype(x.dtype).astype(float)
        if x.shape != y.shape or not np.allclose(x.astype(float), rounded, 2e-2, 4e-3, True):
            return False
    return True


@pytest.mark.filterwarnings("ignore")
def test_float16_agrees_with_float64_or_else_with_pytorch() -> None:
    """Without PyTorch, what is only its own definition's overflow is left out."""
    try:
        import torch
    except ImportError:
        torch = None
    swept, wrong = set(), []
    with np.errstate(all="ignore"):
        for name in names():
            for call in CALLS:
                exact = results(tg, name, call, np.float64)
                mine = exact and results(tg, name, call, HALF)
                if not mine:
                    continue
                swept.add(name)
                if close(mine, exact) or (torch is None and name in AS_PYTORCH):
                    continue
                theirs = torch and results(torch, name, call, HALF)
                if not close(mine, theirs):
                    wrong.append(f"{name} called as {call}")
    assert len(swept) > 200
    assert not wrong, "\n".join(wrong)
