"""Hooks on saved tensors, and hooks on several gradients at once.

Its names are those of ``torch.autograd.graph``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from tinygrad_mnist.autograd.graph import TensorBase, wrap
from tinygrad_mnist.autograd.hooks import RemovableHandle, hooks_of
from tinygrad_mnist.autograd.modes import modes, recording

__all__ = [
    "disable_saved_tensors_hooks",
    "register_multi_grad_hook",
    "save_on_cpu",
    "saved_tensors_hooks",
]


class Packed(tuple[Any, ...]):
    """Saved arrays in the form that a script's hook has given them, and how to get them back."""

    unpack: Callable[[Any], Any]

    def arrays(self) -> tuple[Any, ...]:
        """Return the arrays, unpacked."""
        return tuple(self._unpacked(x.form) if type(x) is _Form else x for x in self)

    def _unpacked(self, form: Any) -> np.ndarray:
        with recording(False):
            x = self.unpack(form)
        if not isinstance(x, TensorBase):
            raise TypeError(
                f"saved_tensors_hooks: unpack_hook must return a Tensor, got {type(x).__name__}"
            )
        return x._array


class _Form:
    """A saved array in the form that a pack hook has given it."""

    def __init__(self, form: Any) -> None:
        self.form = form


def pack(arrays: Sequence[Any]) -> Packed:
    """Hand arrays that are to be saved to the hooks that are in force."""
    assert modes.saving is not None
    packing, unpacking = modes.saving
    with recording(False):
        packed = Packed(_Form(packing(wrap(x))) if isinstance(x, np.ndarray) else x for x in arrays)
    packed.unpack = unpacking
    return packed


class saved_tensors_hooks:
    """Keep what operations save for backward in another form: for a block, in this thread.

    Follows ``torch.autograd.graph.saved_tensors_hooks``.

    Parameters
    ----------
    pack_hook
        Is given each tensor when it is saved, and returns anything.
    unpack_hook
        Makes a tensor of that, of the same shape, when backward needs it.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.graph import saved_tensors_hooks
    >>> x = tensor([3.0], requires_grad=True)
    >>> with saved_tensors_hooks(lambda x: x.tolist(), lambda numbers: tensor(numbers)):
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pack_hook: Callable[[Any], Any], unpack_hook: Callable[[Any], Any]) -> None:
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook
        self._previous: list[Any] = []

    def __enter__(self) -> Self:
        if modes.saving_refused:
            raise RuntimeError(modes.saving_refused)
        self._previous.append(modes.saving)
        modes.saving = (self.pack_hook, self.unpack_hook)
        return self

    def __exit__(self, *error: object) -> None:
        modes.saving = self._previous.pop()


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors on the CPU, where they are anyway.

    Follows ``torch.autograd.graph.save_on_cpu``.

    Parameters
    ----------
    pin_memory, device_type
        Without effect, as there is no GPU.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> x = torch.tensor([3.0], requires_grad=True)
    >>> with torch.autograd.graph.save_on_cpu():
    ...     y = x * x
    >>> y.backward()
    >>> x.grad
    tensor([6.])
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: x.clone(), lambda x: x)


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Any:
    """Refuse :class:`saved_tensors_hooks` inside of a block, with a message.

    Follows ``torch.autograd.graph.disable_saved_tensors_hooks``.

    Parameters
    ----------
    error_message
        What the error says.

    Raises
    ------
    RuntimeError
        In the block, where hooks are used.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.autograd import graph
    >>> with graph.disable_saved_tensors_hooks("no hooks here"):
    ...     with graph.save_on_cpu():
    ...         pass
    Traceback (most recent call last):
    RuntimeError: no hooks here
    """
    if modes.saving is not None:
        raise RuntimeError(error_message)
    previous, modes.saving_refused = modes.saving_refused, error_message
    try:
        yield
    finally:
        modes.saving_refused = previous


class _Handles(RemovableHandle):
    """The handles of one hook on several tensors."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self.handles = tuple(handles)

    def remove(self) -> None:
        """Unregister the hook."""
        for handle in self.handles:
            handle.remove()


def register_multi_grad_hook(
    tensors: Sequence[Any], fn: Callable[[Any], Any], *, mode: str = "all"
) -> _Handles:
    """Call a function on the gradients of several tensors: once in each backward.

    Follows ``torch.autograd.graph.register_multi_grad_hook``.

    Parameters
    ----------
    tensors
        The tensors.
    fn
        The function.
    mode
        ``"all"``: it is given a list of all gradients, None for those that no gradient has reached;
        ``"any"``: the first that arrives.

    Returns
    -------
    A handle with ``remove()``.

    Examples
    --------
    >>> from tinygrad_mnist import ones
    >>> from tinygrad_mnist.autograd.graph import register_multi_grad_hook
    >>> a, b = ones(1, requires_grad=True), ones(1, requires_grad=True)
    >>> handle = register_multi_grad_hook((a, b), print)
    >>> (a * 2 + b * 3).backward()
    [tensor([2.]), tensor([3.])]
    """
    name = "register_multi_grad_hook"
    if mode not in ("all", "any"):
        raise ValueError(f"{name}: mode must be 'all' or 'any', got {mode!r}")
    sources = []
    for x in tensors:
        source = x.source() if isinstance(x, TensorBase) else None
        if source is None:
            raise RuntimeError(f"{name}: every tensor must require grad")
        sources.append(source)
    arrived: dict[int, Any] = {}

    def finish() -> None:
        gradients = [arrived.get(i) for i in range(len(sources))]
        arrived.clear()
        if mode == "all":
            fn(gradients)

    def hook_at(i: int) -> Callable[[Any], None]:
        def hook(gradient: Any) -> None:
            if not arrived:
                modes.pending = [*(modes.pending or ()), finish]
                if mode == "any":
                    fn(gradient)
            arrived[i] = gradient

        return hook

    return _Handles([RemovableHandle(hooks_of(s), hook_at(i)) for i, s in enumerate(sources)])
