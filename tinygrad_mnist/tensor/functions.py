"""The functions of the top-level namespace: ``exp(x)`` beside ``x.exp()``.

A function is a Tensor method whose first argument may also be named ``input``, as in PyTorch.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.autograd.names import one_node
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
        if not args and kwargs:
            args = tuple(kwargs.pop(n) for n in ("input", "self") if n in kwargs)
        if args and not isinstance(args[0], TensorBase):
            number = as_number(method.__name__, "input", args[0])
            other = args[1] if len(args) > 1 else kwargs.get("other", kwargs.get("exponent"))
            array = other._array if isinstance(other, TensorBase) else number
            args = (wrap(np.asarray(number, dtypes.result_type(number, array))), *args[1:])
        return checked(*args, **kwargs)

    return call


def beta_first(method: Any) -> Any:
    """Make a function of a Tensor method, in whose older form beta stood before the tensor."""
    checked = public(method)

    @functools.wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        if len(args) > 3 or (len(args) > 1 and not isinstance(args[0], TensorBase)):
            if isinstance(args[0], TensorBase):
                raise TypeError(
                    f"{method.__name__}() takes 3 tensors by position, but {len(args)} arguments "
                    f"were given; numbers are given by name: beta=, alpha="
                )
            args = (*args[1:2], args[0], *args[2:])
            if len(args) < 4:  # the tensors are named
                kwargs["beta"], args = args[1], (args[0], *args[2:])
        return checked(*args, **kwargs)

    return call


add = scalar_first(Tensor.add)
sub = scalar_first(Tensor.sub)
mul = scalar_first(Tensor.mul)
div = scalar_first(Tensor.div)
pow = scalar_first(Tensor.pow)
float_power = scalar_first(Tensor.float_power)
floor_divide = scalar_first(Tensor.floor_divide)
remainder = scalar_first(Tensor.remainder)
neg = function(Tensor.neg)
abs = function(Tensor.abs)
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
round = function(Tensor.round)
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
bitwise_and = scalar_first(Tensor.bitwise_and)
bitwise_or = scalar_first(Tensor.bitwise_or)
bitwise_xor = scalar_first(Tensor.bitwise_xor)
bitwise_left_shift = scalar_first(Tensor.bitwise_left_shift)
bitwise_right_shift = scalar_first(Tensor.bitwise_right_shift)
multiply = scalar_first(Tensor.multiply)
divide = scalar_first(Tensor.divide)
true_divide = scalar_first(Tensor.true_divide)
subtract = scalar_first(Tensor.subtract)
clip = function(Tensor.clip)
std = function(Tensor.std)
var = function(Tensor.var)
sum = function(Tensor.sum)
mean = function(Tensor.mean)
prod = function(Tensor.prod)


@public
def norm(
    input: Tensor,
    p: Any = "fro",
    dim: Any = None,
    keepdim: bool = False,
    out: Any = None,
    dtype: Any = None,
) -> Tensor:
    """Return the p-norm of all elements, or along dimensions. Follows ``torch.norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> norm(tensor([3.0, 4.0]))
    tensor(5.)
    """
    return write_out("norm", input.norm(p, dim, keepdim, dtype), out)  # type: ignore[no-any-return]


logsumexp = function(Tensor.logsumexp)
cumsum = function(Tensor.cumsum)
amax = function(Tensor.amax)
amin = function(Tensor.amin)
max = function(Tensor.max)
min = function(Tensor.min)
argmax = function(Tensor.argmax)
argmin = function(Tensor.argmin)
any = function(Tensor.any)
all = function(Tensor.all)
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


@public
def split(tensor: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along a dimension: of one length, or of given lengths.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> split(tensor([1, 2, 3]), 2)
    (tensor([1, 2]), tensor([3]))
    """
    return tensor.split(split_size_or_sections, dim)


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
addmm = beta_first(Tensor.addmm)
addbmm = beta_first(Tensor.addbmm)
addmv = beta_first(Tensor.addmv)
addr = beta_first(Tensor.addr)
baddbmm = beta_first(Tensor.baddbmm)
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
def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
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
def result_type(tensor: Any, other: Any) -> dtypes.dtype:
    """Return the dtype in which two operands are combined.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> result_type(tensor([1, 2]), 1.0)
    torch.float32
    """
    operands = [x._array if isinstance(x, TensorBase) else x for x in (tensor, other)]
    return dtypes.of(dtypes.result_type(*operands))


xlogy = scalar_first(Tensor.xlogy)


@public
@one_node("AminmaxBackward0")
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> Any:
    """Return the smallest and the largest element, along a dimension or of all.

    Follows ``torch.aminmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> aminmax(tensor([2, 1, 3])).max
    tensor(3)
    """
    if dim is None:
        return return_types.aminmax(input.amin(None, keepdim), input.amax(None, keepdim))
    return return_types.aminmax(input.amin(dim, keepdim), input.amax(dim, keepdim))
