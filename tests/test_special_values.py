"""Values, gradients and second derivatives at special places, beside PyTorch's.

Every operation of the table and every public function is called there. What can be called with
tensors alone is found by trying; the rest is written down below; what isn't compared has a reason.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import cases
import numpy as np
import pytest
from special_values import (
    NAN,
    Call,
    Place,
    compare_elementwise,
    compare_filled,
    derivatives,
    is_elementwise,
)

import tinygrad_mnist as tg
from tinygrad_mnist.ops import Op, factorization

ERRORS = (
    RuntimeError,
    ValueError,
    IndexError,
    TypeError,
    NotImplementedError,
    AttributeError,
    BufferError,
)
MODULES = {
    "t": tg, "F": tg.nn.functional, "t.linalg": tg.linalg, "t.special": tg.special,
}  # fmt: skip
PATTERNS = (
    ("{f}(x)", "{f}(m)", "{f}(w)"),
    ("{f}(m, 1)", "{f}(x, 0)", "{f}(w, 2)"),
    ("{f}(x, y)", "{f}(m, m2)", "{f}(m, v)"),
    ("{f}(x, y, z)",),
    ("{f}(x, y, reduction='none')",),
    ("{f}(x[None], y[None], z[None], reduction='none')",),
    ("{f}([m, m2])",),
)
"""Ways to call a function with tensors alone; of each kind the first that works is taken."""

WRITTEN = """
t.addbmm(m, w[0], w[1]); t.addmm(m, m2, m); t.addmv(v, m, v); t.baddbmm(w[0], w[0], w[1])
t.bmm(w[0], w[1]); t.einsum('ij,jk->ik', m, m2); t.vdot(v, m[0]); t.linalg.multi_dot([m, m2, m])
t.conv1d(w[0], w[1]); t.conv2d(w, w[:, :, :2, :2]); t.conv_transpose2d(w, w.reshape(4, 2, 4, 4))
F.conv1d(w[0], w[1]); F.conv2d(w, w[:, :, :2, :2]); F.conv_transpose2d(w, w.reshape(4, 2, 4, 4))
F.conv_transpose1d(w[0], w[1]); F.conv_transpose3d(w[None, :1], w[None, :1, :1, :2, :2]); F.conv3d(w[None, :1], w[None, :1, :1, :2, :2])
F.bilinear(m, m2, w[0]); F.linear(m, m2, v)
F.embedding(t.tensor([0, 2, 2]), m)
F.embedding_bag(t.tensor([[0, 2], [1, 1]]), m, mode='mean')
F.embedding_bag(t.tensor([[0, 2], [1, 1]]), m, mode='max')
t.split_with_sizes(m, [1, 3]); t.gather(m, 1, t.tensor([[0, 0], [2, 1]])); t.take(m, t.tensor([1, 1, 3]))
t.take_along_dim(m, t.tensor([[1], [0], [3], [3]]), 1); t.index_select(m, 0, t.tensor([0, 0, 1]))
t.index_add(m, 0, t.tensor([1, 1]), m2[:2]); t.index_copy(m, 0, t.tensor([1, 2]), m2[:2])
t.index_fill(m, 0, t.tensor([1, 2]), m2[0, 0]); t.index_put(m, (t.tensor([1, 1]),), m2[:2], True)
t.masked_fill(x, x > 0.5, 2.0); t.masked_fill(m, m > 0.5, m2[0, 0])
t.masked_select(m, t.eye(4) > 0); t.masked_scatter(m, t.eye(4) > 0, m2)
t.scatter(m, 1, t.tensor([[0, 1], [2, 1]]), m2[:2, :2])
t.scatter_add(m, 1, t.tensor([[0, 0], [2, 1]]), m2[:2, :2])
t.scatter_reduce(m, 1, t.tensor([[0, 0], [2, 1]]), m2[:2, :2], 'amax')
t.scatter_reduce(m, 1, t.tensor([[0, 0], [2, 1]]), m2[:2, :2], 'amin')
t.scatter_reduce(m, 1, t.tensor([[0, 0], [2, 1]]), m2[:2, :2], 'mean')
t.where(x > 0.5, x, y); t.cross(m[:, :3], m2[:, :3])
t.linalg.cross(m[:, :3], m2[:, :3]); t.flip(m, (0,)); t.permute(m, (1, 0)); t.tile(m, (2, 1))
t.reshape(m, (2, 8)); t.swapaxes(m, 0, 1); t.swapdims(m, 0, 1); t.transpose(m, 0, 1)
t.movedim(m, 0, 1); t.moveaxis(m, 0, 1); t.select(m, 0, 1); t.chain_matmul(m, m2, m); t.narrow(m, 0, 1, 2); t.broadcast_to(v, (3, 4)); t.unflatten(v, 0, (2, 2))
t.as_strided(m, (2, 2), (1, 2))
t.pow(x, 2); t.pow(x, 3); t.pow(x, -1); t.pow(x, 0.5); t.pow(2.0, x); t.pow(x, 1)
t.pow(x, 1.5); t.pow(x, -2); t.pow(x, 0)
t.lerp(x, y, 0.3); t.lerp(x, y, 0.7); t.logit(x, 0.2); t.where(x > 0.5, x, 2.0)
t.div(x, y, rounding_mode='trunc'); t.div(x, y, rounding_mode='floor')
t.clamp(x, 0.0, 1.0); t.clamp(x, max=y); t.clamp(x, min=0.5); t.nan_to_num(x, 1.0, 2.0, 3.0)
t.var(m, 1); t.std(m, 1); t.std(m, 1, correction=0); t.std(m[:1], 0); t.var(m[:1], 0)
t.amax(m, (0, 1)); t.aminmax(m, dim=1); t.logsumexp(m, (0, 1)); t.sort(m, descending=True)
t.norm(m, 0); t.norm(m, 0.5); t.norm(m, 1); t.norm(m, 1.5, 1); t.norm(m, 3, 1); t.norm(m, -1)
t.norm(m, inf); t.norm(m, inf, 1); t.norm(m, -inf); t.linalg.norm(m, 1); t.linalg.norm(m, inf)
t.linalg.vector_norm(m, 0, 1); t.linalg.vector_norm(m, inf, 1); t.linalg.vector_norm(m, 2.5, 1)
t.dist(m, m2, 1); t.dist(m, m2, inf); t.dist(m, m2, -inf); t.dist(m, m2, 3)
t.cdist(m, m2, 1.0); t.cdist(m, m2, 3.0); t.cdist(m, m2, 1.5); t.cdist(m, m)
t.quantile(m, 0.3, 1); t.quantile(m, 0.5, 1, interpolation='midpoint')
t.quantile(m, 0.4, 1, interpolation='nearest'); t.quantile(m, 0.4, 1, interpolation='lower')
t.nanquantile(m, 0.3, 1); t.quantile(m, v)
t.layer_norm(m, (4,), v, m2[0]); t.rms_norm(m, (4,), v); F.layer_norm(m, (4,), v, m2[0])
F.rms_norm(m, (4,), v); F.rms_norm(m, (4,)); F.batch_norm(m, None, None, v, m2[0], True)
F.batch_norm(m, m2[0].detach(), m2[1].detach(), v, v, False); F.group_norm(w, 2, v, w[0, 0, 0])
F.local_response_norm(w, 2); F.local_response_norm(w, 3, 1.0, 0.5, 0.1)
F.normalize(m); F.normalize(m, 1); F.normalize(m, 3.0); F.normalize(m, inf); F.normalize(m, 0)
F.cosine_similarity(m, m2); F.pairwise_distance(m, m2); F.pairwise_distance(m, m2, eps=0)
F.pairwise_distance(m, m2, 1, 0); F.pairwise_distance(m, m2, inf, 0)
F.cosine_embedding_loss(m, m2, t.tensor([1, -1, 1, -1]))
F.nll_loss(m, t.tensor([0, 1, 3, 1])); F.nll_loss(m, t.tensor([0, 1, 3, 1]), reduction='none')
F.cross_entropy(m, t.tensor([0, 1, 3, 1]))
F.cross_entropy(m, t.tensor([0, 1, 3, 1]), v.detach(), reduction='none')
F.cross_entropy(m, t.tensor([0, 1, 3, 1]), label_smoothing=0.1)
F.cross_entropy(m, t.tensor([0, 1, 3, 1]), ignore_index=1); F.cross_entropy(m, m2)
F.multi_margin_loss(m, t.tensor([0, 1, 3, 1])); F.multi_margin_loss(m, t.tensor([0, 1, 3, 1]), p=2)
F.margin_ranking_loss(x, y, z, 0.1); F.soft_margin_loss(x, y.detach(), reduction='none')
F.triplet_margin_loss(m, m2, m.flip(0), p=1); F.triplet_margin_loss(m, m2, m.flip(0), swap=True)
F.huber_loss(x, y, 'none', 0.5); F.smooth_l1_loss(x, y, reduction='none', beta=0.0)
F.poisson_nll_loss(x, y, False, reduction='none')
F.poisson_nll_loss(x, y, full=True, reduction='none'); F.kl_div(x, y, reduction='none', log_target=True)
F.binary_cross_entropy_with_logits(x, y, pos_weight=z.detach(), reduction='none')
F.elu(x, 2.0); F.celu(x, 2.0); F.softplus(x, 2.0); F.leaky_relu(x, 0.0); F.leaky_relu(x, -1.0)
F.threshold(x, 0.5, 2.0); F.gelu(x, approximate='tanh'); F.prelu(m, v[:1]); F.glu(m)
F.hardtanh(x, 0.3, 2.0); F.softmax(m, 0); F.log_softmax(m, 0); F.softmin(m, 0)
t.prelu(x, v[:1]); F.prelu(m, v); F.scaled_dot_product_attention(w[0], w[1], w[0])
F.pad(m, (1, 1), value=2.0); F.pad(w, (1, 1, 1, 1), mode='reflect'); F.max_pool2d(w, 2)
F.max_pool1d(m, 2); F.avg_pool2d(w, 2, 1, 1); F.avg_pool1d(m, 2); F.max_pool2d(w, 3, 1)
F.adaptive_max_pool2d(w, 2); F.adaptive_max_pool2d(w, 3); F.adaptive_avg_pool2d(w, 3)
F.fold(m[None, :, :3], (2, 4), (2, 2)); F.unfold(w, 2)
F.max_unpool2d(w[:, :, ::2, ::2], t.arange(4).mul(4).reshape(1, 1, 2, 2).expand(2, 4, 2, 2), 2)
F.max_unpool1d(m[None, :, ::2], t.tensor([0, 3]).expand(1, 4, 2), 2)
F.max_unpool3d(w[None, :1, ::2, ::2, ::2], t.arange(8).mul(8).reshape(1, 1, 2, 2, 2), 2)
F.max_pool3d(w[None], 2); F.avg_pool3d(w[None], 2); F.adaptive_max_pool3d(w[None], 2)
F.lp_pool1d(m, 2, 2); F.lp_pool2d(w, 2, 2); F.lp_pool3d(w[None], 2, 2)
F.multilabel_margin_loss(m, t.tensor([[0, 2, -1, 1], [3, -1, 0, 0]]).repeat(2, 1))
F.affine_grid(w[:, :2, :3, 0], (2, 1, 3, 3), align_corners=False)
F.grid_sample(w, t.linspace(-0.9, 0.8, 16).to(w.dtype).reshape(2, 2, 2, 2), align_corners=False)
F.interpolate(w, scale_factor=2); F.interpolate(w, scale_factor=2, mode='bilinear')
F.interpolate(m[None], 7, mode='linear', align_corners=True); F.pixel_shuffle(w, 2); F.pixel_unshuffle(w, 2)
"""
"""Calls that need more than tensors, or other settings than the default ones."""

UNLIKE: dict[str, tuple[str, Callable[..., Any]]] = {}
"""By how a call begins: why some places differ, and which. For an elementwise call that is told of
by level (0 values, 1 gradients, 2 second derivatives), number, incoming gradient, and inputs; for
another by the place."""


def unlike(*begins: str) -> Callable[..., Any]:
    """Register where calls differ from PyTorch; the docstring says why."""

    def register(where: Callable[..., Any]) -> Callable[..., Any]:
        assert where.__doc__
        for name in begins:
            UNLIKE[name] = (where.__doc__, where)
        return where

    return register


@unlike("t.digamma", "t.lgamma", "t.special.digamma", "t.special.psi", "t.special.gammaln",
        "polygamma", "lgamma")  # fmt: skip
def _(level: int, number: int, g: Any, x: Any, *rest: Any) -> Any:
    """PyTorch's trigamma divides by sin(pi x), which rounding keeps from being 0 at its poles."""
    return (x <= -1) & ((x == np.round(x)) | np.isinf(x))


