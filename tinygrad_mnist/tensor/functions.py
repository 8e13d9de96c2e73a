"""The functions of the top-level namespace: ``exp(x)`` beside ``x.exp()``.

A function is a Tensor method whose first argument may also be named ``input``, as in PyTorch.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import Variable, apply, wrap
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import return_types
from tinygrad_mnist.tensor.arguments import as_number, as_tensor, named, public, write_out
from tinygrad_mnist.tensor.core import Tensor
from tinygrad_mnist.tensor.elementwise import chosen

function = public


def scalar_first(method: Any) -> Any:
    """Make a function of a Tensor method, whose first operand may also be a number."""
    checked = public(method)

    @named
    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) == 2 and isinstance(args[1], Variable) and not isinstance(args[0], Variable):
            number = as_number(method.__name__, "input", args[0])
            dtype = dtypes.result_type(number, args[1]._array)
            args = (wrap(np.asarray(number, dtype)), args[1])
        return checked(*args, **kwargs)

    return call


add = scalar_first(Tensor.add)
sub = scalar_first(Tensor.sub)
mul = scalar_first(Tensor.mul)
div = scalar_first(Tensor.div)
pow = scalar_first(Tensor.pow)  # noqa: A001
floor_divide = scalar_first(Tensor.floor_divide)
remainder = scalar_first(Tensor.remainder)
neg = function(Tensor.neg)
abs = function(Tensor.abs)  # noqa: A001
exp = function(Tensor.exp)
exp2 = function(Tensor.exp2)
expm1 = function(Tensor.expm1)
log = function(Tensor.log)
log2 = function(Tensor.log2)
log10 = function(Tensor.log10)
log1p = function(Tensor.log1p)
sqrt = function(Tensor.sqrt)
rsqrt = function(Tensor.rsqrt)
square = function(Tensor.square)
reciprocal = function(Tensor.reciprocal)
sin = function(Tensor.sin)
cos = function(Tensor.cos)
tan = function(Tensor.tan)
asin = function(Tensor.asin)
acos = function(Tensor.acos)
atan = function(Tensor.atan)
sinh = function(Tensor.sinh)
cosh = function(Tensor.cosh)
tanh = function(Tensor.tanh)
sigmoid = function(Tensor.sigmoid)
erf = function(Tensor.erf)
relu = function(Tensor.relu)
sign = function(Tensor.sign)
floor = function(Tensor.floor)
ceil = function(Tensor.ceil)
trunc = function(Tensor.trunc)
isnan = function(Tensor.isnan)
isinf = function(Tensor.isinf)
isfinite = function(Tensor.isfinite)
logical_not = function(Tensor.logical_not)
bitwise_not = function(Tensor.bitwise_not)
round = function(Tensor.round)  # noqa: A001
clamp = function(Tensor.clamp)
masked_fill = function(Tensor.masked_fill)
lerp = function(Tensor.lerp)
addcmul = function(Tensor.addcmul)
addcdiv = function(Tensor.addcdiv)
maximum = function(Tensor.maximum)
minimum = function(Tensor.minimum)
atan2 = function(Tensor.atan2)
logaddexp = function(Tensor.logaddexp)
eq = function(Tensor.eq)
ne = function(Tensor.ne)
lt = function(Tensor.lt)
le = function(Tensor.le)
gt = function(Tensor.gt)
ge = function(Tensor.ge)
logical_and = function(Tensor.logical_and)
logical_or = function(Tensor.logical_or)
logical_xor = function(Tensor.logical_xor)
bitwise_and = function(Tensor.bitwise_and)
bitwise_or = function(Tensor.bitwise_or)
bitwise_xor = function(Tensor.bitwise_xor)
multiply = scalar_first(Tensor.multiply)
divide = scalar_first(Tensor.divide)
true_divide = scalar_first(Tensor.true_divide)
subtract = scalar_first(Tensor.subtract)
clip = function(Tensor.clip)
std = function(Tensor.std)
var = function(Tensor.var)
sum = function(Tensor.sum)  # noqa: A001
mean = function(Tensor.mean)
prod = function(Tensor.prod)
norm = function(Tensor.norm)
logsumexp = function(Tensor.logsumexp)
cumsum = function(Tensor.cumsum)
amax = function(Tensor.amax)
amin = function(Tensor.amin)
max = function(Tensor.max)  # noqa: A001
min = function(Tensor.min)  # noqa: A001
argmax = function(Tensor.argmax)
argmin = function(Tensor.argmin)
any = function(Tensor.any)  # noqa: A001
all = function(Tensor.all)  # noqa: A001
softmax = function(Tensor.softmax)
log_softmax = function(Tensor.log_softmax)
clone = function(Tensor.clone)
reshape = function(Tensor.reshape)
flatten = function(Tensor.flatten)
ravel = function(Tensor.ravel)
unflatten = function(Tensor.unflatten)
squeeze = function(Tensor.squeeze)
unsqueeze = function(Tensor.unsqueeze)
transpose = function(Tensor.transpose)
permute = function(Tensor.permute)
movedim = function(Tensor.movedim)
t = function(Tensor.t)
broadcast_to = function(Tensor.broadcast_to)
tile = function(Tensor.tile)
flip = function(Tensor.flip)
roll = function(Tensor.roll)
tril = function(Tensor.tril)
triu = function(Tensor.triu)
unbind = function(Tensor.unbind)
split = function(Tensor.split)
chunk = function(Tensor.chunk)
swapaxes = function(Tensor.swapaxes)
swapdims = function(Tensor.swapdims)
moveaxis = function(Tensor.moveaxis)
gather = function(Tensor.gather)
scatter_add = function(Tensor.scatter_add)
index_select = function(Tensor.index_select)
masked_select = function(Tensor.masked_select)
narrow = function(Tensor.narrow)
select = function(Tensor.select)
nonzero = argwhere = function(Tensor.nonzero)
matmul = function(Tensor.matmul)
mm = function(Tensor.mm)
bmm = function(Tensor.bmm)
mv = function(Tensor.mv)
dot = function(Tensor.dot)
outer = function(Tensor.outer)
addmm = function(Tensor.addmm)
addbmm = function(Tensor.addbmm)
addmv = function(Tensor.addmv)
addr = function(Tensor.addr)
baddbmm = function(Tensor.baddbmm)
cholesky = function(Tensor.cholesky)
cholesky_inverse = function(Tensor.cholesky_inverse)
cholesky_solve = function(Tensor.cholesky_solve)
corrcoef = function(Tensor.corrcoef)
cov = function(Tensor.cov)
cross = function(Tensor.cross)
det = function(Tensor.det)
ger = function(Tensor.ger)
inner = function(Tensor.inner)
inverse = function(Tensor.inverse)
kron = function(Tensor.kron)
logdet = function(Tensor.logdet)
matrix_power = function(Tensor.matrix_power)
pinverse = function(Tensor.pinverse)
qr = function(Tensor.qr)
slogdet = function(Tensor.slogdet)
svd = function(Tensor.svd)
trace = function(Tensor.trace)
vdot = function(Tensor.vdot)

negative = neg
absolute = abs
not_equal = ne
less = lt
less_equal = le
greater = gt
greater_equal = ge
arcsin = asin
arccos = acos
arctan = atan
arctan2 = atan2
fix = trunc


@named
def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:  # noqa: A002
    """Return elements of input where the condition holds, elsewhere of other.

    With the condition alone, return the positions where it is true, a tensor for each dimension.
    Follows ``torch.where``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([-1.0, 2.0])
    >>> where(x > 0, x, 0.0)
    tensor([0., 2.])
    """
    mask = as_tensor("where", "condition", condition)
    if input is None and other is None:
        return tuple((mask if mask.ndim else mask.reshape(1)).nonzero().unbind(1))
    return write_out("where", chosen(mask, input, other), out)


def is_tensor(obj: Any) -> bool:
    """Return whether an object is a Tensor.

    Examples
    --------
    >>> is_tensor([1.0])
    False
    """
    return isinstance(obj, Tensor)


is_floating_point = function(Tensor.is_floating_point)
is_complex = function(Tensor.is_complex)
is_nonzero = function(Tensor.is_nonzero)
numel = function(Tensor.numel)


@named
def result_type(tensor1: Any, tensor2: Any) -> dtypes.dtype:
    """Return the dtype in which two operands are combined.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> result_type(tensor([1, 2]), 1.0)
    torch.float32
    """
    operands = [x._array if isinstance(x, Variable) else x for x in (tensor1, tensor2)]
    return dtypes.of(dtypes.result_type(*operands))


@named
def linear(input: Any, weight: Any, bias: Any = None) -> Tensor:  # noqa: A002
    """Return ``input @ weight.T + bias``: input (*, in), weight (out, in), bias (out).

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> linear(ones(1, 2), ones(3, 2), ones(3))
    tensor([[3., 3., 3.]])
    """
    if bias is None:
        return apply(ops.linear, input, weight)  # type: ignore[no-any-return]
    return apply(ops.linear, input, weight, bias)  # type: ignore[no-any-return]


@named
def nll_loss(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Return the negative log likelihood of class targets, given log probabilities (N, C, ...).

    Raises
    ------
    IndexError
        When a target is not a class number.
    """
    check_reduction("nll_loss", reduction)
    out: Tensor = apply(
        ops.nll_loss, input, target, weight, ignore_index=ignore_index, reduction=reduction
    )
    return out


