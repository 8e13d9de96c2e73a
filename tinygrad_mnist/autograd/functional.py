"""Jacobians and Hessians of functions, and their products with vectors.

All is made of one thing, the backward pass. A Jacobian is one per element of the output. A
product J v takes two: the gradient J^T u is linear in u, so its own gradient with respect to u,
with v arriving there, is J v.

Follows ``torch.autograd.functional``. A function here takes one tensor or a tuple of them, and
returns one tensor or a tuple of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import named_if_nameless
from tinygrad_mnist.autograd.api import grad
from tinygrad_mnist.autograd.graph import Node, TensorBase, apply, is_tracked, share, wrap
from tinygrad_mnist.autograd.modes import recording

if TYPE_CHECKING:
    from tinygrad_mnist.tensor import Tensor

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]


def detached(x: TensorBase) -> Tensor:
    """Return a tensor on the same memory without history."""
    return share(x.memory(), x._version)


def stand_in(x: TensorBase, create_graph: bool) -> Tensor:
    """Return a stand-in for an input, so that only its use as that input is differentiated.

    With create_graph it stays connected to what the input was computed from.
    """
    if x._array.dtype.kind != "f":
        raise RuntimeError(
            f"only Tensors of floating point dtype can require gradients, not {x._array.dtype}; "
            f"convert it with float() first"
        )
    if create_graph and is_tracked(x):
        return apply(ops.reshape, x, to=x._array.shape)
    out = detached(x)
    out._requires_grad = True
    return out


def sources_of(tensors: Iterable[Any], after: int = -1) -> Iterator[Any]:
    """Yield the leaves, and the nodes not made after a number, that tensors were computed from."""
    stack = [x.source() for x in tensors if is_tracked(x)]
    seen: set[Any] = set()
    while stack:
        source = stack.pop()
        if source is None or source in seen:
            continue
        seen.add(source)
        if isinstance(source, Node) and source.number > after:
            stack.extend(source.parents)
        else:
            yield source


def vjp_of(
    outputs: Sequence[Any], inputs: Sequence[Any], cotangents: Sequence[Any], create_graph: bool
) -> list[Any]:
    """Return the gradients of the inputs, None for those that no output depends on."""
    pairs = [
        (out, g)
        for out, g in zip(outputs, cotangents, strict=True)
        if g is not None and is_tracked(out)
    ]
    if not pairs:
        return [None] * len(inputs)
    roots, given = zip(*pairs, strict=True)
    return list(
        grad(roots, inputs, given, retain_graph=True, create_graph=create_graph, allow_unused=True)
    )


def linearized(outputs: Sequence[Any], inputs: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return gradients of outputs, and those of the inputs that follow from them, or None.

    The values of the former don't matter: the latter are linear in them, so that to differentiate
    once more gives the product of the Jacobian with a vector.
    """
    dummies = [zeros(x) for x in outputs]
    for dummy in dummies:
        dummy._requires_grad = dummy._array.dtype.kind == "f"
    return dummies, vjp_of(outputs, inputs, dummies, True)


def zeros(like: TensorBase) -> Tensor:
    """Return zeros of a tensor's shape and dtype."""
    return wrap(np.zeros(like._array.shape, like._array.dtype))


def one_hot_rows(x: TensorBase) -> Iterator[Tensor]:
    """Yield, for every element of a tensor, an array of its shape with a one there."""
    for i in range(x._array.size):
        row = zeros(x)
        row._array.reshape(-1)[i] = 1
        yield row


class Evaluation:
    """One evaluation of a function on stand-ins for its inputs."""

    inputs: Sequence[Any]
    outputs: Sequence[Any]

    def filled(self, gradients: Sequence[Any], like: Sequence[Any], of: str) -> list[Any]:
        """Replace None by zeros."""
        return [zeros(x) if g is None else g for g, x in zip(gradients, like, strict=True)]

    def jacobian(self, by_rows: bool, create_graph: bool) -> list[list[Any]]:
        """Return a list of blocks for each output, by a backward pass for each row or column."""
        inputs, outputs = self.inputs, self.outputs
        starts, ends, like, of = outputs, inputs, inputs, "output {}"
        if not by_rows:
            ends, slopes = linearized(outputs, inputs)
            starts, like, of = self.filled(slopes, inputs, "output"), outputs, "output"
        passes = [
            [
                self.filled(vjp_of([start], ends, [one], create_graph), like, of.format(i))
                for one in one_hot_rows(start)
            ]
            for i, start in enumerate(starts)
        ]

        def block(i: int, j: int) -> Any:
            start, end, dim = (i, j, 0) if by_rows else (j, i, -1)
            parts = [one[end] for one in passes[start]]
            to = outputs[i]._array.shape + inputs[j]._array.shape
            if not parts:
                return wrap(np.zeros(to, inputs[j]._array.dtype))
            return ops.reshape(ops.stack(*parts, dim=dim), to=to)

        return [[block(i, j) for j in range(len(inputs))] for i in range(len(outputs))]