@unlike("t.addcdiv")
def _(level: int, number: int, g: Any, x: Any, y: Any, z: Any) -> Any:
    """PyTorch squares the divisor, which overflows in float32; ours is the true slope."""
    return (number == 2) & (np.abs(z) == np.float32(1e30))


@unlike("t.addcmul")
def _(level: int, number: int, g: Any, x: Any, y: Any, z: Any) -> Any:
    """PyTorch rounds a product and a sum together, where in float32 the product overflows."""
    return np.isinf(x) & (np.abs(y) == np.float32(1e30)) & (np.abs(z) == np.float32(1e30))


@unlike("F.soft_margin_loss")
def _(level: int, number: int, g: Any, x: Any, y: Any) -> Any:
    """PyTorch's exponential overflows, and so does its logarithm; ours is shifted."""
    return -x * y > np.log(np.finfo(x.dtype).max)


@unlike("F.batch_norm", "F.group_norm", "F.layer_norm", "t.layer_norm")
def _(place: Place) -> bool:
    """PyTorch multiplies them out, or adds in another order: infinity less infinity is NaN."""
    return "inf" in place.incoming or (place.name != "m" and np.isinf(place.value or 0))


@unlike(
    "F.multi_margin_loss",
    "F.multilabel_margin_loss",
    "t.scatter_reduce",
    "t.linalg.multi_dot",
    "t.chain_matmul",
)
def _(place: Place) -> bool:
    """PyTorch multiplies what isn't chosen by 0, or associates products in another order."""
    return place.incoming != "plain" or not np.isfinite(place.value or 0)