@named
def cross_entropy(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    r"""Return the cross entropy of logits (N, C, ...) and class targets, or probabilities.

    .. math:: -\\sum_c p_c \\log \\mathrm{softmax}(x)_c

    Follows ``torch.nn.functional.cross_entropy``.

    Raises
    ------
    IndexError
        When a target is not a class number.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> cross_entropy(tensor([[1000.0, 0.0]]), tensor([1]))
    tensor(1000.)
    """
    check_reduction("cross_entropy", reduction)
    if not 0.0 <= label_smoothing <= 1.0:
        raise RuntimeError(
            f"cross_entropy: label_smoothing must be between 0.0 and 1.0, got {label_smoothing}"
        )
    if isinstance(target, Variable) and target._array.dtype.kind == "f":
        return _soft_cross_entropy(input, target, weight, reduction, label_smoothing)
    if not label_smoothing:
        hard: Tensor = apply(
            ops.cross_entropy, input, target, weight, ignore_index=ignore_index, reduction=reduction
        )
        return hard
    dim = 1 if input.ndim > 1 else 0
    log_probs = input.log_softmax(dim)
    settings: dict[str, Any] = {"ignore_index": ignore_index, "reduction": reduction}
    nll = apply(ops.nll_loss, log_probs, target, weight, **settings)
    shape = [1] * input.ndim
    shape[dim] = -1
    per_class = log_probs if weight is None else log_probs * weight.reshape(shape)
    kept = target != ignore_index
    smooth = where(kept, -per_class.sum(dim), 0.0)
    if reduction == "sum":
        smooth = smooth.sum()
    elif reduction == "mean":
        if weight is None:
            total: Any = kept.sum()
        else:
            total = where(kept, weight[where(kept, target, 0)], 0.0).sum()
        smooth = smooth.sum() / total
    classes = input.shape[dim]
    return nll * (1 - label_smoothing) + smooth * (label_smoothing / classes)  # type: ignore[no-any-return]


def _soft_cross_entropy(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """Return the cross entropy with probabilities as targets."""
    if input.shape != target.shape:
        raise RuntimeError(
            f"cross_entropy: probabilities need the logits' shape {list(input.shape)}, got "
            f"{list(target.shape)}"
        )
    dim = 1 if input.ndim > 1 else 0
    classes = input.shape[dim]
    if label_smoothing:
        target = target * (1 - label_smoothing) + label_smoothing / classes
    terms = input.log_softmax(dim) * target
    if weight is not None:
        shape = [1] * input.ndim
        shape[dim] = -1
        terms = terms * weight.reshape(shape)
    losses = -terms.sum(dim)
    if reduction == "none":
        return losses  # type: ignore[no-any-return]
    total = losses.sum()
    return total if reduction == "sum" else total / (input.numel() / classes)  # type: ignore[no-any-return]


@named
def binary_cross_entropy_with_logits(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    r"""Return the binary cross entropy of logits and targets between 0 and 1, of one shape.

    .. math:: \\log(1 + e^x) - x y

    Follows ``torch.nn.functional.binary_cross_entropy_with_logits``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> binary_cross_entropy_with_logits(tensor(1000.0), tensor(0.0))
    tensor(1000.)
    """
    check_reduction("binary_cross_entropy_with_logits", reduction)
    if input.shape != target.shape:
        raise ValueError(
            f"binary_cross_entropy_with_logits: target size {list(target.shape)} must be the same "
            f"as input size {list(input.shape)}"
        )
    if pos_weight is None:
        losses = log1p_exp(input) - input * target
    else:
        losses = log1p_exp(-input) * (target * (pos_weight - 1) + 1) + input * (1 - target)
    if weight is not None:
        losses = losses * weight
    return reduce(losses, reduction)


def check_reduction(name: str, reduction: str) -> None:
    """Refuse a reduction that is not ``"none"``, ``"mean"`` or ``"sum"``."""
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(
            f"{name}: {reduction!r} is not a valid value for reduction; use 'none', 'mean' or 'sum'"
        )


def reduce(losses: Tensor, reduction: str) -> Tensor:
    """Return losses as they are, their mean, or their sum."""
    if reduction == "none":
        return losses
    return losses.mean() if reduction == "mean" else losses.sum()


@named
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:  # noqa: A002
    """Return ``log(1 + exp(beta * input)) / beta``, and input where that is beyond a threshold.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> softplus(tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    scaled = input if beta == 1.0 else input * beta
    out = log1p_exp(scaled)
    return where(scaled > threshold, input, out if beta == 1.0 else out / beta)  # type: ignore[no-any-return]


def log1p_exp(x: Any) -> Any:
    """Return ``log(1 + exp(x))``, exact everywhere."""
    return apply(ops.logaddexp, x, np.zeros((), x._array.dtype))


@named
def leaky_relu(input: Any, negative_slope: float = 0.01) -> Tensor:  # noqa: A002
    """Return input where it is positive, elsewhere a fraction of it."""
    return apply(ops.where, input > 0, input, input * negative_slope)  # type: ignore[no-any-return]


@named
def elu(input: Any, alpha: float = 1.0) -> Tensor:  # noqa: A002
    """Return input where it is positive, elsewhere ``alpha * (exp(input) - 1)``."""
    return apply(ops.where, input <= 0, input.clamp(max=0).expm1() * alpha, input)  # type: ignore[no-any-return]


@named
def gelu(input: Any, approximate: str = "none") -> Tensor:  # noqa: A002
    """Return input times the normal distribution function at input.

    Raises
    ------
    RuntimeError
        When approximate is neither ``"none"`` nor ``"tanh"``.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return apply(ops.gelu, input, approximate=approximate)  # type: ignore[no-any-return]


@named
def silu(input: Any) -> Tensor:  # noqa: A002
    """Return input times its logistic function."""
    return input * input.sigmoid()  # type: ignore[no-any-return]


xlogy = scalar_first(Tensor.xlogy)


@public
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:  # noqa: A002
    """Return the smallest and the largest element, along a dimension or of all.

    Follows ``torch.aminmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> aminmax(tensor([2, 1, 3])).max
    tensor(3)
    """
    if dim is None:
        return return_types.aminmax(input.amin(), input.amax())
    return return_types.aminmax(input.amin(dim, keepdim), input.amax(dim, keepdim))
