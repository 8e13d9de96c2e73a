"""Activations as modules."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter
from tinygrad_mnist.tensor import Tensor, full


class ReLU(Module):
    """Rectified linear unit, ``max(x, 0)``. Follows ``torch.nn.ReLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> ReLU()(tensor([-1.0, 2.0]))
    tensor([0., 2.])
    """

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return ``max(input, 0)``."""
        return input.relu_() if self.inplace else input.relu()


class Sigmoid(Module):
    """Logistic function, ``1 / (1 + exp(-x))``. Follows ``torch.nn.Sigmoid``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Sigmoid()(tensor(0.0))
    tensor(0.5000)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the logistic function of the input."""
        return input.sigmoid()


class Tanh(Module):
    """Hyperbolic tangent. Follows ``torch.nn.Tanh``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Tanh()(tensor(0.0))
    tensor(0.)
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the hyperbolic tangent of the input."""
        return input.tanh()


class Softmax(Module):
    """Probabilities along a dimension. Follows ``torch.nn.Softmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softmax(dim=-1)(tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    _shown = "dim="

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return probabilities."""
        return F.softmax(input, self.dim)


class LogSoftmax(Module):
    """Logarithms of probabilities along a dimension. Follows ``torch.nn.LogSoftmax``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> LogSoftmax(dim=-1)(tensor([1000.0, 0.0]))
    tensor([    0., -1000.])
    """

    _shown = "dim="

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return logarithms of probabilities."""
        return F.log_softmax(input, self.dim)


class ReLU6(Module):
    """``min(max(x, 0), 6)``. Follows ``torch.nn.ReLU6``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> ReLU6()(tensor([-1.0, 7.0]))
    tensor([0., 6.])
    """

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.relu6(input, self.inplace)


class SELU(Module):
    """Self-normalising unit (Klambauer et al., 2017). Follows ``torch.nn.SELU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> SELU()(tensor([-1.0, 1.0]))
    tensor([-1.1113,  1.0507])
    """

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.selu(input, self.inplace)


class SiLU(Module):
    """``x * sigmoid(x)``, also called swish. Follows ``torch.nn.SiLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> SiLU()(tensor([1.0]))
    tensor([0.7311])
    """

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.silu(input, self.inplace)


class Mish(Module):
    """``x * tanh(softplus(x))`` (Misra, 2019). Follows ``torch.nn.Mish``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Mish()(tensor([1.0]))
    tensor([0.8651])
    """

    _shown = "inplace?"

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.mish(input, self.inplace)


class Hardsigmoid(Module):
    """``relu6(x + 3) / 6``. Follows ``torch.nn.Hardsigmoid``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Hardsigmoid()(tensor([-4.0, 0.0]))
    tensor([0.0000, 0.5000])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardsigmoid(input, self.inplace)


class Hardswish(Module):
    """``x * relu6(x + 3) / 6`` (Howard et al., 2019). Follows ``torch.nn.Hardswish``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Hardswish()(tensor([-4.0, 3.0]))
    tensor([-0., 3.])
    """

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardswish(input, self.inplace)


class LogSigmoid(Module):
    """``log(sigmoid(x))``. Follows ``torch.nn.LogSigmoid``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> LogSigmoid()(tensor([0.0]))
    tensor([-0.6931])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.logsigmoid(input)


class Softsign(Module):
    """``x / (1 + |x|)``. Follows ``torch.nn.Softsign``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softsign()(tensor([1.0]))
    tensor([0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softsign(input)


class Tanhshrink(Module):
    """``x - tanh(x)``. Follows ``torch.nn.Tanhshrink``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Tanhshrink()(tensor([0.0]))
    tensor([0.])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.tanhshrink(input)


class LeakyReLU(Module):
    """``x`` where it is positive, else a fraction of it. Follows ``torch.nn.LeakyReLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> LeakyReLU(0.1)(tensor([-1.0, 2.0]))
    tensor([-0.1000,  2.0000])
    """

    _shown = "negative_slope= inplace?"

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope = negative_slope
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)


class ELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x) - 1)``. Follows ``torch.nn.ELU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> ELU()(tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    _shown = "alpha= inplace?"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.elu(input, self.alpha, self.inplace)


class CELU(Module):
    """``x`` where it is positive, else ``alpha * (exp(x / alpha) - 1)``. Follows ``torch.nn.CELU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> CELU()(tensor([-1.0, 2.0]))
    tensor([-0.6321,  2.0000])
    """

    _shown = "alpha= inplace?"

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha = alpha
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.celu(input, self.alpha, self.inplace)


class Hardtanh(Module):
    """``x`` cut at both ends. Follows ``torch.nn.Hardtanh``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Hardtanh()(tensor([-2.0, 0.5]))
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
                f"Hardtanh: max_val must be greater than min_val, got {self.max_val} and "
                f"{self.min_val}"
            )
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)