class _Call(Evaluation):
    """An evaluation that says how it will be differentiated, and what is refused."""

    def __init__(
        self, name: str, func: Callable[..., Any], inputs: Any, create_graph: bool, strict: bool
    ) -> None:
        self.name, self.create_graph, self.strict = name, create_graph, strict
        self.single_input = isinstance(inputs, TensorBase)
        given = self._tuple("inputs", inputs)
        self.inputs = tuple(stand_in(x, create_graph) for x in given)
        returned = func(*self.inputs)
        self.single_output = isinstance(returned, TensorBase)
        self.outputs = self._tuple("outputs of the function", returned)
        for i, out in enumerate(self.outputs):
            if strict and not is_tracked(out):
                raise RuntimeError(
                    f"{name}: output {i} of the function doesn't require grad: it must be "
                    f"computed from the inputs in a differentiable way where strict=True"
                )

    def _tuple(self, what: str, x: Any) -> tuple[Any, ...]:
        parts = (x,) if isinstance(x, TensorBase) else x
        if not isinstance(parts, tuple | list):
            raise TypeError(
                f"{self.name}: the {what} must be a Tensor or a tuple of Tensors, got "
                f"{type(x).__name__}"
            )
        for i, part in enumerate(parts):
            if not isinstance(part, TensorBase):
                raise TypeError(
                    f"{self.name}: the {what} must be Tensors, but number {i} is a "
                    f"{type(part).__name__}"
                )
        return tuple(parts)

    def vector(self, v: Any, like: Sequence[Any], of: str) -> list[Any]:
        """Return v as a list of tensors that fit, checked; ones where it may be left out."""
        if v is None:
            if len(like) != 1 or like[0]._array.size != 1:
                raise RuntimeError(
                    f"{self.name}: v can only be left out where the {of} is a single Tensor with a "
                    f"single element; give a vector of the {of}'s shape"
                )
            return [wrap(np.ones(like[0]._array.shape, like[0]._array.dtype))]
        parts = self._tuple("parts of v", v)
        shapes = [list(x._array.shape) for x in like]
        if [list(x._array.shape) for x in parts] != shapes:
            raise RuntimeError(
                f"{self.name}: v has invalid size: it must have the {of}'s shapes {shapes}, but "
                f"has {[list(x._array.shape) for x in parts]}"
            )
        return [x if self.create_graph else detached(x) for x in parts]

    def slopes(self) -> list[Any]:
        """Return the gradient of the only output, checked to be a single number, recorded."""
        if not self.single_output:
            raise RuntimeError(f"{self.name}: the function must return a single Tensor")
        (out,) = self.outputs
        if out._array.size != 1:
            raise RuntimeError(
                f"{self.name}: the Tensor returned by the function must contain a single element, "
                f"but has shape {list(out._array.shape)}"
            )
        ones = wrap(np.ones(out._array.shape, out._array.dtype))
        return self.filled(vjp_of([out], self.inputs, [ones], True), self.inputs, "output")

    def filled(self, gradients: Sequence[Any], like: Sequence[Any], of: str) -> list[Any]:
        """Replace None by zeros, or refuse it where strict."""
        for i, g in enumerate(gradients):
            if self.strict and g is None:
                raise RuntimeError(
                    f"{self.name}: the {of} is independent of {i}, its entry there is zero; this "
                    f"is not allowed with strict=True"
                )
            if self.strict and self.create_graph and not is_tracked(g):
                raise RuntimeError(
                    f"{self.name}: the {of} is independent of the inputs at {i}; this is not "
                    f"allowed with strict=True and create_graph=True"
                )
        return super().filled(gradients, like, of)

    def finish(self, values: Sequence[Any], single: bool) -> Any:
        """Return results as the user gave or returned them: one, or a tuple."""
        out = tuple(x if self.create_graph else detached(x) for x in values)
        return out[0] if single else out


