"""``Variable``: what old PyTorch scripts wrap their tensors in."""

from __future__ import annotations

from typing import Any

from tinygrad_mnist.autograd import graph
from tinygrad_mnist.autograd.functional import detached


class _AnyTensor(type):
    """Makes every Tensor an instance of Variable."""

    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, graph.TensorBase)


class Variable(metaclass=_AnyTensor):
    """Return a tensor on the same memory, as a leaf that may require grad.

    Every Tensor is a Variable; new code has no need of it. Follows ``torch.autograd.Variable``.

    Parameters
    ----------
    data
        The tensor, of any shape.
    requires_grad
        Whether it requires grad.
    volatile
        Without effect; PyTorch's older argument.

    Raises
    ------
    TypeError
        When the data isn't a Tensor.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.autograd import Variable
    >>> x = Variable(ones(2), requires_grad=True)
    >>> x, isinstance(x, Variable)
    (tensor([1., 1.], requires_grad=True), True)
    """

    def __new__(cls, data: Any, requires_grad: bool = False, volatile: bool = False) -> Any:
        """Make the leaf; volatile is accepted and, as in PyTorch, has no effect any more."""
        if not isinstance(data, graph.TensorBase):
            raise TypeError(f"Variable: data has to be a tensor, but got {type(data).__name__}")
        leaf = detached(data)
        return leaf.requires_grad_() if requires_grad else leaf
