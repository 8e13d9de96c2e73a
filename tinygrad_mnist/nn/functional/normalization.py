"""Normalisation: values less their mean, divided by their standard deviation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist.autograd.graph import apply
from tinygrad_mnist.autograd.names import one_node
from tinygrad_mnist.nn.functional.padding import pad
from tinygrad_mnist.ops.normalization import statistics
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.precision import in_float32


@named
@one_node("NativeBatchNormBackward0")
def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    r"""Normalise each channel of (N, C, ...) over the batch (Ioffe and Szegedy, 2015).

    .. math:: y = \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} w + b

    In training mean and (biased) variance are those of the batch, and the running ones, with the
    unbiased variance, move towards them in place by the momentum. Otherwise they are the running
    ones. Follows ``torch.nn.functional.batch_norm``.

    Raises
    ------
    ValueError
        When there is one value per channel in training.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> batch_norm(tensor([[1.0], [3.0]]), None, None, training=True).round()
    tensor([[-1.],
            [ 1.]])
    """
    if input.ndim < 2:
        raise RuntimeError(
            f"batch_norm: expected an input of shape (N, C, ...), got {list(input.shape)}"
        )
    channels = input.shape[1]
    _check_channels("batch_norm", input, weight, bias, running_mean, running_var)
    like = (channels,) + (1,) * (input.ndim - 2)
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    if not training:
        if running_mean is None or running_var is None:
            raise RuntimeError("batch_norm: needs running_mean and running_var in evaluation")
        return _scaled(input, running_mean.reshape(like), running_var.reshape(like), w, b, eps)
    dims = (0, *range(2, input.ndim))
    count = prod(input.shape[d] for d in dims)
    if count == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}: use a larger batch, or eval()"
        )
    with np.errstate(all="ignore"):
        mean, var, _ = statistics(input._array, dims)
    if count:  # an empty batch has no statistics
        _move(running_mean, mean.reshape(-1), momentum)
        _move(running_var, var.reshape(-1) * np.float64(count / max(count - 1, 1)), momentum)
    return apply(ops.standardize, input, w, b, mean, var, dim=dims, eps=eps)


@in_float32
def _scaled(
    input: Tensor,
    mean: Tensor,
    var: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    eps: float,
) -> Tensor:
    """Normalise by statistics that are known."""
    scale = (var.detach() + eps).rsqrt()
    scale = scale if weight is None else weight * scale
    shift = mean.detach() * scale
    return input * scale + (-shift if bias is None else bias - shift)


def _check_channels(name: str, input: Tensor, *given: Tensor | None) -> None:
    _check_parameters(name, input, (input.shape[1],), *given)


def _check_parameters(
    name: str,
    input: Tensor,
    shape: tuple[int, ...],
    *given: Tensor | None,
) -> None:
    for x in given:
        if x is not None and (x.shape != shape or x.dtype != input.dtype):
            if not input.is_floating_point():
                raise RuntimeError(
                    f"{name}: the input must be floating point, but is {input.dtype}; convert it "
                    f"with float()"
                )
            if x.shape != shape and len(shape) == x.ndim == 1:
                count = "num_channels" if name == "group_norm" else "num_features"
                raise RuntimeError(
                    f"{name}: the input has {shape[0]} channels (its shape is "
                    f"{list(input.shape)}), but {count} is {len(x)}, the length of weight, bias or "
                    f"running statistics"
                )
            raise RuntimeError(
                f"{name}: weight, bias and running statistics must have shape {list(shape)} and "
                f"dtype {input.dtype} here, but one has {list(x.shape)} and {x.dtype}"
            )


def _move(running: Tensor | None, value: np.ndarray, momentum: float) -> None:
    """Move running statistics towards a value, in place."""
    if running is not None:
        held = running._array
        held[...] = (1 - momentum) * held + momentum * value
        running._version.bump("batch_norm")


@named
def instance_norm(
    input: Tensor,
    running_mean: Tensor | None = None,
    running_var: Tensor | None = None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise each channel of each image of (N, C, *S) by itself (Ulyanov et al., 2016).

    Running statistics move towards the batch's mean of the images' ones; they are used if
    use_input_stats is False. Follows ``torch.nn.functional.instance_norm``.

    Raises
    ------
    ValueError
        When there is one value per channel.
    RuntimeError
        When weight, bias or running statistics don't have one number per channel.
    """
    if not use_input_stats:
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    channels, size = input.shape[1], input.shape[2:]
    _check_channels("instance_norm", input, weight, bias, running_mean, running_var)
    count = prod(size)
    if count == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size "
            f"{list(input.shape)}"
        )
    like, dims = (channels,) + (1,) * len(size), tuple(range(2, input.ndim))
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    with np.errstate(all="ignore"):
        mean, var, _ = statistics(input._array, dims)
    if input._array.size:  # no images have no statistics
        _move(running_mean, mean.mean(0).reshape(-1), momentum)
        unbiased = var.mean(0).reshape(-1) * np.float64(count / max(count - 1, 1))
        _move(running_var, unbiased, momentum)
    return apply(ops.standardize, input, w, b, mean, var, dim=dims, eps=eps)


