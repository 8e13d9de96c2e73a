"""Exchange of memory with other libraries, by the DLPack protocol that NumPy speaks too."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import Variable, share
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor.arguments import named


class _Capsule:
    """A bare capsule, as ``to_dlpack`` gives it, in the form that NumPy asks for."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **settings: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return 1, 0


def is_foreign(x: Any) -> bool:
    """Whether something is another library's tensor."""
    return hasattr(x, "__dlpack__") and not isinstance(x, Variable | np.ndarray | np.generic)


@named
def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """Make a tensor on the memory of another library's: what one writes, the other sees.

    Follows ``torch.from_dlpack``.

    Parameters
    ----------
    ext_tensor
        An object that has ``__dlpack__``, or a capsule from ``to_dlpack``.
    device
        The CPU.
    copy
        Copy the memory instead; with False, to be asked for a copy is an error.

    Raises
    ------
    TypeError
        When it doesn't speak DLPack, or its dtype isn't one of a tensor's.
    BufferError
        When it requires grad, or isn't on the CPU.

    Examples
    --------
    >>> array = np.zeros(2)
    >>> from_dlpack(array)[0] = 1
    >>> array
    array([1., 0.])
    """
    if type(ext_tensor).__name__ == "PyCapsule":
        ext_tensor = _Capsule(ext_tensor)
    if not hasattr(ext_tensor, "__dlpack__"):
        raise TypeError(
            f"from_dlpack: expected an object with __dlpack__, got {type(ext_tensor).__name__}"
        )
    try:
        array = np.from_dlpack(ext_tensor)
    except (BufferError, RuntimeError) as error:
        if "grad" in str(error):
            raise
        raise TypeError(
            f"from_dlpack: a {type(ext_tensor).__name__} of dtype "
            f"{getattr(ext_tensor, 'dtype', 'unknown')} can't be taken over: {error}"
        ) from error
    dtypes.of(array.dtype)
    return share(array.copy() if copy else array)


@named
def to_dlpack(tensor: Any) -> Any:
    """Return a capsule through which another library can take over a tensor's memory, once.

    Follows ``torch.utils.dlpack.to_dlpack``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from_dlpack(to_dlpack(ones(2)))
    tensor([1., 1.])
    """
    return tensor.__dlpack__()