class GELU(Module):
    """``x`` times the normal distribution function. Follows ``torch.nn.GELU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> GELU()(tensor([1.0]))
    tensor([0.8413])
    """

    _shown = "approximate="

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.gelu(input, self.approximate)


class Softplus(Module):
    """``log(1 + exp(beta * x)) / beta``. Follows ``torch.nn.Softplus``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softplus()(tensor([0.0]))
    tensor([0.6931])
    """

    _shown = "beta= threshold="

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softplus(input, self.beta, self.threshold)


class Softshrink(Module):
    """``x`` moved towards 0. Follows ``torch.nn.Softshrink``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softshrink()(tensor([1.0, 0.2]))
    tensor([0.5000, 0.0000])
    """

    _shown = "lambd"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        out: Tensor = F.softshrink(input, self.lambd)
        return out


class Hardshrink(Module):
    """``x``, and 0 where it is close to 0. Follows ``torch.nn.Hardshrink``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Hardshrink()(tensor([1.0, 0.2]))
    tensor([1., 0.])
    """

    _shown = "lambd"

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        out: Tensor = F.hardshrink(input, self.lambd)
        return out


class Threshold(Module):
    """``x`` where it is above a threshold, else a value. Follows ``torch.nn.Threshold``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Threshold(0.5, 9.0)(tensor([0.2, 1.0]))
    tensor([9., 1.])
    """

    _shown = "threshold= value= inplace?"

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold = threshold
        self.value = value
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.threshold(input, self.threshold, self.value, self.inplace)


class Softmin(Module):
    """Softmax of the negative input. Follows ``torch.nn.Softmin``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> Softmin(dim=0)(tensor([0.0, 0.0]))
    tensor([0.5000, 0.5000])
    """

    _shown = "dim="

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.softmin(input, self.dim)


class GLU(Module):
    """The first half times the sigmoid of the second. Follows ``torch.nn.GLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> GLU()(tensor([1.0, 0.0]))
    tensor([0.5000])
    """

    _shown = "dim="

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        return F.glu(input, self.dim)


class PReLU(Module):
    """``x`` where it is positive, else ``x`` times a learned weight (He et al., 2015).

    The weight has one element, or one for each channel. Follows ``torch.nn.PReLU``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> PReLU()(tensor([-1.0, 1.0])).tolist()
    [-0.25, 1.0]
    """

    _shown = "num_parameters="

    weight: Tensor

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation of each element."""
        out: Tensor = F.prelu(input, self.weight)
        return out


class Softmax2d(Module):
    """Softmax over the channels of images (N, C, H, W). Follows ``torch.nn.Softmax2d``.

    Examples
    --------
    >>> from tinygrad_mnist import zeros
    >>> Softmax2d()(zeros(2, 1, 1)).flatten()
    tensor([0.5000, 0.5000])
    """

    def forward(self, input: Tensor) -> Tensor:
        """Return the probabilities of the channels at each place."""
        if input.ndim not in (3, 4):
            raise ValueError(
                f"Softmax2d: expected input to be a 3D or 4D tensor, got {input.ndim}D"
            )
        return input.softmax(-3)
