"""Initial values for parameters. Each function writes into a tensor and returns it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from tinygrad_mnist._runtime.naming import deprecated, warn
from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.tensor import Generator, Tensor, default_generator, randperm
from tinygrad_mnist.tensor.arguments import named

FanMode: TypeAlias = Literal["fan_in", "fan_out"]
F = TypeVar("F", bound=Callable[..., Tensor])

_GAINS = {"tanh": 5.0 / 3, "relu": math.sqrt(2.0), "selu": 3.0 / 4} | dict.fromkeys(
    ("linear", "conv1d", "conv2d", "conv3d", "sigmoid"), 1.0
)


HOPELESS = 100_000
"""After how many draws of which none was taken there is no sense in another."""


def _initializer(call: F) -> F:
    """Let a function write into leaves of the graph, and its errors name it."""
    return named(no_grad()(call))


@named
def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    r"""Return the factor by which the weights before a nonlinearity are to be scaled.

    So that signals keep their variance: 1 for linear maps, convolutions and the sigmoid, 5/3 for
    tanh, :math:`\sqrt 2` for relu, 3/4 for selu, :math:`\sqrt{2 / (1 + a^2)}` for a leaky relu of
    slope a. Follows ``torch.nn.init.calculate_gain``.

    Parameters
    ----------
    nonlinearity
        The name of a function of ``nn.functional``, such as ``"relu"``.
    param
        The slope a; 0.01 unless given.

    Returns
    -------
    A number.

    Raises
    ------
    ValueError
        For an unknown name.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.init.calculate_gain("relu"), nn.init.calculate_gain("tanh")
    (1.4142135623730951, 1.6666666666666667)
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"unsupported nonlinearity {nonlinearity!r}")
    return _GAINS[nonlinearity]


def _fans(tensor: Tensor) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight (out, in, ...)."""
    if tensor.dim() < 2:
        raise ValueError(
            f"fan in and fan out can not be computed for a tensor of shape {list(tensor.shape)}; "
            f"it needs at least 2 dimensions"
        )
    field = int(np.prod(tensor.shape[2:]))
    return tensor.shape[1] * field, tensor.shape[0] * field


_calculate_fan_in_and_fan_out = _fans  # scripts that define layers of their own use this name


def _empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warn("Initializing zero-element tensors is a no-op")
        return True
    return False


@_initializer
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw uniformly from a to b.

    Follows ``torch.nn.init.uniform_``.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.
    a, b
        The bounds.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.uniform_(torch.empty(1000), -2.0, 2.0)
    >>> x.min() >= -2, x.max() < 2
    (tensor(True), tensor(True))
    """
    return tensor.uniform_(a, b, generator=generator)


@_initializer
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Draw from a normal distribution.

    Follows ``torch.nn.init.normal_``.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.
    mean, std
        Mean and standard deviation.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.normal_(torch.empty(2), mean=3.0, std=0.0)
    tensor([3., 3.])
    """
    return tensor.normal_(mean, std, generator=generator)


@_initializer
@np.errstate(all="ignore")
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Draw from a normal distribution cut off at a and b.

    Where much of the distribution lies between them, what falls outside is drawn anew; elsewhere
    uniform candidates are kept with a probability in proportion to the density. Follows
    ``torch.nn.init.trunc_normal_``, and draws the same numbers.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.
    mean, std
        Mean and standard deviation of the whole distribution.
    a, b
        Where it is cut off.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        For a mean or std that isn't finite.
    RuntimeError
        When there is no such interval, or next to nothing of the distribution in it.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.trunc_normal_(torch.empty(1000)).abs().max() <= 2
    tensor(True)
    """
    if not (math.isfinite(mean) and math.isfinite(std)):
        raise ValueError(f"mean and std must be finite, got {mean} and {std}")
    if not a - 2 * std <= mean <= b + 2 * std:
        warn(
            f"trunc_normal_: the mean {mean} is more than 2 std from [{a}, {b}]; the distribution "
            f"of the values may be incorrect"
        )
    source, shape, kind = generator or default_generator, tensor.shape, tensor._array.dtype
    inside = math.erf((b - mean) / std / math.sqrt(2)) - math.erf((a - mean) / std / math.sqrt(2))
    values, waiting = np.empty(shape, kind), np.ones(shape, bool)
    if inside / 2 > 0.3:
        low, high = kind.type(a), kind.type(b)
        while waiting.any():
            values = np.where(waiting, source.normal(shape, kind, mean, std), values)
            waiting = (values < low) | (values > high)
    else:
        if not a <= b:
            raise RuntimeError(f"[{a}, {b}] is no interval to draw from: a must be at most b")
        peak: float = -0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2
        in_vain = 0
        while count := int(np.count_nonzero(waiting)):
            drawn = source.uniform(shape, kind, a, b)
            values = np.where(waiting, drawn, values)
            chance = np.log(source.uniform(shape, kind))
            waiting &= chance > -0.5 * ((drawn - mean) / std) ** 2 - peak
            in_vain = in_vain + count if np.count_nonzero(waiting) == count else 0
            if in_vain > HOPELESS:
                raise RuntimeError(
                    f"next to no number of mean {mean} and std {std} lies in [{a}, {b}]; give an "
                    f"interval near the mean, or a larger std"
                )
    return tensor.copy_(values)