@unlike("t.cdist")
def _(place: Place) -> bool:
    """PyTorch has rules for NaN, and for infinite gradients, that differ from those of its norms."""
    return "inf" in place.incoming or (place.value is not None and np.isnan(place.value))


@unlike("t.pdist")
def _(place: Place) -> bool:
    """PyTorch's slope of a distance that is infinite or NaN is 0."""
    return not np.isfinite(place.value or 0)


@unlike("t.linalg.vander")
def _(place: Place) -> bool:
    """PyTorch's powers are running products, whose slopes are NaN where one is infinite."""
    return "inf" in place.incoming or np.isinf(place.value or 0)


@unlike("t.std_mean", "t.var_mean")
def _(place: Place) -> bool:
    """PyTorch's mean of these, in one pass, is NaN of infinities; that of mean() isn't."""
    return np.isinf(place.value or 0)


@unlike("t.topk", "t.kthvalue")
def _(place: Place) -> bool:
    """Which of several equal elements it is PyTorch leaves open."""
    return place.where not in ("none", "one")


@unlike("t.nanmedian", "t.mode")
def _(place: Place) -> bool:
    """Where a row holds NaN alone any index is as good; mode orders NaN by the memory's order."""
    return place.value is not None and np.isnan(place.value)


@unlike("masked_softmax", "zero_region", "write_region", "rnn", "lstm", "gru", "prelu",
        "binary_cross_entropy_with_logits")  # fmt: skip
