"""Functions and methods that few programs call; imported when one is first asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import (
    as_dim,
    as_int,
    as_lengths,
    as_number,
    named,
    need_floats,
    need_tensor,
)
from tinygrad_mnist.tensor.comparison import where
from tinygrad_mnist.tensor.elementwise import xlogy
from tinygrad_mnist.tensor.export import export, publish
from tinygrad_mnist.tensor.joining import cat
from tinygrad_mnist.tensor.precision import in_float32

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.types import Number, Operand


@export(takes="out", inplace=True)
def copysign(input: Tensor, other: Operand) -> Tensor:
    """Return the input's size with the other's sign. Follows ``torch.copysign``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*); the second may be a number.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.copysign(torch.tensor([1.0, -2.0]), torch.tensor([-0.0, 1.0]))
    tensor([-1.,  2.])
    """
    signs = other._array if isinstance(other, TensorBase) else other
    kind = dtypes.result_type(input._array, signs)
    size = input.abs().to(kind if kind.kind == "f" else dtypes.default_float())
    sign = np.signbit(signs)
    return size * wrap(np.where(sign, -1, 1).astype(size._array.dtype))


@export(takes="out", inplace=True)
def ldexp(input: Tensor, other: Tensor) -> Tensor:
    """Return ``input * 2**other``. Follows ``torch.ldexp``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*).

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.ldexp(torch.tensor([1.5]), torch.tensor([3]))
    tensor([12.])
    """
    power = need_tensor("other", other)
    return input * (power if power.is_floating_point() else power.float()).exp2()


@export(takes="out")
def logaddexp2(input: Tensor, other: Tensor) -> Tensor:
    """Return ``log2(2**input + 2**other)`` without overflow. Follows ``torch.logaddexp2``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), floating point.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.logaddexp2(torch.tensor([1000.0]), torch.tensor([1000.0]))
    tensor([1001.])
    """
    larger = input.maximum(need_tensor("other", other))
    away = input.minimum(other) - larger
    away = away.masked_fill(wrap(np.isnan(away._array) & ~np.isnan(larger._array)), -math.inf)
    return larger + away.exp2().log1p() / math.log(2)


def _whole(
    function: np.ufunc, name: str, what: str, answer: str
) -> Callable[[Tensor, Tensor], Tensor]:
    def call(input: Tensor, other: Tensor) -> Tensor:
        for x in (input, need_tensor("other", other)):
            if x._array.dtype.kind not in "iu":
                raise NotImplementedError(f"only for integers, but got {x.dtype}")
        return wrap(function(input._array, other._array))

    call.__name__ = name
    call.__doc__ = f"""Return the {what} of integers. Follows ``torch.{name}``.

    Parameters
    ----------
    input, other
        Tensors of integers, whose shapes broadcast to (*).

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.{name}(torch.tensor([12, 7]), torch.tensor([18, 5]))
    tensor({answer})
    """
    return export(inplace=True)(call)


gcd = _whole(np.gcd, "gcd", "greatest common divisor", "[6, 1]")
lcm = _whole(np.lcm, "lcm", "least common multiple", "[36, 35]")


@export(takes="out", inplace=True)
def nextafter(input: Tensor, other: Tensor) -> Tensor:
    """Return the next floating-point number towards another. Follows ``torch.nextafter``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), floating point.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> one = torch.tensor(1.0)
    >>> torch.nextafter(one, torch.tensor(2.0)) - one  # the precision of float32
    tensor(1.1921e-07)
    """
    arrays = [input._array, need_tensor("other", other)._array]
    return wrap(np.nextafter(*arrays, dtype=dtypes.result_type(*arrays)))


@export(takes="out")
def angle(input: Tensor) -> Tensor:
    """Return the angle of real numbers: pi where they are negative. Follows ``torch.angle``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of shape (*), in radians.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.angle(torch.tensor([1.0, -1.0]))
    tensor([0.0000, 3.1416])
    """
    x = input if input.is_floating_point() else input.float()
    return (x * 0).masked_fill(wrap(dtypes.as_array(x._array < 0)), math.pi)


@export
def conj(input: Tensor) -> Tensor:
    """Return the input, which is real. Follows ``torch.conj``, as do its kin.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.conj(torch.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """
    return input


@export(takes="out", inplace=True)
def conj_physical(input: Tensor) -> Tensor:
    """Return the input, which is real. Follows ``torch.conj_physical``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.conj_physical(torch.tensor([1.0, -2.0]))
    tensor([ 1., -2.])
    """
    return input


@export
def isreal(input: Tensor) -> Tensor:
    """Return True for each element. Follows ``torch.isreal``.

    Parameters
    ----------
    input
        A tensor of shape (*).

    Returns
    -------
    A tensor of bools, of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.isreal(torch.tensor([1.0, -2.0]))
    tensor([True, True])
    """
    return wrap(np.ones(input._array.shape, bool))


def _never(name: str) -> Callable[[Tensor], bool]:
    def answer(input: Tensor) -> bool:
        return False

    answer.__name__ = name
    answer.__doc__ = f"""Return False: it is never so here. Follows ``torch.Tensor.{name}``.

    Parameters
    ----------
    input
        A tensor of any shape.

    Returns
    -------
    False.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([1.0]).{name}()
    False
    """
    return export(answer)


is_conj, is_neg, is_inference, is_shared, is_pinned, is_distributed = map(
    _never, ("is_conj", "is_neg", "is_inference", "is_shared", "is_pinned", "is_distributed")
)
resolve_conj = resolve_neg = real = conj


@export(method=False)
def fill(input: Tensor, value: Number) -> Tensor:
    """Return a tensor of the input's shape, of one number. Follows ``torch.fill``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    value
        The number.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.fill(torch.tensor([1.0, 2.0]), 7)
    tensor([7., 7.])
    """
    return input.clone().fill_(value)


@export(method=False)
def rsub(input: Tensor, other: Tensor | float, alpha: float = 1) -> Tensor:
    """Return ``other - alpha * input``. Follows ``torch.rsub``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*); the second may be a number.
    alpha
        A factor of input.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.rsub(torch.tensor([1.0, 2.0]), 10)
    tensor([9., 8.])
    """
    return other - input * alpha if alpha != 1 else other - input


@export
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """Return a matrix with all elements on a diagonal. Follows ``torch.diagflat``.

    Parameters
    ----------
    input
        A tensor of shape (*), of n elements.
    offset
        Which diagonal: 0 is the main one, a positive one lies above it.

    Returns
    -------
    A matrix of shape (m, m), where m = n + abs(offset).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.diagflat(torch.tensor([[1, 2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return input.flatten().diag(offset)


@export
def adjoint(input: Tensor) -> Tensor:
    """Return matrices with rows and columns exchanged. Follows ``torch.adjoint``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, m).

    Returns
    -------
    A view of shape (..., m, n).

    Raises
    ------
    RuntimeError
        For a vector.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.adjoint(torch.tensor([[1, 2], [3, 4]]))
    tensor([[1, 3],
            [2, 4]])
    """
    if input.ndim == 0:
        return input
    if input.ndim == 1:
        raise RuntimeError("expected matrices, or batches of them, but got a vector")
    return input.transpose(-2, -1)


@export(takes="out")
def narrow_copy(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """Return a copy of ``narrow(dim, start, length)``. Follows ``torch.narrow_copy``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least one dimension.
    dim
        The dimension; a negative one counts from the end.
    start
        Where it begins; a negative number counts from the end.
    length
        How long it is.

    Returns
    -------
    A tensor of shape (*) with ``length`` in the place of the dimension's.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.narrow_copy(torch.arange(10), 0, 3, 4)
    tensor([3, 4, 5, 6])
    """
    return input.narrow(dim, start, length).clone()


@export
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """Return the input with a slice replaced. Follows ``torch.select_scatter``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    src
        A tensor of shape (*) without the dimension.
    dim
        The dimension; a negative one counts from the end.
    index
        Which slice.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.select_scatter(torch.zeros(2, 2), torch.ones(2), 0, 1)
    tensor([[0., 0.],
            [1., 1.]])
    """
    return _replaced(input, src, lambda x: x.select(dim, index))


@export
def slice_scatter(
    input: Tensor,
    src: Tensor,
    dim: int = 0,
    start: int | None = None,
    end: int | None = None,
    step: int = 1,
) -> Tensor:
    """Return the input with a range of slices replaced. Follows ``torch.slice_scatter``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    src
        A tensor of the range's shape.
    dim
        The dimension; a negative one counts from the end.
    start, end, step
        The range, as in ``start:end:step``.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.slice_scatter(torch.zeros(5), torch.ones(2), start=1, end=3)
    tensor([0., 1., 1., 0., 0.])
    """
    d = as_dim(dim, input.ndim)
    return _replaced(input, src, lambda x: x[(slice(None),) * d + (slice(start, end, step),)])


@export
def diagonal_scatter(
    input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1
) -> Tensor:
    """Return the input with a diagonal replaced. Follows ``torch.diagonal_scatter``.

    Parameters
    ----------
    input
        A tensor of shape (*), of at least two dimensions.
    src
        A tensor of the diagonal's shape.
    offset
        Which diagonal: 0 is the main one, a positive one lies above it.
    dim1, dim2
        The dimensions of rows and of columns.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.diagonal_scatter(torch.zeros(2, 2), torch.tensor([1.0, 2.0]))
    tensor([[1., 0.],
            [0., 2.]])
    """
    return _replaced(input, src, lambda x: x.diagonal(offset, dim1, dim2))


def _replaced(x: Tensor, src: Tensor, part: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a copy in which the source stands in the place of a view."""
    out = x.clone()
    view = part(out)
    if need_tensor("src", src).shape != view.shape:
        raise RuntimeError(f"src must have shape {list(view.shape)}, not {list(src.shape)}")
    view.copy_(src)
    return out


@export(inplace=True)
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """Return the input with elements replaced, or added to, by their number in row-major order.

    Follows ``torch.Tensor.put``.

    Parameters
    ----------
    input
        A tensor of shape (*).
    index
        A tensor of integers: numbers of elements.
    source
        A tensor of input's dtype, of as many elements as index.
    accumulate
        Whether to add.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.zeros(2, 2).put(torch.tensor([1, 2]), torch.tensor([5.0, 6.0]))
    tensor([[0., 5.],
            [6., 0.]])
    """
    places = need_tensor("index", index).reshape(-1)
    values = need_tensor("source", source).reshape(-1)
    out = input.reshape(-1).index_put((places,), values, accumulate)
    return out.reshape(input.shape)


@export(takes="out", inplace=True)
@in_float32
@node_name("RenormBackward0")
def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Scale the slices along a dimension whose p-norm is larger down to it.

    Follows ``torch.renorm``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    p
        The order of the norm.
    dim
        The dimension; a negative one counts from the end.
    maxnorm
        The largest norm that a slice may have.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> weights = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    >>> torch.renorm(weights, 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    need_floats(input)
    d, limit = as_dim(dim, input.ndim), as_number("maxnorm", maxnorm)
    if p <= 0 or limit < 0:
        raise RuntimeError(f"p must be positive and maxnorm not negative: {p}, {maxnorm}")
    others = tuple(i for i in np.arange(input.ndim).tolist() if i != d)
    norm = input.norm(p, others, keepdim=True)
    factor = limit / (norm + 1e-7)
    return input * apply(ops.where, norm > limit, factor, np.ones((), input._array.dtype))


@export(method=False)
def trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | Tensor | None = None, dim: int = -1
) -> Tensor:
    """Integrate along a dimension: ``sum_i (y_i + y_(i+1)) / 2 * (x_(i+1) - x_i)``.

    Follows ``torch.trapezoid``.

    Parameters
    ----------
    y
        Heights, of shape (*).
    x
        Where they stand: a vector, or a tensor that broadcasts with y.
    dx
        How far apart they stand, in place of x. Default: 1.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of shape (*) without the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.linspace(0, 1, 101)
    >>> torch.trapezoid(x**2, x)  # nearly 1/3
    tensor(0.3334)
    """
    return _trapezoids(y, x, dx, dim).sum(dim)


@export(method=False)
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | Tensor | None = None, dim: int = -1
) -> Tensor:
    """Return the running integrals of :func:`trapezoid`. Follows PyTorch's.

    Parameters
    ----------
    y
        Heights, of shape (*).
    x
        Where they stand: a vector, or a tensor that broadcasts with y.
    dx
        How far apart they stand, in place of x. Default: 1.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of shape (*), shorter by 1 along the dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.cumulative_trapezoid(torch.tensor([1.0, 2.0, 4.0]))
    tensor([1.5000, 4.5000])
    """
    return _trapezoids(y, x, dx, dim).cumsum(dim)


def _trapezoids(y: Tensor, x: Tensor | None, dx: float | Tensor | None, dim: int) -> Tensor:
    d, length = as_dim(dim, y.ndim), y.shape[dim]
    if x is not None and dx is not None:
        raise RuntimeError("give x or dx, not both")
    heights = (y.narrow(d, 0, length - 1) + y.narrow(d, 1, length - 1)) / 2
    if x is None:
        return heights if dx is None else heights * dx
    steps = need_tensor("x", x).diff(dim=-1 if x.ndim == 1 else d)
    return heights * (steps.reshape(-1, *[1] * (y.ndim - 1 - d)) if x.ndim == 1 else steps)


@export(method=False)
def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """Return the powers of a vector as columns. Follows ``torch.vander``.

    Parameters
    ----------
    x
        A vector of n elements.
    N
        How many powers. Default: n.
    increasing
        Whether the power 0 comes first.

    Returns
    -------
    A matrix of shape (n, N).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.vander(torch.tensor([1, 2, 3]), 3)
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    if x.ndim != 1:
        raise RuntimeError(f"x must be a vector, but its shape is {list(x.shape)}")
    count = x.shape[0] if N is None else as_int("N", N)
    if count < 0:
        raise RuntimeError(f"N must not be negative, got {count}")
    powers = x.unsqueeze(1) ** wrap(np.arange(count))
    return powers if increasing else powers.flip(1)


@export
def matrix_exp(input: Tensor) -> Tensor:
    """Return the exponential of square matrices: its series, after halving, squared again.

    Follows ``torch.linalg.matrix_exp``.

    Parameters
    ----------
    input
        A tensor of shape (..., n, n), floating point.

    Returns
    -------
    A tensor of shape (..., n, n).

    Raises
    ------
    RuntimeError
        When the last two dimensions aren't equal.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]])
    >>> quarter = (turn * torch.pi / 2).matrix_exp()
    >>> torch.allclose(quarter, turn, atol=1e-6)
    True
    """
    need_floats(input)
    if input.ndim < 2 or input.shape[-1] != input.shape[-2]:
        raise RuntimeError(f"expected square matrices, but the shape is {list(input.shape)}")
    size = np.abs(input._array).sum(-2).max(initial=0.0)
    halvings = max(0, math.ceil(math.log2(size)) + 1) if 0 < size < math.inf else 0
    x = input / 2**halvings
    one = wrap(np.eye(input.shape[-1], dtype=input._array.dtype))
    out = one
    for k in (16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1):  # Horner's scheme
        out = one + (x @ out) / k
    for _ in range(halvings):
        out = out @ out
    return out


@export(takes="out", inplace=True)
def mvlgamma(input: Tensor, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function. Follows ``torch.mvlgamma``.

    Parameters
    ----------
    input
        A tensor of shape (*), of numbers above (p - 1) / 2.
    p
        How many variables.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.mvlgamma(torch.tensor([3.0]), 1)
    tensor([0.6931])
    """
    order = as_int("p", p)
    if order < 1:
        raise RuntimeError(f"p has to be greater than or equal to 1, got {p}")
    x = input if input.is_floating_point() else input.float()
    total = x.lgamma()
    for j in range(1, order):
        total = total + (x - j / 2).lgamma()
    return total + order * (order - 1) / 4 * math.log(math.pi)


@export(takes="out")
@in_float32
def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """Return the logarithms of running sums of exponentials: ``log(sum_(j<=i) exp(x_j))``.

    Nothing overflows: sums are doubled in length, log(n) times. Follows ``torch.logcumsumexp``.

    Parameters
    ----------
    input
        A tensor of shape (*), floating point.
    dim
        The dimension; a negative one counts from the end.

    Returns
    -------
    A tensor of shape (*).

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.tensor([-1000.0, 1000.0, 1000.0]).logcumsumexp(0)
    tensor([-1000.0000,  1000.0000,  1000.6932])
    """
    need_floats(input)
    d, out, step = as_dim(dim, input.ndim), input.clone(), 1
    length = input.shape[d] if input.ndim else 1
    while step < length:
        sums = out.narrow(d, step, length - step).logaddexp(out.narrow(d, 0, length - step))
        out = cat([out.narrow(d, 0, step), sums], d)
        step *= 2
    return out


trapz = trapezoid
newaxis = None


@export(method=False)
def multigammaln(input: Tensor, p: int) -> Tensor:
    """Return :func:`mvlgamma`, under the name it has in ``torch.special``.

    Follows ``torch.special.multigammaln``.

    Parameters
    ----------
    input
        A tensor of shape (*), of numbers above (p - 1) / 2.
    p
        How many variables.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.special.multigammaln(torch.tensor([3.0]), 2)
    tensor([1.5502])
    """
    return mvlgamma(input, p)


@export(method=False)
def entr(input: Tensor) -> Tensor:
    """Return ``-x log(x)``, and minus infinity below 0. Follows ``torch.special.entr``.

    Parameters
    ----------
    input
        A tensor of shape (*), of probabilities.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> p = torch.tensor([0.5, 0.25, 0.25, 0.0])
    >>> torch.special.entr(p).sum()  # the entropy
    tensor(1.0397)
    """
    low = wrap(dtypes.as_array(input._array < 0))
    return (-xlogy(input, input)).masked_fill(low, -math.inf)


@export(method=False)
def ndtr(input: Tensor) -> Tensor:
    """Return the normal distribution function. Follows ``torch.special.ndtr``.

    Parameters
    ----------
    input
        A tensor of shape (*), in standard deviations.

    Returns
    -------
    A tensor of shape (*): the probability of a smaller number.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.special.ndtr(torch.tensor([-1.96, 0.0, 1.96]))
    tensor([0.0250, 0.5000, 0.9750])
    """
    return (input * -math.sqrt(0.5)).erfc() / 2


@export(method=False)
def ndtri(input: Tensor) -> Tensor:
    """Return the inverse of the normal distribution function. Follows PyTorch's of this name.

    Parameters
    ----------
    input
        A tensor of shape (*), of probabilities.

    Returns
    -------
    A tensor of shape (*), in standard deviations.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.special.ndtri(torch.tensor([0.025, 0.5, 0.975]))
    tensor([-1.9600,  0.0000,  1.9600])
    """
    return (2 * input - 1).erfinv() * math.sqrt(2)


@named
def xlog1py(input: Tensor | float, other: Tensor | float) -> Tensor:
    """Return ``input * log(1 + other)``, and 0 where input is 0. Follows ``torch.special.xlog1py``.

    Parameters
    ----------
    input, other
        Tensors whose shapes broadcast to (*), or one of them a number.

    Returns
    -------
    A tensor of shape (*), floating point.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.special.xlog1py(torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 1.0]))
    tensor([0.0000, 1.3863])
    """
    given: Tensor = next(p for p in (input, other) if isinstance(p, TensorBase))
    like = given if given.is_floating_point() else given.float()
    x, y = (p if isinstance(p, TensorBase) else like.new_full((), p) for p in (input, other))
    # There 0 times infinity would be NaN; elsewhere x has a slope at 0 too.
    without = (x == 0) & ((y <= -1) | (y == math.inf))
    return x * where(without, 0.0, y).log1p()


@named
def unravel_index(indices: Tensor, shape: int | Sequence[int] | Tensor) -> tuple[Tensor, ...]:
    """Return the coordinates of elements that are numbered in row-major order.

    Follows ``torch.unravel_index``.

    Parameters
    ----------
    indices
        A tensor of integers, of shape (*).
    shape
        The shape that they are numbers in.

    Returns
    -------
    A tuple of tensors of shape (*), one for each dimension.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> image = torch.tensor([[1, 2, 3], [4, 9, 6]])
    >>> torch.unravel_index(image.argmax(), image.shape)
    (tensor(1), tensor(1))
    """
    numbers = need_tensor("indices", indices)._array
    lengths: Any = shape._array.tolist() if isinstance(shape, TensorBase) else shape
    size = as_lengths([lengths])
    if numbers.dtype.kind not in "iu":
        raise ValueError(f"expected integers, got {indices.dtype}")
    return tuple(wrap(part) for part in np.unravel_index(numbers % max(math.prod(size), 1), size))


if not TYPE_CHECKING:
    __all__ = publish(globals())