@named_if_nameless
def vjp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""Return a function's outputs, and the product of a vector with its Jacobian.

    .. math:: (f(x), \; v^T J)

    Follows ``torch.autograd.functional.vjp``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor or a tuple of them.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    v
        Of the outputs' shapes; may be None where there is one output of one element.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.

    Raises
    ------
    TypeError
        When an input or output isn't a Tensor.
    RuntimeError
        When v doesn't fit, or the outputs aren't as strict demands.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import vjp
    >>> vjp(lambda x: x * x, tensor([1.0, 2.0]), tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    with recording(True):
        call = _Call("vjp", func, inputs, create_graph, strict)
        given = call.vector(v, call.outputs, "output")
        found = vjp_of(call.outputs, call.inputs, given, create_graph)
        result = call.filled(found, call.inputs, "output")
        return (
            call.finish(call.outputs, call.single_output),
            call.finish(result, call.single_input),
        )


@named_if_nameless
def jvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""Return a function's outputs, and the product of its Jacobian with a vector.

    .. math:: (f(x), \; J v)

    Errors are those of :func:`vjp`. Follows ``torch.autograd.functional.jvp``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor or a tuple of them.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    v
        Of the inputs' shapes; may be None where there is one input of one element.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import jvp
    >>> jvp(lambda x: x.sum() * x, tensor([1.0, 2.0]), tensor([1.0, 0.0]))
    (tensor([3., 6.]), tensor([4., 2.]))
    """
    with recording(True):
        call = _Call("jvp", func, inputs, create_graph, strict)
        given = call.vector(v, call.inputs, "input")
        dummies, back = linearized(call.outputs, call.inputs)
        back = call.filled(back, call.inputs, "output")
        result = call.filled(vjp_of(back, dummies, given, create_graph), call.outputs, "gradient")
        outputs = call.finish(call.outputs, call.single_output)
        return outputs, call.finish(result, call.single_output)


@named_if_nameless
def jacobian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    r"""Return the Jacobian of a function.

    .. math:: J_{ij} = \partial f_i / \partial x_j

    One backward pass per element of the output, or per element of the input for ``"forward-mode"``.
    Errors are those of :func:`vjp`. Follows ``torch.autograd.functional.jacobian``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor or a tuple of them.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.
    vectorize
        Accepted; it changes neither the result nor how it is computed.
    strategy
        ``"reverse-mode"``, or ``"forward-mode"`` for functions with fewer inputs than outputs.

    Returns
    -------
    A Tensor of shape ``output.shape + input.shape``; for a tuple of inputs a tuple of them, for a
    tuple of outputs a tuple of such for each output.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import jacobian
    >>> jacobian(lambda x: x * x.sum(), tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise RuntimeError(f"strategy must be 'reverse-mode' or 'forward-mode', got {strategy!r}")
    with recording(True):
        call = _Call("jacobian", func, inputs, create_graph, strict)
        blocks = call.jacobian(strategy == "reverse-mode", create_graph)
        finished = [call.finish(row, call.single_input) for row in blocks]
        return finished[0] if call.single_output else tuple(finished)


@named_if_nameless
def hessian(
    func: Callable[..., Any],
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    r"""Return the Hessian of a function of one number: the Jacobian of its gradient.

    .. math:: H_{ij} = \partial^2 f / \partial x_i \partial x_j

    Errors are those of :func:`vjp`. Follows ``torch.autograd.functional.hessian``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor of one element.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.
    vectorize
        Accepted; it changes neither the result nor how it is computed.
    outer_jacobian_strategy
        The strategy of :func:`jacobian`.

    Returns
    -------
    A Tensor of shape ``input.shape + input.shape``; for a tuple of inputs a tuple of tuples.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import hessian
    >>> hessian(lambda x: (x**3).sum(), tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def slopes(*x: Any) -> Any:
        call = _Call("hessian", func, x, True, strict)
        return call.finish(call.slopes(), isinstance(inputs, TensorBase))

    return jacobian(slopes, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


@named_if_nameless
def vhp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""Return a function's output, one number, and the product of a vector with its Hessian.

    .. math:: (f(x), \; v^T H)

    Errors are those of :func:`vjp`. Follows ``torch.autograd.functional.vhp``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor of one element.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    v
        Of the inputs' shapes; may be None where there is one input of one element.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import vhp
    >>> vhp(lambda x: (x**3).sum(), tensor([1.0, 2.0]), tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with recording(True):
        call = _Call("vhp", func, inputs, create_graph, strict)
        slopes = call.slopes()
        given = call.vector(v, call.inputs, "input")
        result = call.filled(
            vjp_of(slopes, call.inputs, given, create_graph), call.inputs, "gradient"
        )
        return call.finish(call.outputs, True), call.finish(result, call.single_input)


@named_if_nameless
def hvp(
    func: Callable[..., Any],
    inputs: Any,
    v: Any = None,
    create_graph: bool = False,
    strict: bool = False,
) -> tuple[Any, Any]:
    r"""Return a function's output, one number, and the product of its Hessian with a vector.

    .. math:: (f(x), \; H v)

    The same as :func:`vhp` where the Hessian is symmetric, and slower. Errors are those of
    :func:`vjp`. Follows ``torch.autograd.functional.hvp``.

    Parameters
    ----------
    func
        A function of Tensors that returns a Tensor of one element.
    inputs
        A Tensor or a tuple of them, of floating dtypes.
    v
        Of the inputs' shapes; may be None where there is one input of one element.
    create_graph
        Record the results, so that they can be differentiated.
    strict
        Refuse an output that doesn't depend on an input, where otherwise there are zeros.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd.functional import hvp
    >>> hvp(lambda x: (x**3).sum(), tensor([1.0, 2.0]), tensor([1.0, 1.0]))
    (tensor(9.), tensor([ 6., 12.]))
    """
    with recording(True):
        call = _Call("hvp", func, inputs, create_graph, strict)
        slopes = call.slopes()
        given = call.vector(v, call.inputs, "input")
        dummies, back = linearized(slopes, call.inputs)
        back = Evaluation.filled(call, back, call.inputs, "gradient")  # nothing is refused yet
        result = call.filled(vjp_of(back, dummies, given, create_graph), call.inputs, "gradient")
        return call.finish(call.outputs, True), call.finish(result, call.single_input)