def _(place: Place) -> bool:
    """The entry's expression for PyTorch multiplies by 0, or hides NaN; functions are compared."""
    return place.incoming != "plain" or not np.isfinite(place.value or 0)


@unlike("F.prelu", "t.prelu")
def _(place: Place) -> bool:
    """At 0 the slope of PyTorch's second derivative is another than that of its first."""
    return place.order == 2 and (place.where == "ties" or place.value == 0)


@unlike("F.mish", "mish")
def _(level: int, number: int, g: Any, x: Any) -> Any:
    """Far below 0 PyTorch's sigmoid in float32 has rounded to 0, and the slope's sign is lost."""
    return (x == -100) & (x.dtype == np.float32)


@unlike("F.cosine_similarity", "t.cosine_similarity")
def _(place: Place) -> bool:
    """Of opposite infinities in a sum the order decides which are left."""
    return place.incoming == "-inf"


@unlike("F.interpolate(w, scale_factor=2, mode", "F.interpolate(m", "F.upsample_bilinear")
def _(place: Place) -> bool:
    """Its gradient is a product with a matrix, which has zeros for infinities to meet."""
    return place.incoming != "plain"


NOT_COMPARED = {
    "LAPACK's choice where a matrix is singular, infinite or NaN": """
t.cholesky t.cholesky_inverse t.cholesky_solve t.det t.inverse t.logdet t.matrix_power t.pinverse
t.qr t.slogdet t.svd t.linalg.cholesky t.linalg.cond t.linalg.det t.linalg.eigh t.linalg.eigvalsh
t.linalg.inv t.linalg.lstsq t.linalg.matrix_norm t.linalg.matrix_power t.linalg.matrix_rank
t.linalg.pinv t.linalg.qr t.linalg.slogdet t.linalg.solve t.linalg.solve_triangular t.linalg.svd
t.linalg.svdvals t.linalg.tensorsolve t.corrcoef""",
    "random numbers": "t.dropout F.dropout F.dropout1d F.dropout2d F.dropout3d F.alpha_dropout F.gumbel_softmax",
    "PyTorch's gradient is that of the log_softmax before it": "F.ctc_loss",
    "its arguments are F's": "t.embedding t.binary_cross_entropy_with_logits",
    "no gradient": """
F.one_hot t.all t.allclose t.any t.arange t.are_deterministic_algorithms_enabled t.argmax t.argmin
t.argsort t.argwhere t.bernoulli t.bincount t.bitwise_and t.bitwise_left_shift t.bitwise_not
t.bitwise_or t.bitwise_right_shift t.bitwise_xor t.broadcast_shapes t.bucketize t.can_cast
t.count_nonzero t.empty t.empty_like t.eq t.equal t.eye t.from_dlpack t.from_numpy t.full
t.full_like t.ge t.get_default_device t.get_default_dtype t.get_float32_matmul_precision
t.get_num_threads t.get_rng_state t.greater t.histc t.histogram t.histogramdd t.is_complex
t.is_floating_point t.is_grad_enabled t.is_same_size t.is_inference_mode_enabled t.is_nonzero t.is_storage t.is_tensor
t.isclose
t.isfinite t.isin t.isinf t.isnan t.isneginf t.isposinf t.le t.less t.linspace t.logical_and
t.logical_not t.logical_or t.logical_xor t.logspace t.multinomial t.ne t.normal t.numel t.ones
t.ones_like t.promote_types t.rand t.rand_like t.randint t.randint_like t.randn t.randn_like
t.randperm t.result_type t.searchsorted t.signbit t.tensor t.tril_indices t.triu_indices t.typename
t.vmap
t.zeros t.zeros_like""",
    "PyTorch has none": "t.unique t.unique_consecutive t.floor_divide t.heaviside",
}