@named
@one_node("NativeGroupNormBackward0")
def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise groups of channels of each image of (N, C, *S) (Wu and He, 2018).

    Follows ``torch.nn.functional.group_norm``.

    Raises
    ------
    RuntimeError
        When the number of channels isn't divisible by that of groups, or weight or bias don't
        have one number per channel.
    ValueError
        When there is one value per group, in one image.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> group_norm(tensor([[1.0, 3.0, 5.0, 5.0]]), 2).round()
    tensor([[-1.,  1.,  0.,  0.]])
    """
    if input.ndim < 2:
        raise RuntimeError(f"group_norm: expected at least 2 dimensions, got {input.ndim}")
    n, channels, *size = input.shape
    if num_groups < 1 or channels % num_groups:
        raise RuntimeError(
            f"group_norm: the {channels} channels must be divisible by num_groups={num_groups}"
        )
    _check_channels("group_norm", input, weight, bias)
    if n * prod(size) * channels == num_groups:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"{list(input.shape)}"
        )
    split = (num_groups, channels // num_groups)
    like = split + (1,) * len(size)
    w, b = (None if p is None else p.reshape(like) for p in (weight, bias))
    grouped = input.reshape(n, *split, *size)
    dims = tuple(range(2, grouped.ndim))
    out: Tensor = apply(ops.standardize, grouped, w, b, None, None, dim=dims, eps=eps)
    return out.reshape(input.shape)


def _last_dims(
    name: str,
    input: Tensor,
    normalized_shape: Sequence[int],
    *given: Tensor | None,
) -> tuple[int, ...]:
    shape = tuple(normalized_shape)
    if not shape or tuple(input.shape[-len(shape) :]) != shape:
        raise RuntimeError(
            f"{name}: the input's last dimensions must be {list(shape)} (normalized_shape), but "
            f"its shape is {list(input.shape)}"
        )
    _check_parameters(name, input, shape, *given)
    return tuple(range(input.ndim - len(shape), input.ndim))


@named
@one_node("NativeLayerNormBackward0")
def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Normalise over the last dimensions, whose shape is given (Ba et al., 2016).

    Follows ``torch.nn.functional.layer_norm``.

    Raises
    ------
    RuntimeError
        When the shapes don't fit.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> layer_norm(tensor([[1.0, 3.0], [5.0, 9.0]]), (2,)).round()
    tensor([[-1.,  1.],
            [-1.,  1.]])
    """
    dims = _last_dims("layer_norm", input, normalized_shape, weight, bias)
    return apply(ops.standardize, input, weight, bias, None, None, dim=dims, eps=eps)


@named
def rms_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    eps: float | None = None,
) -> Tensor:
    r"""Divide by the root of the mean square over the last dimensions (Zhang, Sennrich, 2019).

    .. math:: y = \frac{x}{\sqrt{\mathrm{mean}(x^2) + \epsilon}} w

    Epsilon is that of the dtype (of float16, float32's) unless it is given. Follows
    ``torch.nn.functional.rms_norm``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> rms_norm(tensor([3.0, 3.0, 3.0, 3.0]), (4,))
    tensor([1., 1., 1., 1.])
    """
    dims = _last_dims("rms_norm", input, normalized_shape, weight)
    return _by_root_mean_square(input, weight, dims, eps)


@in_float32
def _by_root_mean_square(
    input: Tensor,
    weight: Tensor | None,
    dims: tuple[int, ...],
    eps: float | None,
) -> Tensor:
    eps = float(np.finfo(input._array.dtype).eps) if eps is None else eps
    out = input * ((input * input).mean(dims, keepdim=True) + eps).rsqrt()
    return out if weight is None else out * weight


@named
def local_response_norm(
    input: Tensor,
    size: int,
    alpha: float = 1e-4,
    beta: float = 0.75,
    k: float = 1.0,
) -> Tensor:
    r"""Divide by neighbouring channels' mean square: (N, C, ...) (Krizhevsky et al., 2012).

    .. math:: y_c = x_c \left(k + \frac{\alpha}{n} \sum_{c'} x_{c'}^2\right)^{-\beta}

    Follows ``torch.nn.functional.local_response_norm``.
    """
    if input.ndim < 3:
        raise ValueError(f"local_response_norm: expected at least 3 dimensions, got {input.ndim}")
    if size < 1:
        raise RuntimeError(f"local_response_norm: size must be positive, got {size}")
    around = (0, 0) * (input.ndim - 2) + (size // 2, (size - 1) // 2)
    squares = pad(input * input, around)
    total: Any = sum(squares.narrow(1, i, input.shape[1]) for i in range(size))
    return input / (total * (alpha / size) + k) ** beta  # type: ignore[no-any-return]
