"""Tensor: an array that remembers how it was computed.

What the engine needs (array, node, version) is in
:class:`~tinygrad_mnist.autograd.graph.TensorBase`. The functions of the families are its methods
(:mod:`~tinygrad_mnist.tensor.methods` lists them). Here is what makes it a Tensor: gradients,
indexing, and the protocols by which NumPy's own functions accept it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType
from typing import Any

import numpy as np

from tinygrad_mnist.autograd import api, names
from tinygrad_mnist.autograd.graph import Node, TensorBase, Version, is_tracked, share
from tinygrad_mnist.autograd.hooks import RemovableHandle, hooks_of, retain
from tinygrad_mnist.tensor import export, numpy_protocols, printing
from tinygrad_mnist.tensor.arguments import named
from tinygrad_mnist.tensor.attributes import Attributes
from tinygrad_mnist.tensor.comparison import chosen
from tinygrad_mnist.tensor.conversion import Conversion
from tinygrad_mnist.tensor.indexing import assign, choose
from tinygrad_mnist.tensor.methods import Methods, Unsupported
from tinygrad_mnist.tensor.operators import Operators
from tinygrad_mnist.tensor.types import Index, Operand


class Tensor(Methods, Operators, Conversion, Attributes, Unsupported):
    """An array of one dtype that operations on it can be differentiated through.

    Make one with :func:`~tinygrad_mnist.tensor.creation.tensor`. Follows ``torch.Tensor``; its
    memory is a NumPy array, which :meth:`numpy` shares.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> x = tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    tensor([2., 4., 6.])
    """

    def __init__(self, *data: Any) -> None:
        """Make a float tensor of a shape, of given numbers, or on another tensor's memory."""
        from tinygrad_mnist.tensor.creation import of_shape_or_numbers

        made = of_shape_or_numbers(data)
        self._array, self._version = made._array, made._version
        self._fixed_order = made._fixed_order

    # Gradients

    @property
    def requires_grad(self) -> bool:
        """Whether gradients are computed for this tensor. Follows ``torch.Tensor.requires_grad``.

        Returns
        -------
        A bool: True for a leaf that was asked to, and for what was computed from one.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> w.requires_grad, (2 * w).requires_grad, torch.tensor([1.0]).requires_grad
        (True, True, False)
        """
        return is_tracked(self)

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @named
    def requires_grad_(self, requires_grad: bool = True) -> Tensor:
        """Say whether gradients are to be computed for this leaf; return it.

        Follows ``torch.Tensor.requires_grad_``.

        Parameters
        ----------
        requires_grad
            Whether they are.

        Returns
        -------
        self.

        Raises
        ------
        RuntimeError
            For integers and bools, or to switch it off for a computed tensor.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.randn(3).requires_grad_()
        >>> w.sum().backward()
        >>> w.grad
        tensor([1., 1., 1.])
        """
        if requires_grad and self._array.dtype.kind != "f":
            raise RuntimeError(
                f"only Tensors of floating point dtype can require gradients, not {self.dtype}; "
                f"convert it with float() first"
            )
        if not self.is_leaf:
            if not requires_grad:
                raise RuntimeError(
                    "you can only change requires_grad flags of leaf variables; to use a computed "
                    "value without its history, take detach()"
                )
            return self
        self._requires_grad = bool(requires_grad)
        return self

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was given, not computed by a recorded operation.

        Follows ``torch.Tensor.is_leaf``.

        Returns
        -------
        A bool; only leaves get a ``.grad`` from backward.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> w.is_leaf, (2 * w).is_leaf, torch.tensor([1.0]).is_leaf
        (True, False, True)
        """
        self.source()
        return self._node is None

    @property
    def grad_fn(self) -> Node | None:
        """The node of the operation that made this tensor, or None for a leaf.

        Follows ``torch.Tensor.grad_fn``.

        Returns
        -------
        A node of the graph; its ``next_functions`` are those of its inputs.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1.0], requires_grad=True)
        >>> y = (2 * x).exp()
        >>> y.grad_fn.name(), y.grad_fn.next_functions[0][0].name()
        ('ExpBackward0', 'MulBackward0')
        """
        self.source()
        return names.with_named_type(self._node)

    @property
    def grad(self) -> Tensor | None:
        """The gradient that backward has accumulated here, or None.

        Gradients of several backward calls add up, until it is set to None or zeros. Follows
        ``torch.Tensor.grad``.

        Returns
        -------
        A tensor of self's shape and dtype, or None.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> (w**2).sum().backward()
        >>> w.grad
        tensor([2., 4.])
        >>> (w**2).sum().backward()
        >>> w.grad
        tensor([4., 8.])
        """
        if self._grad is None and self._node is not None and not self.retains_grad:
            warnings.warn(
                "the .grad attribute of a Tensor that is not a leaf Tensor is being accessed; it "
                "stays None unless retain_grad() was called on it before backward",
                UserWarning,
                stacklevel=2,
            )
        grad: Tensor | None = self._grad
        return grad

    @grad.setter
    def grad(self, value: Tensor | None) -> None:
        if value is not None:
            if not isinstance(value, Tensor):
                raise TypeError(
                    f"grad: what is assigned must be a Tensor or None, got {type(value).__name__}"
                )
            if value.shape != self.shape or value._array.dtype != self._array.dtype:
                raise RuntimeError(
                    f"grad: what is assigned has shape {list(value.shape)} and dtype "
                    f"{value.dtype}; it must have the tensor's own, {list(self.shape)} and "
                    f"{self.dtype}"
                )
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether backward stores ``.grad`` in this computed tensor too.

        Follows ``torch.Tensor.retains_grad``.

        Returns
        -------
        A bool.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([1.0], requires_grad=True)
        >>> y = 2 * x
        >>> y.retain_grad()
        >>> y.retains_grad
        True
        """
        return self._retained is not None

    def retain_grad(self) -> None:
        """Make backward store ``.grad`` in this computed tensor too.

        Follows ``torch.Tensor.retain_grad``.

        Raises
        ------
        RuntimeError
            When the tensor doesn't require a gradient.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([3.0], requires_grad=True)
        >>> y = 2 * x
        >>> y.retain_grad()
        >>> (y**2).backward()
        >>> y.grad, x.grad
        (tensor([12.]), tensor([24.]))
        """
        if not self.requires_grad:
            raise RuntimeError("retain_grad: the Tensor has requires_grad=False")
        if not self.is_leaf and self._retained is None:
            retain(self)

    def register_hook(self, hook: Callable[[Tensor], Tensor | None]) -> RemovableHandle:
        """Call a function on this tensor's accumulated gradient in every backward.

        What it returns, unless None, replaces the gradient. Follows ``torch.Tensor.register_hook``.

        Parameters
        ----------
        hook
            A function of the gradient, a tensor of self's shape.

        Returns
        -------
        A handle; ``handle.remove()`` takes the hook away.

        Raises
        ------
        RuntimeError
            When the tensor doesn't require a gradient.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([3.0], requires_grad=True)
        >>> y = 2 * x
        >>> handle = y.register_hook(lambda g: g.clamp(max=1.0))
        >>> (y**2).backward()
        >>> x.grad
        tensor([2.])
        """
        if not self.requires_grad:
            raise RuntimeError(
                "register_hook: the tensor doesn't require gradient, so it can have no hook"
            )
        return RemovableHandle(hooks_of(self.grad_fn or self), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Tensor], Any]) -> RemovableHandle:
        """Call a function on this leaf whenever backward has accumulated its ``.grad``.

        Follows ``torch.Tensor.register_post_accumulate_grad_hook``.

        Parameters
        ----------
        hook
            A function of self.

        Returns
        -------
        A handle; ``handle.remove()`` takes the hook away.

        Raises
        ------
        RuntimeError
            When it isn't a leaf that requires a gradient.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([3.0], requires_grad=True)
        >>> handle = w.register_post_accumulate_grad_hook(lambda w: print(w.grad))
        >>> (w**2).backward()
        tensor([6.])
        """
        if not self.requires_grad or not self.is_leaf:
            raise RuntimeError(
                "register_post_accumulate_grad_hook: only a leaf that requires grad can have one"
            )
        if self._after is None:
            self._after = {}
        return RemovableHandle(self._after, hook)

    def backward(
        self,
        gradient: Tensor | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Any = None,
    ) -> None:
        """Accumulate into every leaf's ``.grad`` the gradient of this tensor.

        The graph is walked backward, from this tensor to the leaves: each node turns the gradient
        of its output into those of its inputs, by the chain rule. Follows
        ``torch.Tensor.backward``.

        Parameters
        ----------
        gradient
            The gradient that arrives here, of this tensor's shape; for a scalar it is 1.
        retain_graph
            Keep the graph's saved arrays for another backward.
        create_graph
            Record the gradients' own computation, for higher derivatives.
        inputs
            Accumulate into these tensors only.

        Raises
        ------
        RuntimeError
            When nothing was recorded, the graph was freed, or a gradient is needed and not given.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> loss = ((3 * w - 1) ** 2).sum()
        >>> loss.backward()
        >>> w.grad  # 2 (3 w - 1) 3
        tensor([12., 30.])
        """
        gradients = None if gradient is None else [gradient]
        api.backward([self], gradients, retain_graph, create_graph, None, inputs)

    def detach(self) -> Tensor:
        """Return a tensor on the same memory that has no history. Follows ``torch.Tensor.detach``.

        Returns
        -------
        A tensor of self's shape, which doesn't require a gradient; writes to one are seen in the
        other.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> loss = (w**2).sum()
        >>> loss.detach()
        tensor(5.)
        """
        return share(self.memory(), self._version)

    def detach_(self) -> Tensor:
        """Forget this tensor's history, and return it. Follows ``torch.Tensor.detach_``.

        Returns
        -------
        self.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0], requires_grad=True)
        >>> (2 * w).detach_().is_leaf
        True
        """
        if self._base is not None and not self.is_leaf:
            raise RuntimeError("detach_: can't detach a view in place; use detach()")
        self._node = None
        self._requires_grad = False
        return self

    @property
    def data(self) -> Tensor:
        """The same memory without history, and without a watch over writes to it.

        Newer code writes under ``no_grad()`` instead, where a change that a gradient would need is
        noticed. Follows ``torch.Tensor.data``.

        Returns
        -------
        A tensor of self's shape, on the same memory.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> w = torch.tensor([1.0, 2.0], requires_grad=True)
        >>> w.data -= 0.5
        >>> w.detach()
        tensor([0.5000, 1.5000])
        """
        return share(self.memory())

    @data.setter
    def data(self, value: Tensor) -> None:
        if not isinstance(value, Tensor):
            raise TypeError(f"data: what is assigned must be a Tensor, got {type(value).__name__}")
        self._array = array = value.memory()
        self._fixed_order = not array.flags.c_contiguous
        self._version = Version()
        self._base = None

    # Transposes

    @property
    def T(self) -> Tensor:
        """The dimensions in reverse order. Follows ``torch.Tensor.T``.

        Returns
        -------
        A view of shape (m, n) of a matrix of shape (n, m).

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([[1, 2], [3, 4]]).T
        tensor([[1, 3],
                [2, 4]])
        """
        return self.permute(tuple(reversed(range(self._array.ndim))))

    @property
    def mT(self) -> Tensor:
        """The last two dimensions exchanged. Follows ``torch.Tensor.mT``.

        Returns
        -------
        A view of shape (..., m, n) of a tensor of shape (..., n, m).

        Raises
        ------
        RuntimeError
            For a vector.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(32, 2, 5).mT.shape
        torch.Size([32, 5, 2])
        """
        if self._array.ndim < 2:
            if not self._array.ndim:
                return self
            raise RuntimeError("mT: is only there for matrices, or batches of them; got a vector")
        return self.transpose(-2, -1)

    @property
    def H(self) -> Tensor:
        """The matrix with rows and columns exchanged. Follows ``torch.Tensor.H``.

        Returns
        -------
        A view of shape (m, n) of a matrix of shape (n, m).

        Raises
        ------
        RuntimeError
            For what is no matrix.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.tensor([[1, 2], [3, 4]]).H
        tensor([[1, 3],
                [2, 4]])
        """
        if self._array.ndim not in (0, 2):
            raise RuntimeError(
                f"H: is only there for matrices, but the shape is {list(self._array.shape)}; "
                f"use mH for batches of them"
            )
        return self.mT

    @property
    def mH(self) -> Tensor:
        """The last two dimensions exchanged: of real numbers it is ``mT``.

        Follows ``torch.Tensor.mH``.

        Returns
        -------
        A view of shape (..., m, n) of a tensor of shape (..., n, m).

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> torch.zeros(32, 2, 5).mH.shape
        torch.Size([32, 5, 2])
        """
        return self.mT

    # Python and NumPy

    def __repr__(self) -> str:
        node = self.grad_fn
        return printing.format_tensor(
            self._array, self._requires_grad, f"<{type(node).__name__}>" if node else None
        )

    def _repr_html_(self) -> str:
        """Show the tensor in a notebook."""
        from tinygrad_mnist.tensor import notebook

        return notebook.shown(self)

    def __len__(self) -> int:
        if self._array.ndim == 0:
            raise TypeError("len: a 0-d tensor has no length")
        return len(self._array)

    def __iter__(self) -> Iterator[Tensor]:
        if self._array.ndim == 0:
            raise TypeError("iter: iteration over a 0-d tensor")
        return iter(self.unbind(0))

    @named
    def __contains__(self, element: Any) -> bool:
        """Return whether some element is equal to a number or tensor."""
        array = element._array if isinstance(element, Tensor) else element
        return bool((self._array == array).any())

    __hash__ = object.__hash__

    def __getitem__(self, index: Index) -> Tensor:
        """Return the elements at an index; a basic index gives a view."""
        return choose(self, index)

    def __setitem__(self, index: Index, value: Operand | Sequence[Any]) -> None:
        """Write to the elements at an index, and record it where a gradient needs it."""
        assign(self, index, value)

    @named
    def where(self, condition: Tensor, other: Operand) -> Tensor:
        """Return self where the condition holds, elsewhere other. Follows ``torch.Tensor.where``.

        Parameters
        ----------
        condition
            A tensor of bools; its shape, self's and other's broadcast.
        other
            A tensor, or a number.

        Returns
        -------
        A tensor of the shape that they broadcast to.

        Examples
        --------
        >>> import tinygrad_mnist as torch
        >>> x = torch.tensor([-1.0, 2.0])
        >>> x.where(x > 0, 0.0)
        tensor([0., 2.])
        """
        return chosen(condition, self, other)

    __array_priority__ = 1000

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        """Give NumPy the array itself; refuse where a gradient would be lost."""
        array = self.numpy()
        if copy is not False:
            return np.array(array, dtype, copy=copy)
        return np.asarray(array, dtype, copy=False)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Let NumPy's ufuncs work on Tensors, and record them: ``np.exp(t)``, ``array * t``."""
        return numpy_protocols.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        """Let NumPy's functions work on Tensors, and record those that have derivatives."""
        return numpy_protocols.call_function(function, args, kwargs)


# To users there is one class.
for _family in (Tensor, Operators, Conversion, Attributes):
    for _name, _method in list(vars(_family).items()):
        if isinstance(_method, FunctionType):
            export.name_method(_name, _method)

TensorBase.kind = Tensor
