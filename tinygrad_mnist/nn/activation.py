"""Activations. Those with ``inplace`` may write their result over the input."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, apply, wrap
from tinygrad_mnist.autograd.names import node_name
from tinygrad_mnist.nn.layer import Layer
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Generator, Tensor, default_generator, full
from tinygrad_mnist.tensor.arguments import as_number, named
from tinygrad_mnist.tensor.comparison import where
from tinygrad_mnist.tensor.device import DeviceLike
from tinygrad_mnist.tensor.elementwise import sigmoid as sigmoid
from tinygrad_mnist.tensor.elementwise import tanh as tanh


def maybe_inplace(input: Tensor, inplace: bool, function: Callable[[Tensor], Tensor]) -> Tensor:
    """Return a function of the input, written over the input if that was asked for."""
    return input.copy_(function(input.clone())) if inplace else function(input)


class _Fixed(Layer):
    """An activation without settings."""

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input)


class _Activation(Layer):
    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.inplace)


# relu has no decorator: it is called often, and the operation names its errors.


def relu(input: Tensor, inplace: bool = False) -> Tensor:
    r"""Return the larger of input and 0, element by element.

    .. math:: \mathrm{relu}(x) = \max(x, 0)

    The derivative is 1 where x is positive, and 0 elsewhere, at 0 too. Follows
    ``torch.nn.functional.relu``.

    Parameters
    ----------
    input
        A tensor of any shape (*).
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([-1.0, 2.0], requires_grad=True)
    >>> F.relu(x)
    tensor([0., 2.], grad_fn=<ReluBackward0>)
    >>> F.relu(x).sum().backward()
    >>> x.grad
    tensor([0., 1.])
    """
    if inplace is False and isinstance(input, TensorBase):
        return apply(ops.relu, input)
    return _relu(input, inplace)


@named
def _relu(input: Tensor, inplace: bool) -> Tensor:
    return input.relu_() if inplace else input.relu()


def relu_(input: Tensor) -> Tensor:
    """Write what :func:`relu` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([-1.0, 2.0])
    >>> F.relu_(x) is x, x
    (True, tensor([0., 2.]))
    """
    return relu(input, inplace=True)


class ReLU(_Activation, call=relu):
    """Rectified linear unit, ``max(x, 0)``.

    Shapes: input and output (*). Follows ``torch.nn.ReLU``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReLU()(torch.tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """


class Sigmoid(_Fixed, call=sigmoid):
    """Logistic function, ``1 / (1 + exp(-x))``: from any number to one between 0 and 1.

    Shapes: input and output (*). Follows ``torch.nn.Sigmoid``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Sigmoid()(torch.tensor([-1000.0, 0.0, 2.0]))
    tensor([0.0000, 0.5000, 0.8808])
    """


class Tanh(_Fixed, call=tanh):
    """Hyperbolic tangent, ``(exp(x) - exp(-x)) / (exp(x) + exp(-x))``, between -1 and 1.

    Shapes: input and output (*). Follows ``torch.nn.Tanh``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Tanh()(torch.tensor([-2.0, 0.0, 2.0]))
    tensor([-0.9640,  0.0000,  0.9640])
    """


@named
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``min(max(input, 0), 6)``.

    Follows ``torch.nn.functional.relu6``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.relu6(torch.tensor([-1.0, 3.0, 7.0]))
    tensor([0., 3., 6.])
    """
    return hardtanh(input, 0.0, 6.0, inplace)


class ReLU6(_Activation, call=relu6):
    """Rectified linear unit with a ceiling, ``min(max(x, 0), 6)``.

    Shapes: input and output (*). Follows ``torch.nn.ReLU6``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ReLU6()(torch.tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """


@named
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Return input clamped to an interval; on its bounds, unlike ``clamp``'s, the gradient is 0.

    Follows ``torch.nn.functional.hardtanh``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    min_val, max_val
        The bounds.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    ValueError
        When min_val is larger than max_val.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.hardtanh(torch.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    if min_val > max_val:
        raise ValueError(f"min_val {min_val} is larger than max_val {max_val}")
    return _between(input, min_val, max_val, inplace)


@node_name("HardtanhBackward0")
def _between(input: Tensor, low: float, high: float, inplace: bool) -> Tensor:
    return maybe_inplace(
        input, inplace, lambda x: where((x <= low) | (x >= high), x.detach().clamp(low, high), x)
    )


@named
def hardtanh_(input: Tensor, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """Write what :func:`hardtanh` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    min_val, max_val
        The bounds.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.hardtanh_(torch.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """
    return _between(input, min_val, max_val, True)


class Hardtanh(Module):
    """A number clamped to an interval, ``min(max(x, min_val), max_val)``.

    Shapes: input and output (*). Follows ``torch.nn.Hardtanh``.

    Parameters
    ----------
    min_val, max_val
        The bounds.
    inplace
        Whether to write the result over the input.
    min_value, max_value
        PyTorch's older names of the bounds.

    Raises
    ------
    ValueError
        When max_val isn't larger than min_val.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Hardtanh()(torch.tensor([-2.0, 0.5]))
    tensor([-1.0000,  0.5000])
    """

    _shown = "min_val= max_val= inplace?"

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__()
        for name, given in (("min_val", min_value), ("max_val", max_value)):
            if given is not None:
                warn(f"Hardtanh: {name}ue is deprecated; it is {name} now", FutureWarning)
        self.min_val = min_val if min_value is None else min_value
        self.max_val = max_val if max_value is None else max_value
        if not self.max_val > self.min_val:
            raise ValueError(
                f"max_val must be greater than min_val, got {self.max_val} and {self.min_val}"
            )
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return hardtanh(input, self.min_val, self.max_val, self.inplace)


@named
@node_name("LeakyReluBackward0")
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere a fraction of it.

    Follows ``torch.nn.functional.leaky_relu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    negative_slope
        The factor of negative numbers.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.leaky_relu(torch.tensor([-1.0, 2.0]), 0.1)
    tensor([-0.1000,  2.0000])
    """
    return maybe_inplace(input, inplace, lambda x: apply(ops.where, x > 0, x, x * negative_slope))


@named
def leaky_relu_(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Write what :func:`leaky_relu` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    negative_slope
        The factor of negative numbers.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.leaky_relu_(torch.tensor([-1.0, 2.0]))
    tensor([-0.0100,  2.0000])
    """
    return leaky_relu(input, negative_slope, inplace=True)


class LeakyReLU(Module):
    """``x`` where it is positive, else ``negative_slope * x``, so that no unit is dead.

    Shapes: input and output (*). Follows ``torch.nn.LeakyReLU``.

    Parameters
    ----------
    negative_slope
        The factor of negative numbers.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LeakyReLU(0.1)(torch.tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    _shown = "negative_slope= inplace?"

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return leaky_relu(input, self.negative_slope, self.inplace)


@named
def rrelu(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Return input where it is positive, elsewhere a fraction of it that is drawn in training.

    Otherwise the fraction is ``(lower + upper) / 2``. (Xu et al., 2015.) Follows
    ``torch.nn.functional.rrelu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    lower, upper
        Between which numbers each element's fraction is drawn.
    training
        Whether to draw.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When lower is larger than upper.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.rrelu(torch.tensor([-4.8, 2.0]), 0.125, 0.375)
    tensor([-1.2000,  2.0000])
    """
    return randomly_leaky(input, lower, upper, training, inplace)


@named
def rrelu_(
    input: Tensor,
    lower: float = 1.0 / 8,
    upper: float = 1.0 / 3,
    training: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Write what :func:`rrelu` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    lower, upper
        Between which numbers each element's fraction is drawn.
    training
        Whether to draw.
    generator
        Where the random numbers come from.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.rrelu_(torch.tensor([-4.8, 2.0]), 0.125, 0.375)
    tensor([-1.2000,  2.0000])
    """
    return randomly_leaky(input, lower, upper, training, True, generator)


def randomly_leaky(
    input: Tensor,
    lower: float,
    upper: float,
    training: bool,
    inplace: bool,
    generator: Generator | None = None,
) -> Tensor:
    """Return what :func:`rrelu` returns, from a generator's numbers."""
    if lower > upper:
        raise RuntimeError(f"lower must not be larger than upper, got {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    negative = input._array <= 0
    slopes = np.ones(input._array.shape, input._array.dtype)
    source = generator or default_generator
    slopes[negative] = source.uniform((int(negative.sum()),), np.dtype(np.float64), lower, upper)
    return maybe_inplace(input, inplace, lambda x: x * wrap(slopes))


class RReLU(Module):
    """A fraction of negative numbers, drawn for each in training, in evaluation the mean one.

    Shapes: input and output (*). Follows ``torch.nn.RReLU``.

    Parameters
    ----------
    lower, upper
        Between which numbers the fraction is drawn.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.RReLU(0.125, 0.375).eval()(torch.tensor([-4.8, 2.0]))
    tensor([-1.2000,  2.0000])
    """

    _shown = "lower= upper= inplace?"

    def __init__(
        self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False
    ) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Tensor) -> Tensor:
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)


@named
@node_name("ThresholdBackward0")
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return input where it is above a threshold, elsewhere a value.

    Follows ``torch.nn.functional.threshold``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    threshold
        Above it input is kept.
    value
        What takes the place of the rest.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.threshold(torch.tensor([0.2, 1.0]), 0.5, 9.0)
    tensor([9., 1.])
    """
    return maybe_inplace(input, inplace, lambda x: where(x <= threshold, value, x))


@named
def threshold_(input: Tensor, threshold: float, value: float) -> Tensor:
    """Write what :func:`threshold` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    threshold
        Above it input is kept.
    value
        What takes the place of the rest.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.threshold_(torch.tensor([0.2, 1.0]), 0.5, 9.0)
    tensor([9., 1.])
    """
    return maybe_inplace(input, True, lambda x: where(x <= threshold, value, x))


class Threshold(Module):
    """``x`` where it is above a threshold, else a value.

    Shapes: input and output (*). Follows ``torch.nn.Threshold``.

    Parameters
    ----------
    threshold
        Above it x is kept.
    value
        What takes the place of the rest.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Threshold(0.5, 9.0)(torch.tensor([0.2, 1.0]))
    tensor([9., 1.])
    """

    _shown = "threshold= value= inplace?"

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return threshold(input, self.threshold, self.value, self.inplace)


@named
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return input where it is positive, elsewhere input times a learned weight.

    Follows ``torch.nn.functional.prelu``.

    Parameters
    ----------
    input
        A tensor of shape (N, C, ...), or any shape where there is one weight.
    weight
        Of shape (1), or (C): one for each channel.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When the weight's shape or dtype doesn't fit.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.prelu(torch.tensor([-2.0, 1.0]), torch.tensor([0.25]))
    tensor([-0.5000,  1.0000])
    """
    channels = input.shape[1] if input.ndim > 1 else 1
    if weight.ndim > 1 or weight.dtype != input.dtype:
        raise RuntimeError(
            f"the weight must be one number, or a vector of them, of dtype {input.dtype}, but has "
            f"shape {list(weight.shape)} and dtype {weight.dtype}"
        )
    if weight.numel() not in (1, channels):
        raise RuntimeError(
            f"the weight has {weight.numel()} elements; it must have 1, or as many as the input's "
            f"{channels} channels"
        )
    weight = weight.reshape([-1] + [1] * (input.ndim - 2) if input.ndim else [])
    return apply(ops.prelu, input, weight)


class PReLU(Module):
    """``x`` where it is positive, else ``x`` times a learned weight (He et al., 2015).

    The weight has one element, or one for each channel.

    Shapes: input and output (N, C, ...), weight (num_parameters). Follows ``torch.nn.PReLU``.

    Parameters
    ----------
    num_parameters
        1, or the number of channels C.
    init
        What the weight starts at.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.PReLU()(torch.tensor([-1.0, 1.0])).tolist()
    [-0.25, 1.0]
    """

    _shown = "num_parameters="
    weight: Tensor

    def __init__(
        self,
        num_parameters: int = 1,
        init: float = 0.25,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        return prelu(input, self.weight)


def _scaled_elu(
    input: Tensor, inplace: bool, alpha: float, scale: float = 1.0, input_scale: float = 1.0
) -> Tensor:
    """Return ``scale * (x if x > 0 else alpha * (exp(input_scale * x) - 1))``."""
    settings = {"alpha": alpha, "scale": scale, "input_scale": input_scale}
    return maybe_inplace(input, inplace, partial(apply, ops.elu, **settings))


class _Exponential(Layer):
    _shown = "alpha= inplace?"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.alpha, self.inplace)


@named
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere ``alpha * (exp(input) - 1)``.

    Follows ``torch.nn.functional.elu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    alpha
        Minus the limit for large negative input.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.elu(torch.tensor([-1000.0, -1.0, 2.0]))
    tensor([-1.0000, -0.6321,  2.0000])
    """
    return _scaled_elu(input, inplace, alpha)


@named
def elu_(input: Tensor, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Tensor:
    """Write ``scale * elu(input)`` over the input, with the exponent times another scale.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    alpha
        The factor of negative results.
    scale
        The factor of all results.
    input_scale
        The factor of the exponent.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.elu_(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return _scaled_elu(input, True, alpha, scale, input_scale)


class ELU(_Exponential, call=elu):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``.

    Shapes: input and output (*). Follows ``torch.nn.ELU``.

    Parameters
    ----------
    alpha
        Minus the limit for large negative x.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.ELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """


@named
@node_name("CeluBackward0")
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where it is positive, elsewhere ``alpha * (exp(input / alpha) - 1)``.

    Unlike that of :func:`elu`, its derivative is continuous for every alpha (Barron, 2017). Follows
    ``torch.nn.functional.celu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    alpha
        Minus the limit for large negative input; not 0.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When alpha is 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.celu(torch.tensor([-1.0, 2.0]), alpha=2.0)
    tensor([-0.7869,  2.0000])
    """
    alpha = as_number("alpha", alpha)  # NumPy's would make float64 of float32
    if alpha == 0:
        raise RuntimeError("alpha must not be 0, as it divides the input")
    return _scaled_elu(input, inplace, alpha, input_scale=1 / alpha)


@named
def celu_(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Write what :func:`celu` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.
    alpha
        Minus the limit for large negative input; not 0.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.celu_(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """
    return celu(input, alpha, inplace=True)


class CELU(_Exponential, call=celu):
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``.

    Shapes: input and output (*). Follows ``torch.nn.CELU``.

    Parameters
    ----------
    alpha
        Minus the limit for large negative x; not 0.
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.CELU()(torch.tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """


SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946


@named
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return the self-normalising unit, ``scale * elu(input, alpha)`` (Klambauer et al., 2017).

    With scale 1.0507 and alpha 1.6733, mean 0 and variance 1 stay so from layer to layer. Follows
    ``torch.nn.functional.selu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.selu(torch.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return _scaled_elu(input, inplace, SELU_ALPHA, SELU_SCALE)


@named
def selu_(input: Tensor) -> Tensor:
    """Write what :func:`selu` returns over the input, and return it.

    Parameters
    ----------
    input
        A tensor of any shape (*), which is changed.

    Returns
    -------
    The input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.selu_(torch.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """
    return selu(input, inplace=True)


class SELU(_Activation, call=selu):
    """Self-normalising unit, ``1.0507 * (x if x > 0 else 1.6733 * (exp(x) - 1))``.

    It keeps mean 0 and variance 1 from layer to layer (Klambauer et al., 2017); its dropout is
    :class:`AlphaDropout`.

    Shapes: input and output (*). Follows ``torch.nn.SELU``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.SELU()(torch.tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """


@named
def gelu(input: Tensor, approximate: Literal["none", "tanh"] = "none") -> Tensor:
    r"""Return input times the normal distribution function at input (Hendrycks and Gimpel, 2016).

    .. math:: \mathrm{gelu}(x) = x \, \Phi(x)

    Follows ``torch.nn.functional.gelu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    approximate
        ``"none"``, or ``"tanh"``: an approximation of the distribution function.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When approximate is neither ``"none"`` nor ``"tanh"``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> x = torch.tensor([-1.0, 1.0])
    >>> F.gelu(x), F.gelu(x, approximate="tanh")
    (tensor([-0.1587,  0.8413]), tensor([-0.1588,  0.8412]))
    """
    if approximate not in ("none", "tanh"):
        raise RuntimeError(f"approximate must be 'none' or 'tanh', not {approximate!r}")
    return apply(ops.gelu, input, approximate=approximate)


class GELU(Module):
    """``x`` times the normal distribution function at x.

    Shapes: input and output (*). Follows ``torch.nn.GELU``.

    Parameters
    ----------
    approximate
        ``"none"``, or ``"tanh"``: an approximation of the distribution function.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.GELU()(torch.tensor([1.0]))
    tensor([0.8413])
    """

    _shown = "approximate=!r"

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        return gelu(input, self.approximate)


@named
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * sigmoid(input)``, also called swish.

    Follows ``torch.nn.functional.silu``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.silu(torch.tensor([-1.0, 1.0]))
    tensor([-0.2689,  0.7311])
    """
    return maybe_inplace(input, inplace, partial(apply, ops.silu))


class SiLU(_Activation, call=silu):
    """``x * sigmoid(x)``, also called swish.

    Shapes: input and output (*). Follows ``torch.nn.SiLU``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.SiLU()(torch.tensor([1.0]))
    tensor([0.7311])
    """


@named
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * tanh(softplus(input))`` (Misra, 2019).

    Follows ``torch.nn.functional.mish``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.mish(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.8651])
    """
    return maybe_inplace(input, inplace, partial(apply, ops.mish))


class Mish(_Activation, call=mish):
    """``x * tanh(softplus(x))`` (Misra, 2019).

    Shapes: input and output (*). Follows ``torch.nn.Mish``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Mish()(torch.tensor([1.0]))
    tensor([0.8651])
    """


@named
@node_name("HardsigmoidBackward0")
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``relu6(input + 3) / 6``: a sigmoid made of lines.

    Follows ``torch.nn.functional.hardsigmoid``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.hardsigmoid(torch.tensor([-4.0, 0.0, 1.5]))
    tensor([0.0000, 0.5000, 0.7500])
    """
    return maybe_inplace(
        input,
        inplace,
        lambda x: where((x > -3) & (x < 3), (x + 3) / 6, (x.detach() + 3).clamp(0, 6) / 6),
    )


class Hardsigmoid(_Activation, call=hardsigmoid):
    """``relu6(x + 3) / 6``: a sigmoid made of lines.

    Shapes: input and output (*). Follows ``torch.nn.Hardsigmoid``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Hardsigmoid()(torch.tensor([-4.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    _shown = ""


@named
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return ``input * relu6(input + 3) / 6`` (Howard et al., 2019).

    Follows ``torch.nn.functional.hardswish``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    inplace
        Whether to write the result over the input, which is then returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.hardswish(torch.tensor([-1.5, 3.0]))
    tensor([-0.3750,  3.0000])
    """
    return maybe_inplace(input, inplace, partial(apply, ops.hardswish))


class Hardswish(_Activation, call=hardswish):
    """``x * relu6(x + 3) / 6`` (Howard et al., 2019).

    Shapes: input and output (*). Follows ``torch.nn.Hardswish``.

    Parameters
    ----------
    inplace
        Whether to write the result over the input.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Hardswish()(torch.tensor([-4.0, 3.0]))
    tensor([-0., 3.])
    """

    _shown = ""


@named
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    r"""Return a smooth form of :func:`relu`, and input itself beyond a threshold.

    .. math:: \mathrm{softplus}(x) = \log(1 + e^{\beta x}) / \beta

    Follows ``torch.nn.functional.softplus``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    beta
        How sharp the bend is.
    threshold
        The value of ``beta * input`` above which input is returned.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.softplus(torch.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    beta = as_number("beta", beta)
    threshold = as_number("threshold", threshold)
    return apply(ops.softplus, input, beta=beta, threshold=threshold)


def log1p_exp(x: Tensor) -> Tensor:
    """Return ``log(1 + exp(x))``, exact everywhere: beyond 40 it is x to the last bit."""
    return apply(ops.softplus, x, beta=1.0, threshold=40.0)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``, a smooth form of :class:`ReLU`.

    Shapes: input and output (*). Follows ``torch.nn.Softplus``.

    Parameters
    ----------
    beta
        How sharp the bend is.
    threshold
        The value of ``beta * x`` above which x is returned.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softplus()(torch.tensor([0.0]))
    tensor([0.6931])
    """

    _shown = "beta= threshold="

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        return softplus(input, self.beta, self.threshold)


@named
@node_name("LogSigmoidBackward0")
def logsigmoid(input: Tensor) -> Tensor:
    """Return ``log(sigmoid(input))``, exact where the sigmoid would round to 0.

    Follows ``torch.nn.functional.logsigmoid``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.logsigmoid(torch.tensor([-1000.0, 0.0]))
    tensor([-1.0000e+03, -6.9315e-01])
    """
    return -log1p_exp(-input)


class LogSigmoid(_Fixed, call=logsigmoid):
    """``log(sigmoid(x))``, exact where the sigmoid would round to 0.

    Shapes: input and output (*). Follows ``torch.nn.LogSigmoid``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.LogSigmoid()(torch.tensor([0.0]))
    tensor([-0.6931])
    """


@named
def softsign(input: Tensor) -> Tensor:
    """Return ``input / (1 + |input|)``.

    Follows ``torch.nn.functional.softsign``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.softsign(torch.tensor([-3.0, 1.0]))
    tensor([-0.7500,  0.5000])
    """
    return input / (input.abs() + 1)


class Softsign(_Fixed, call=softsign):
    """``x / (1 + |x|)``, between -1 and 1.

    Shapes: input and output (*). Follows ``torch.nn.Softsign``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softsign()(torch.tensor([1.0]))
    tensor([0.5000])
    """


@named
def tanhshrink(input: Tensor) -> Tensor:
    """Return ``input - tanh(input)``.

    Follows ``torch.nn.functional.tanhshrink``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.tanhshrink(torch.tensor([0.0, 1.0]))
    tensor([0.0000, 0.2384])
    """
    return input - input.tanh()


class Tanhshrink(_Fixed, call=tanhshrink):
    """``x - tanh(x)``.

    Shapes: input and output (*). Follows ``torch.nn.Tanhshrink``.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Tanhshrink()(torch.tensor([0.0]))
    tensor([0.])
    """


class _Shrink(Layer):
    _shown = "lambd"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        return self._call(input, self.lambd)


@named
@node_name("SoftshrinkBackward0")
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return input moved towards 0 by lambd, and 0 where it is closer than that.

    Follows ``torch.nn.functional.softshrink``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    lambd
        How far to move, not negative.

    Returns
    -------
    A tensor of the input's shape.

    Raises
    ------
    RuntimeError
        When lambd is negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.softshrink(torch.tensor([-2.0, 0.2, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambd must not be negative, got {lambd}")
    inside = (input >= -lambd) & (input <= lambd)
    return where(inside, 0.0, input - input.sign() * lambd)


class Softshrink(_Shrink, call=softshrink):
    """``x`` moved towards 0 by lambd, and 0 where it is closer than that.

    Shapes: input and output (*). Follows ``torch.nn.Softshrink``.

    Parameters
    ----------
    lambd
        How far to move, not negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Softshrink()(torch.tensor([1.0, 0.2]))
    tensor([0.5000, 0.0000])
    """


@named
@node_name("HardshrinkBackward0")
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return input, and 0 where it is within lambd of 0.

    Follows ``torch.nn.functional.hardshrink``.

    Parameters
    ----------
    input
        A tensor of any shape (*), floating point.
    lambd
        The largest size that becomes 0.

    Returns
    -------
    A tensor of the input's shape.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.hardshrink(torch.tensor([-2.0, 0.2, 1.0]))
    tensor([-2.,  0.,  1.])
    """
    return where((input >= -lambd) & (input <= lambd), 0.0, input)


class Hardshrink(_Shrink, call=hardshrink):
    """``x``, and 0 where its size is at most lambd.

    Shapes: input and output (*). Follows ``torch.nn.Hardshrink``.

    Parameters
    ----------
    lambd
        The largest size that becomes 0.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.Hardshrink()(torch.tensor([1.0, 0.2]))
    tensor([1., 0.])
    """


@named
@node_name("GluBackward0")
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return the first half along a dimension times the sigmoid of the second.

    Follows ``torch.nn.functional.glu``.

    Parameters
    ----------
    input
        A tensor of shape (..., 2n, ...), floating point.
    dim
        The dimension to halve, whose length is even.

    Returns
    -------
    A tensor of shape (..., n, ...).

    Raises
    ------
    RuntimeError
        When the dimension is odd.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> import tinygrad_mnist.nn.functional as F
    >>> F.glu(torch.tensor([[1.0, 2.0, 0.0, 0.0]]))
    tensor([[0.5000, 1.0000]])
    """
    if not input.ndim:
        raise RuntimeError("a 0-d tensor has no dimension to be halved")
    if input.shape[dim] % 2:
        raise RuntimeError(
            f"dimension {dim} has size {input.shape[dim]}; it must be even to be halved"
        )
    first, second = input.chunk(2, dim)
    return first * second.sigmoid()


class GLU(Module):
    """Gated linear unit: the first half of a dimension times the sigmoid of the second.

    Shapes: input (..., 2n, ...), output (..., n, ...). Follows ``torch.nn.GLU``.

    Parameters
    ----------
    dim
        The dimension to halve, whose length is even.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.GLU()(torch.tensor([1.0, 0.0]))
    tensor([0.5000])
    """

    _shown = "dim="

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        return glu(input, self.dim)