SETTINGS = """
save load seed manual_seed initial_seed set_default_device set_default_dtype set_default_tensor_type
set_float32_matmul_precision set_num_threads set_num_interop_threads set_printoptions set_rng_state
use_deterministic_algorithms set_grad_enabled set_flush_denormal""".split()
"""Functions that would change the state of the library or a file."""


@cache
def names() -> list[str]:
    """Return the names of the public functions that PyTorch has too, each function once."""
    found: dict[Any, str] = {}
    for prefix, module in MODULES.items():
        for name in dir(module):
            function = getattr(module, name)
            private = name.startswith("_") or name.endswith("_") or name in SETTINGS
            if callable(function) and not private and not isinstance(function, type):
                found.setdefault(function, f"{prefix}.{name}")
    return sorted(found.values())


@cache
def written() -> dict[str, list[Call]]:
    """Return the calls written down, by function."""
    found: dict[str, list[Call]] = {}
    for expression in re.split(r";(?![^(]*\))|\n", WRITTEN):
        if expression.strip():
            call = Call.of(expression.strip())
            found.setdefault(call.expression.split("(")[0], []).append(call)
    return found


def works(t: Any, call: Call) -> bool:
    """Whether a call has a gradient at an ordinary place."""
    place = Place(None, "", "none", "plain")
    try:
        arrays = place.arrays(call.shapes, np.float64)
        return len(derivatives(t, call.outputs, arrays, place.gradient)) > 1
    except ERRORS:
        return False


def calls(name: str) -> list[Call]:
    """Return ways to call a function in which it has a gradient."""
    found = []
    for kind in PATTERNS:
        tried = (Call.of(pattern.format(f=name)) for pattern in kind)
        found += [call for call in tried if works(tg, call)][:1]
    return found + written().get(name, [])


DTYPES = pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=["float64", "float32"])


