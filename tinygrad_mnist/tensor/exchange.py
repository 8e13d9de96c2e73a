"""Exchange of memory with other libraries, by the DLPack protocol that NumPy speaks too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import TensorBase, share
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.ops.views import owner_of
from tinygrad_mnist.tensor.arguments import named

if TYPE_CHECKING:
    from tinygrad_mnist.tensor.core import Tensor
    from tinygrad_mnist.tensor.device import DeviceLike


class _Producer:
    """Another library's memory, handed over, and whether in the form that knows no read-only."""

    def __init__(self, source: Any) -> None:
        bare = type(source).__name__ == "PyCapsule"  # as to_dlpack gives it
        self._make = (lambda **settings: source) if bare else source.__dlpack__
        self._place = (lambda: (1, 0)) if bare else source.__dlpack_device__
        self.old_form = False

    def __dlpack__(self, **settings: Any) -> Any:
        capsule = self._make(**settings)
        self.old_form = '"dltensor"' in repr(capsule)
        return capsule

    def __dlpack_device__(self) -> Any:
        return self._place()


class _Memory:
    """The memory of an array, to write to it, kept alive."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        whole = array.__array_interface__
        self.__array_interface__ = {**whole, "data": (whole["data"][0], False)}


_warned: list[str] = []
"""Of what a warning was given: like PyTorch, once is enough."""


def writable(name: str, array: np.ndarray) -> np.ndarray:
    """Return an array's memory to write to it, with a warning if it is read-only.

    What is read-only by a flag (the values of a DataFrame) is written to nevertheless, as in
    PyTorch. Bytes, which never change, are copied. What the system protects (a file that is mapped
    for reading) stays read-only, and so does an array whose elements repeat.
    """
    if array.flags.writeable:
        return array
    if not _warned:
        _warned.append(name)
        warn(
            f"{name}: the array is not writable, and tensors are: writing to this one will change "
            f"the array, or fail; use tensor(), which copies"
        )
    view = array.view(np.ndarray)
    owner, _ = owner_of(array)
    if any(n > 1 and not step for n, step in zip(array.shape, array.strides, strict=True)):
        return view
    before = owner.flags.writeable
    try:
        owner.flags.writeable = True
        view.flags.writeable = True
    except ValueError:
        return view.copy() if isinstance(owner.base, bytes) else view
    finally:
        if not before:
            owner.flags.writeable = False
    return view


def is_foreign(x: object) -> bool:
    """Whether something is another library's tensor."""
    return not isinstance(x, TensorBase | np.ndarray | np.generic) and hasattr(x, "__dlpack__")


@named
def from_dlpack(
    ext_tensor: Any, *, device: DeviceLike | None = None, copy: bool | None = None
) -> Tensor:
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

    Returns
    -------
    A tensor of the same shape and dtype.

    Raises
    ------
    TypeError
        When it doesn't speak DLPack, or its dtype isn't one of a tensor's.
    BufferError
        When it requires grad, or isn't on the CPU.

    Examples
    --------
    >>> import numpy as np
    >>> import tinygrad_mnist as torch
    >>> array = np.zeros(2)
    >>> torch.from_dlpack(array)[0] = 1
    >>> array
    array([1., 0.])
    """
    if not hasattr(ext_tensor, "__dlpack__") and type(ext_tensor).__name__ != "PyCapsule":
        raise TypeError(f"expected an object with __dlpack__, got {type(ext_tensor).__name__}")
    producer = _Producer(ext_tensor)
    try:
        array = np.from_dlpack(producer)
    except (BufferError, RuntimeError) as error:
        if "grad" in str(error):
            raise
        raise TypeError(
            f"a {type(ext_tensor).__name__} of dtype "
            f"{getattr(ext_tensor, 'dtype', 'unknown')} can't be taken over: {error}"
        ) from error
    dtypes.of(array.dtype)
    if copy:
        return share(array.copy())
    if producer.old_form and not array.flags.writeable:
        array = np.asarray(_Memory(array))  # NumPy is careful; whoever uses the form may write
    return share(writable("from_dlpack", array))


@named
def to_dlpack(tensor: Tensor) -> object:
    """Return a capsule through which another library can take over a tensor's memory, once.

    Follows ``torch.utils.dlpack.to_dlpack``.

    Parameters
    ----------
    tensor
        A tensor of any shape.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.utils.dlpack import from_dlpack, to_dlpack
    >>> from_dlpack(to_dlpack(ones(2)))
    tensor([1., 1.])
    """
    return tensor.__dlpack__()


__all__ = ["from_dlpack"]