@_initializer
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with a number.

    Follows ``torch.nn.init.constant_``.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.
    val
        The number.

    Returns
    -------
    The tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.constant_(torch.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return tensor.fill_(val)


@_initializer
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros.

    Follows ``torch.nn.init.zeros_``.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.

    Returns
    -------
    The tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> layer = torch.nn.Linear(2, 1)
    >>> torch.nn.init.zeros_(layer.weight)
    Parameter containing:
    tensor([[0., 0.]], requires_grad=True)
    """
    return tensor.fill_(0.0)


@_initializer
def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones.

    Follows ``torch.nn.init.ones_``.

    Parameters
    ----------
    tensor
        A tensor of shape (*), which is filled.

    Returns
    -------
    The tensor.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.ones_(torch.empty(2))
    tensor([1., 1.])
    """
    return tensor.fill_(1.0)


@_initializer
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with ones on the diagonal and zeros elsewhere.

    Follows ``torch.nn.init.eye_``.

    Parameters
    ----------
    tensor
        A tensor of shape (n, m), which is filled.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it isn't a matrix.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.eye_(torch.empty(2, 3))
    tensor([[1., 0., 0.],
            [0., 1., 0.]])
    """
    if tensor.dim() != 2:
        raise ValueError(f"only matrices are supported, got shape {list(tensor.shape)}")
    return tensor.copy_(np.eye(*tensor.shape, dtype=tensor._array.dtype))


@_initializer
def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    r"""Draw uniformly so that signals keep their variance both ways (Glorot and Bengio, 2010).

    .. math:: \pm \text{gain} \sqrt{6 / (\text{fan\_in} + \text{fan\_out})}

    Follows ``torch.nn.init.xavier_uniform_``.

    Parameters
    ----------
    tensor
        A weight of shape (out, in, ...), which is filled; fan in and fan out are in and out, times
        the lengths that follow.
    gain
        See :func:`calculate_gain`.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has fewer than 2 dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.xavier_uniform_(torch.empty(100, 50))  # bounds 0.2
    >>> x.abs().max() <= 0.2, x.abs().max() > 0.19
    (tensor(True), tensor(True))
    """
    fan_in, fan_out = _fans(tensor)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    return tensor.uniform_(-bound, bound, generator=generator)


@_initializer
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    r"""Draw from a normal distribution so that signals keep their variance both ways.

    .. math:: \sigma = \text{gain} \sqrt{2 / (\text{fan\_in} + \text{fan\_out})}

    (Glorot and Bengio, 2010.) Follows ``torch.nn.init.xavier_normal_``.

    Parameters
    ----------
    tensor
        A weight of shape (out, in, ...), which is filled.
    gain
        See :func:`calculate_gain`.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has fewer than 2 dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.xavier_normal_(torch.empty(150, 50))
    >>> abs(x.std() - 0.1) < 0.01
    tensor(True)
    """
    fan_in, fan_out = _fans(tensor)
    std = gain * math.sqrt(2.0 / (fan_in + fan_out))
    return tensor.normal_(0.0, std, generator=generator)


def _kaiming(tensor: Tensor, a: float, mode: FanMode, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode {mode!r} not supported, please use one of fan_in, fan_out")
    fan_in, fan_out = _fans(tensor)
    gain = calculate_gain(nonlinearity, a)
    return gain / math.sqrt(fan_in if mode == "fan_in" else fan_out)


@_initializer
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Draw uniformly so that a rectifier keeps the variance (He et al., 2015).

    .. math:: \pm \text{gain} \sqrt{3 / \text{fan}}

    Follows ``torch.nn.init.kaiming_uniform_``.

    Parameters
    ----------
    tensor
        A weight of shape (out, in, ...), which is filled.
    a
        The slope of a leaky relu.
    mode
        ``"fan_in"``, to keep the variance forward, or ``"fan_out"``, backward.
    nonlinearity
        See :func:`calculate_gain`.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has fewer than 2 dimensions, or there is no such mode.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.kaiming_uniform_(torch.empty(100, 600), nonlinearity="relu")
    >>> x.abs().max() <= 0.1, x.abs().max() > 0.099
    (tensor(True), tensor(True))
    """
    if _empty(tensor):
        return tensor
    bound = math.sqrt(3.0) * _kaiming(tensor, a, mode, nonlinearity)
    return tensor.uniform_(-bound, bound, generator=generator)


@_initializer
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: FanMode = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    r"""Draw from a normal distribution so that a rectifier keeps the variance (He et al., 2015).

    .. math:: \sigma = \text{gain} / \sqrt{\text{fan}}

    Follows ``torch.nn.init.kaiming_normal_``.

    Parameters
    ----------
    tensor
        A weight of shape (out, in, ...), which is filled.
    a
        The slope of a leaky relu.
    mode
        ``"fan_in"``, to keep the variance forward, or ``"fan_out"``, backward.
    nonlinearity
        See :func:`calculate_gain`.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has fewer than 2 dimensions, or there is no such mode.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.kaiming_normal_(torch.empty(100, 200), nonlinearity="relu")
    >>> abs(x.std() - 0.1) < 0.01
    tensor(True)
    """
    if _empty(tensor):
        return tensor
    return tensor.normal_(0, _kaiming(tensor, a, mode, nonlinearity), generator=generator)


@_initializer
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill with a random matrix whose rows or columns are orthonormal (Saxe et al., 2013).

    Follows ``torch.nn.init.orthogonal_``.

    Parameters
    ----------
    tensor
        A tensor of shape (n, ...), which is filled as a matrix (n, product of the others).
    gain
        A factor.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has fewer than 2 dimensions.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> q = torch.nn.init.orthogonal_(torch.empty(3, 5))
    >>> torch.allclose(q @ q.T, torch.eye(3), atol=1e-5)
    True
    """
    if tensor.dim() < 2:
        raise ValueError("only tensors with 2 or more dimensions are supported")
    rows = tensor.shape[0]
    columns = tensor.numel() // rows if rows else 0
    source = generator or default_generator
    flat = source.normal((rows, columns), tensor._array.dtype, 0.0, 1.0)
    q, r = np.linalg.qr(flat.T if rows < columns else flat)
    q = q * np.sign(np.diagonal(r))
    matrix = q.T if rows < columns else q
    return tensor.copy_(gain * matrix.reshape(tensor.shape))


@_initializer
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill the kernels of a convolution so that it hands its input channels through.

    Follows ``torch.nn.init.dirac_``.

    Parameters
    ----------
    tensor
        Kernels of shape (out, in, ...), which are filled.
    groups
        Into how many groups the channels are divided.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it has other than 3 to 5 dimensions, or the first isn't divisible by groups.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.init.dirac_(torch.empty(1, 1, 3))
    tensor([[[0., 1., 0.]]])
    """
    if tensor.dim() not in (3, 4, 5):
        raise ValueError(f"needs 3, 4 or 5 dimensions, got shape {list(tensor.shape)}")
    if tensor.shape[0] % groups:
        raise ValueError(f"{tensor.shape[0]} kernels aren't divisible by groups={groups}")
    outs = tensor.shape[0] // groups
    values = np.zeros(tensor.shape, tensor._array.dtype)
    centre = tuple(n // 2 for n in tensor.shape[2:])
    for group in range(groups):
        for channel in range(min(outs, tensor.shape[1])):
            values[(group * outs + channel, channel, *centre)] = 1
    return tensor.copy_(values)


@_initializer
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Draw a matrix from a normal distribution, and zero a part of each column (Martens, 2010).

    Follows ``torch.nn.init.sparse_``.

    Parameters
    ----------
    tensor
        A tensor of shape (n, m), which is filled.
    sparsity
        The share of each column that is zero.
    std
        The standard deviation of the others.
    generator
        Where the random numbers come from.

    Returns
    -------
    The tensor.

    Raises
    ------
    ValueError
        When it isn't a matrix.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.nn.init.sparse_(torch.empty(10, 4), 0.3)
    >>> (x == 0).sum(0)
    tensor([3, 3, 3, 3])
    """
    if tensor.dim() != 2:
        raise ValueError(f"only matrices are supported, got shape {list(tensor.shape)}")
    rows, columns = tensor.shape
    if not 0 <= sparsity <= 1:
        raise ValueError(f"sparsity must be between 0 and 1, got {sparsity}")
    tensor.normal_(0, std, generator=generator)
    for column in range(columns):
        zeros = randperm(rows)[: math.ceil(sparsity * rows)]
        tensor._array[zeros._array, column] = 0
    tensor._version.bump("sparse_")
    return tensor


uniform, normal = deprecated("init", uniform_), deprecated("init", normal_)
constant, eye = deprecated("init", constant_), deprecated("init", eye_)
dirac, orthogonal = deprecated("init", dirac_), deprecated("init", orthogonal_)
xavier_uniform = deprecated("init", xavier_uniform_)
xavier_normal = deprecated("init", xavier_normal_)
kaiming_uniform = deprecated("init", kaiming_uniform_)
kaiming_normal = deprecated("init", kaiming_normal_)