def check(torch: Any, call: Call, dtype: Any, thorough: bool = False) -> None:
    """Compare a call, but where it is known to differ."""
    known = [why for begins, why in UNLIKE.items() if call.expression.startswith(begins)]
    skip = known[0][1] if known else None
    if call.elementwise:
        found = compare_elementwise(torch, call, dtype, thorough, skip)
    else:
        found = compare_filled(torch, call, dtype, skip)
    assert not found, f"{call.expression}: {len(found)} differ\n" + "\n".join(found[:20])


COMPARED = [name for name in names() if name not in " ".join(NOT_COMPARED.values()).split()]


def compare(torch: Any, name: str, dtype: Any, thorough: bool) -> None:
    """Compare all calls of a function."""
    try:
        eval(name, {"t": torch, "F": torch.nn.functional})
    except AttributeError:
        pytest.fail(f"PyTorch lacks {name}: test it elsewhere, and list it in NOT_COMPARED")
    compared = 0
    for call in calls(name):
        if works(torch, call):
            compared += 1
            check(torch, call, dtype, thorough)
        else:
            assert call not in written().get(name, []), f"PyTorch refuses {call}"
    assert compared, f"{name}: write down a call with a gradient, or why it isn't compared"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPARED)
def test_public_function_is_pytorchs_at_special_places(name: str, torch: Any) -> None:
    compare(torch, name, np.float64, False)


@pytest.mark.slow
@DTYPES
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", COMPARED)
def test_public_function_is_pytorchs_element_by_element(name: str, dtype: Any, torch: Any) -> None:
    compare(torch, name, dtype, True)


class Entry:
    """A sample of an operation of the table, to be called as a :class:`Call` is."""

    def __init__(self, case: cases.Case) -> None:
        self.case = case
        self.given = dict(enumerate(case.sample.inputs))
        self.shapes = {f"x{i}": x for i, x in self.given.items() if cases.is_tracked(case, i)}
        self.expression = case.op.name

    def __repr__(self) -> str:
        return repr(self.case)

    def outputs(self, t: Any, given: dict[str, Any]) -> list[Any]:
        """Call the operation, or PyTorch's expression of it, on the inputs that are given."""
        args = []
        dtype = next(iter(given.values())).detach().numpy().dtype
        for i, x in self.given.items():
            made = isinstance(x, np.ndarray)
            array = x.astype(dtype) if made and x.dtype == float else x
            args.append(given.get(f"x{i}", t.from_numpy(array.copy()) if made else x))
        return cases.outputs(self.case, *args) if t is tg else cases.in_torch(self.case, t, args)

    @property
    def elementwise(self) -> bool:
        """Whether it is declared by elements: any combination of values will do."""
        inputs = list(self.shapes.values())
        same = len(inputs) == len(self.given) and len(set(inputs)) == 1 and len(inputs[0]) == 1
        return same and self.expression != REFUSED and is_elementwise(self)  # type: ignore[arg-type]


FACTORIZED = [op for op in vars(factorization).values() if isinstance(op, Op)]
"""Operations on matrices for which LAPACK has no answer in these places."""

REFUSED = "binary_cross_entropy"
"""PyTorch refuses probabilities outside of [0, 1], so that not every combination can be asked."""

ENTRIES = [
    Entry(case)
    for case in cases.cases(differentiable=True)
    if case.op not in FACTORIZED and case.number == 0
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES, ids=repr)
def test_operation_is_pytorchs_at_special_places(entry: Any, torch: Any) -> None:
    check(torch, entry, np.float64)


@pytest.mark.slow
@DTYPES
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("entry", ENTRIES, ids=repr)
def test_operation_is_pytorchs_element_by_element(entry: Any, dtype: Any, torch: Any) -> None:
    check(torch, entry, dtype, True)


