"""Activations as functions. Those with ``inplace`` may write their result over the input."""

from __future__ import annotations

import functools
from collections.abc import Callable
from functools import partial
from typing import Any

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import as_number, named
from tinygrad_mnist.tensor.functions import where

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@named
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``max(input, 0)``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> relu(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """
    return input.relu_() if inplace else input.relu()


@named
def sigmoid(input: Tensor) -> Tensor:
    """Return ``1 / (1 + exp(-input))``."""
    return input.sigmoid()


@named
def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent."""
    return input.tanh()


@named
def softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: Any = None,
) -> Tensor:
    """Return exponentials divided by their sum along a dimension.

    Without a dimension one is chosen as PyTorch chooses it, with a warning: 0 for an input of 0, 1
    or 3 dimensions, otherwise 1.
    """
    return input.softmax(_chosen("softmax", dim, input), dtype)


@named
def log_softmax(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: Any = None,
) -> Tensor:
    """Return the logarithm of :func:`softmax`, exact where that would round to 0."""
    return input.log_softmax(_chosen("log_softmax", dim, input), dtype)


@named
def softmin(
    input: Tensor,
    dim: int | None = None,
    _stacklevel: int = 3,
    dtype: Any = None,
) -> Tensor:
    """Return :func:`softmax` of the negative input."""
    return (-input).softmax(_chosen("softmin", dim, input), dtype)


def _chosen(name: str, dim: int | None, input: Tensor) -> int:
    """Return the dimension that is meant, PyTorch's choice if none was named."""
    if dim is not None:
        return dim
    dim = 0 if input.ndim in (0, 1, 3) else 1
    warn(
        f"{name}: without dim, dimension {dim} is chosen, as PyTorch does; name the dimension of "
        f"the classes, for instance dim=-1"
    )
    return dim


def written(input: Tensor, inplace: bool, function: Callable[[Tensor], Any]) -> Tensor:
    """Return a function of the input, written over the input if that was asked for."""
    if not inplace:
        return function(input)  # type: ignore[no-any-return]
    return input.copy_(function(input.clone()))


