"""Parameters as one vector, and back."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_mnist.tensor import Tensor, cat
from tinygrad_mnist.tensor.arguments import named


@named
def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Join the elements of all parameters in one vector.

    Follows ``torch.nn.utils.parameters_to_vector``.

    Parameters
    ----------
    parameters
        Tensors of any shapes.

    Returns
    -------
    A tensor of shape (n), with n the number of all elements.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> torch.nn.utils.parameters_to_vector([torch.ones(1, 2), torch.zeros(1)])
    tensor([1., 1., 0.])
    """
    return cat([p.reshape(-1) for p in parameters])


@named
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Make the parameters views of a vector, one after another.

    As in PyTorch they share its memory from then on, and have its dtype. Follows
    ``torch.nn.utils.vector_to_parameters``.

    Parameters
    ----------
    vec
        A tensor of shape (n).
    parameters
        Tensors of n elements together.

    Raises
    ------
    ValueError
        When it has more or fewer elements than they have.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.zeros(2)
    >>> torch.nn.utils.vector_to_parameters(torch.arange(2.0), [x])
    >>> x
    tensor([0., 1.])
    """
    listed = list(parameters)
    total = sum(p.numel() for p in listed)
    if vec.numel() != total:
        raise ValueError(f"the vector has {vec.numel()} elements, the parameters {total}")
    start = 0
    for p in listed:
        p.data = vec.data[start : start + p.numel()].view(p.shape)
        start += p.numel()