EXAMPLES = [
    ("t.atan2(x, y)", [0.0, 0.0, 0.0], [0.0, 1e-30, -0.0]),
    ("t.logit(x)", [0.0, 1.0, -0.5, 1.5, 0.5]),
    ("t.abs(x)", [NAN, 0.0, -2.0]),
    ("F.l1_loss(x, y)", [NAN, 1.0], [0.0, 3.0]),
    ("t.norm(x, 1)", [NAN, 1.0, -2.0]),
    ("t.norm(x, inf)", [NAN, 1.0, -2.0]),
    ("t.median(x)", [NAN, 1.0, -2.0]),
    ("F.binary_cross_entropy_with_logits(x, y)", [np.inf, -np.inf], [0.0, 1.0]),
    ("F.hinge_embedding_loss(x, y, reduction='none')", [np.inf, -np.inf], [1.0, -1.0]),
    ("F.elu(x)", [-18.0, -90.0, 0.0]),
    ("F.selu(x)", [-18.0, -90.0, 0.0]),
    ("F.celu(x, 2.0)", [-36.0, -90.0, 0.0]),
    ("F.hardswish(x)", [-3.0, 3.0, NAN]),
    ("F.multi_margin_loss(x, t.tensor(0))", [0.5, 0.5, -0.5]),
    ("t.cumprod(x, 0)", [2.0, 0.0, 3.0, 0.0]),
    ("t.logsumexp(x, 0)", [-np.inf, -np.inf]),
    ("t.softmax(x, 0)", [-np.inf, -np.inf]),
    ("t.var(x)", [1.0]),
    ("F.normalize(x, dim=0)", [0.0, 0.0]),
    ("F.cosine_similarity(x, y, dim=0)", [0.0, 0.0], [1.0, 2.0]),
]


@DTYPES
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example[0])
@pytest.mark.filterwarnings("ignore")
def test_gradient_at_a_singular_place_is_the_one_that_pytorch_chose(
    example: Any, dtype: Any, torch: Any
) -> None:
    expression, *values = example
    call = Call.of(expression)
    arrays = {k: np.array(v, dtype) for k, v in zip(call.shapes, values, strict=True)}
    found = [derivatives(t, call.outputs, arrays, lambda i, s: np.ones(s)) for t in (tg, torch)]
    for mine, yours in zip(*found, strict=True):
        for a, b in zip(mine, yours, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)


@pytest.mark.parametrize(
    "expression",
    ["t.max(x)", "t.min(x)", "t.median(x)", "F.max_pool1d(m, 2)", "F.max_pool2d(w, 2)",
     "F.max_pool2d(w, 3, 1)", "t.amax(x, 0)", "t.max(m, 1)", "F.relu(x - 0.5)", "t.sort(m)"],
)  # fmt: skip
def test_an_infinite_gradient_leaves_what_was_not_chosen_alone(expression: str, torch: Any) -> None:
    """PyTorch's own amax doesn't; it multiplies by a mask."""
    call, place = Call.of(expression), Place(None, "", "none", "-inf")
    arrays = place.arrays(call.shapes, np.float64)
    mine, theirs = (derivatives(t, call.outputs, arrays, place.gradient)[1] for t in (tg, torch))
    np.testing.assert_array_equal(mine[0], theirs[0])


@pytest.mark.parametrize(
    ("fused", "plain"),
    [
        ("F.layer_norm(m, (4,))", "(m - m.mean(1, True)) / (m.var(1, False, True) + 1e-5).sqrt()"),
        ("F.batch_norm(m, None, None, training=True)",
         "(m - m.mean(0, True)) / (m.var(0, False, True) + 1e-5).sqrt()"),
        ("F.instance_norm(w)",
         "(w - w.mean((2, 3), True)) / (w.var((2, 3), False, True) + 1e-5).sqrt()"),
        ("F.rms_norm(m, (4,), eps=1e-5)", "m / (m.square().mean(1, True) + 1e-5).sqrt()"),
        ("F.normalize(m)", "m / m.norm(dim=1, keepdim=True)"),
    ],
)  # fmt: skip
def test_third_derivatives_of_normalisations_are_those_of_their_equations(
    fused: str, plain: str, torch: Any
) -> None:
    """PyTorch's equations, differentiated; those of its own fused norms are wrong from the third on.

    There the statistics count as constants.
    """
    place = Place(None, "", "none", "plain")
    arrays = place.arrays(Call.of(plain).shapes, np.float64)
    mine = derivatives(tg, Call.of(fused).outputs, arrays, place.gradient, 3)
    theirs = derivatives(torch, Call.of(plain).outputs, arrays, place.gradient, 3)
    assert len(mine) == 4
    for found, expected in zip(mine, theirs, strict=True):
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8)


def test_quantile_differentiates_its_share(torch: Any) -> None:
    call = Call.of("t.quantile(m, v)")
    place = Place(None, "", "none", "plain")
    arrays = place.arrays(call.shapes, np.float64)
    mine, theirs = (derivatives(t, call.outputs, arrays, place.gradient)[1] for t in (tg, torch))
    assert np.abs(theirs[1]).min() > 0
    np.testing.assert_allclose(mine[1], theirs[1], rtol=1e-9)