@named
@one_node("LeakyReluBackward0")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere a fraction of it.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> leaky_relu(tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return written(input, inplace, lambda x: apply(ops.where, x > 0, x, x * negative_slope))


@named
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere ``alpha * (exp(input) - 1)``."""
    return _exponential(input, inplace, alpha, 1.0, 1.0)


def _exponential(
    input: Tensor,
    inplace: bool,
    alpha: float,
    scale: float,
    input_scale: float,
) -> Tensor:
    """Return what elu, selu and celu are kinds of."""
    settings = {"alpha": alpha, "scale": scale, "input_scale": input_scale}
    return written(input, inplace, lambda x: apply(ops.elu, x, **settings))


@named
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the self-normalising unit, ``scale * elu(input, alpha)`` (Klambauer et al., 2017).

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> selu(tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return _exponential(input, inplace, SELU_ALPHA, SELU_SCALE, 1.0)


@named
@one_node("CeluBackward0")
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere ``alpha * (exp(input / alpha) - 1)``."""
    alpha = as_number("celu", "alpha", alpha)  # NumPy's would make float64 of float32
    if alpha == 0:
        raise RuntimeError("celu: alpha must not be 0, as it divides the input")
    return _exponential(input, inplace, alpha, 1.0, 1 / alpha)


@named
def gelu(input: Any, approximate: str = "none") -> Tensor:
    """Return input times the normal distribution function at input.

    Raises
    ------
    RuntimeError
        When approximate is neither ``"none"`` nor ``"tanh"``.
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"gelu: approximate must be 'none' or 'tanh', not {approximate!r}")
    return apply(ops.gelu, input, approximate=approximate)


@named
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * sigmoid(input)``."""
    return written(input, inplace, partial(apply, ops.silu))


@named
def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return ``log(1 + exp(beta * input)) / beta``, and input where that is beyond a threshold.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> softplus(tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    beta = as_number("softplus", "beta", beta)
    threshold = as_number("softplus", "threshold", threshold)
    return apply(ops.softplus, input, beta=beta, threshold=threshold)


def log1p_exp(x: Any) -> Any:
    """Return ``log(1 + exp(x))``, exact everywhere: beyond 40 it is x to the last bit."""
    return apply(ops.softplus, x, beta=1.0, threshold=40.0)


@named
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * tanh(softplus(input))`` (Misra, 2019).

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> mish(tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """
    return written(input, inplace, partial(apply, ops.mish))


@named
@one_node("HardtanhBackward0")
def hardtanh(
    input: Tensor,
    min_val: float = -1.0,
    max_val: float = 1.0,
    inplace: bool = False,
) -> Tensor:
    """Return input cut at both ends; at the ends, unlike ``clamp``, the gradient is 0.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> hardtanh(tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError(f"hardtanh: min_val {min_val} is larger than max_val {max_val}")

    def cut(x: Tensor) -> Any:
        outside = (x <= min_val) | (x >= max_val)
        return where(outside, x.detach().clamp(min_val, max_val), x)

    return written(input, inplace, cut)


@named
@one_node("HardtanhBackward0")
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(input, 0), 6)``."""
    return hardtanh(input, 0.0, 6.0, inplace)


@named
@one_node("HardsigmoidBackward0")
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``relu6(input + 3) / 6``."""

    def cut(x: Tensor) -> Any:
        return where((x > -3) & (x < 3), (x + 3) / 6, (x.detach() + 3).clamp(0, 6) / 6)

    return written(input, inplace, cut)


@named
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * relu6(input + 3) / 6`` (Howard et al., 2019)."""
    return written(input, inplace, partial(apply, ops.hardswish))


@named
@one_node("LogSigmoidBackward0")
def logsigmoid(input: Tensor) -> Tensor:
    """Return ``log(sigmoid(input))``, exact where the sigmoid would round to 0.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> logsigmoid(tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    out: Tensor = -log1p_exp(-input)
    return out


@named
def softsign(input: Tensor) -> Tensor:
    """Return ``input / (1 + |input|)``."""
    out: Tensor = input / (input.abs() + 1)
    return out


@named
def tanhshrink(input: Tensor) -> Tensor:
    """Return ``input - tanh(input)``."""
    out: Tensor = input - input.tanh()
    return out


@named
@one_node("SoftshrinkBackward0")
def softshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """Return input moved towards 0 by lambd, and 0 where it is closer than that."""
    if lambd < 0:
        raise RuntimeError(f"softshrink: lambd must not be negative, got {lambd}")
    inside = (input >= -lambd) & (input <= lambd)
    return where(inside, 0.0, input - input.sign() * lambd)


@named
@one_node("HardshrinkBackward0")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Any:
    """Return input, and 0 where it is within lambd of 0."""
    return where((input >= -lambd) & (input <= lambd), 0.0, input)


@named
@one_node("ThresholdBackward0")
def threshold(
    input: Tensor,
    threshold: float,
    value: float,
    inplace: bool = False,
) -> Tensor:
    """Return input where it is above a threshold, elsewhere a value."""
    return written(input, inplace, lambda x: where(x <= threshold, value, x))


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make the form of an activation that writes its result over the input."""
    name = function.__name__ + "_"

    @named
    @functools.wraps(function)
    def call(input: Tensor, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, inplace=True, **kwargs)

    call.__name__ = call.__qualname__ = name
    call.__doc__ = f"Write what :func:`{function.__name__}` returns over the input, and return it."
    return call


relu_, elu_, selu_, celu_ = _in_place(relu), _in_place(elu), _in_place(selu), _in_place(celu)
hardtanh_, leaky_relu_ = _in_place(hardtanh), _in_place(leaky_relu)
threshold_ = _in_place(threshold)


@named
@one_node("GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return the first half along a dimension times the sigmoid of the second.

    Raises
    ------
    RuntimeError
        When the dimension is odd.
    """
    if not input.ndim:
        raise RuntimeError("glu: a 0-d tensor has no dimension to be halved")
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"glu: dimension {dim} has size {input.shape[dim]}; it must be even to be halved"
        )
    first, second = input.chunk(2, dim)
    out: Tensor = first * second.sigmoid()
    return out


@named
def prelu(input: Tensor, weight: Tensor) -> Any:
    """Return input where it is positive, elsewhere input times a learned weight.

    The weight has one element, or one for each channel (dimension 1).

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> prelu(tensor([-2.0, 1.0]), tensor([0.25]))
    tensor([-0.5000,  1.0000])
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.dtype != input.dtype:
        raise RuntimeError(
            f"prelu: the weight must be one number, or a vector of them, of dtype {input.dtype}, "
            f"but has shape {list(weight.shape)} and dtype {weight.dtype}"
        )
    if weight.numel() not in (1, channels):
        raise RuntimeError(
            f"prelu: the weight has {weight.numel()} elements; it must have 1, or as many as the "
            f"input's {channels} channels"
        )
    weight = weight.reshape([-1] + [1] * (input.ndim - 2) if input.ndim else [])
    return apply(ops.prelu, input, weight)
