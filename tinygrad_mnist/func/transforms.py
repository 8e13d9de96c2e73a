"""Gradients and Jacobians as functions of the same arguments.

Each call makes stand-ins for the arguments it differentiates by. Whether the result has to be
differentiable in its turn is asked of the graph itself: it has to, if the function's value depends
on something else that requires grad (an outer transform's stand-in, a tensor that the function
knows from outside). Otherwise the result is cut from the graph, and the rules run on plain
arrays.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.autograd.functional import (
    Evaluation,
    detached,
    linearized,
    sources_of,
    stand_in,
    vjp_of,
)
from tinygrad_mnist.autograd.graph import TensorBase, is_tracked, wrap
from tinygrad_mnist.autograd.modes import modes, recording
from tinygrad_mnist.func.tree import leaves, map_leaves, rebuild


class _Level(Evaluation):
    """One level of nested transforms: a call of its function on stand-ins for the arguments."""

    def __init__(
        self, name: str, func: Callable[..., Any], primals: Any, has_aux: bool = False
    ) -> None:
        self.name, self.primals, self.outer = name, primals, modes.enabled
        given = leaves(primals)
        for x in given:
            if not isinstance(x, TensorBase):
                raise RuntimeError(
                    f"{name}: expected all that is differentiated by to be Tensors, got a "
                    f"{type(x).__name__}"
                )
        with recording(True):
            self.inputs = [stand_in(x, self.outer) for x in given]
            self.own = {x for x in self.inputs if x._node is None}
            self.output, self.aux = func(*rebuild(primals, self.inputs)), None
        if has_aux:
            if not isinstance(self.output, tuple) or len(self.output) != 2:
                raise RuntimeError(
                    f"{name}: with has_aux=True the function must return a tuple (output, aux), "
                    f"got {type(self.output).__name__}"
                )
            self.output, self.aux = self.output
        self.outputs = leaves(self.output)

    @classmethod
    def at(
        cls, name: str, func: Callable[..., Any], argnums: int | tuple[int, ...], has_aux: bool,
        args: tuple[Any, ...], kwargs: dict[str, Any],
    ) -> _Level:  # fmt: skip
        """Call a function on stand-ins for the arguments at some positions."""
        positions = _chosen(name, args, argnums)

        def call(*stand_ins: Any) -> Any:
            full = list(args)
            for position, value in zip(positions, stand_ins, strict=True):
                full[position] = value
            return func(*full, **kwargs)

        return cls(name, call, tuple(args[n] for n in positions), has_aux)

    def tensors(self) -> Sequence[Any]:
        """Return what the function has returned, checked to be Tensors."""
        for x in self.outputs:
            if not isinstance(x, TensorBase):
                raise RuntimeError(
                    f"{self.name}: expected the function to return Tensors, or dicts, lists and "
                    f"tuples of them, got a {type(x).__name__}; what isn't to be differentiated "
                    f"goes into aux (has_aux=True)"
                )
        return self.outputs

    def reaches_out(self, values: Sequence[Any]) -> bool:
        """Whether values depend on a leaf that isn't this level's own."""
        return self.outer and any(source not in self.own for source in sources_of(values))

    def release(self, tree: Any) -> Any:
        """Cut the Tensors of a tree from the graph, but those that depend on more than this."""

        def free(x: Any) -> Any:
            return detached(x) if is_tracked(x) and not self.reaches_out([x]) else x

        return map_leaves(free, tree)


def _chosen(name: str, args: tuple[Any, ...], argnums: int | tuple[int, ...]) -> list[int]:
    """Return the positions of the arguments to differentiate by, counted from the front."""
    numbers = (argnums,) if isinstance(argnums, int) else argnums
    if not isinstance(numbers, tuple) or not all(isinstance(n, int) for n in numbers):
        raise RuntimeError(f"{name}: argnums must be an int or a tuple of ints, got {argnums!r}")
    for n in numbers:
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"{name}: got argnum={n}, but only {len(args)} positional arguments")
    positions = [n % len(args) for n in numbers]
    if not positions or len(set(positions)) < len(positions):
        raise RuntimeError(f"{name}: argnums must name each argument once, got {argnums!r}")
    return positions


@named
def grad_and_value(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that returns the gradient of a function, and its value.

    Errors are those of :func:`grad`. Follows ``torch.func.grad_and_value``.

    Parameters
    ----------
    func
        Returns a Tensor without dimensions, of shape (); with has_aux a tuple of it and anything
        else.
    argnums
        Which argument to differentiate by, or a tuple of several, for which it returns a tuple.
    has_aux
        Return ``(gradient, (value, aux))``.

    Returns
    -------
    A function of the same arguments, which returns a pair.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import grad_and_value
    >>> grad_and_value(lambda x: x**2)(tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        level = _Level.at("grad", func, argnums, has_aux, args, kwargs)
        value = level.output
        if not isinstance(value, TensorBase):
            raise RuntimeError(
                f"grad: expected the function to return a Tensor, got {type(value).__name__}"
            )
        if value._array.ndim:
            raise RuntimeError(
                f"grad: expected the function to return a scalar, got a Tensor of shape "
                f"{list(value.shape)}; reduce it with sum(), or use vjp or jacrev"
            )
        with recording(True):
            ones = wrap(np.ones((), value._array.dtype))
            found = vjp_of([value], level.inputs, [ones], level.reaches_out([value]))
            tree = rebuild(level.primals, level.filled(found, level.inputs, "output"))
            tree = level.release(tree[0] if isinstance(argnums, int) else tree)
        value = level.release(value)
        return tree, (value, level.release(level.aux)) if has_aux else value

    return gradient


@named
def grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    r"""Return a function that returns the gradient of a function of one number.

    .. math:: x \mapsto \partial f(x) / \partial x

    Follows ``torch.func.grad``.

    Parameters
    ----------
    func
        Returns a Tensor without dimensions, of shape (); with has_aux a tuple of it and anything
        else.
    argnums
        Which argument to differentiate by, or a tuple of several, for which it returns a tuple.
    has_aux
        Return ``(gradient, aux)``.

    Returns
    -------
    A function of the same arguments; the gradient has the argument's shape.

    Raises
    ------
    RuntimeError
        When the function returns something else, or argnums don't fit the arguments.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import grad
    >>> grad(grad(lambda x: x**3))(tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


@named
def value_and_grad(
    func: Callable[..., Any], argnums: int | tuple[int, ...] = 0, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that returns the value of a function, and its gradient.

    PyTorch has :func:`grad_and_value`, in the other order; this is the name that users of JAX and
    MLX look for.

    Parameters
    ----------
    func
        Returns a Tensor without dimensions, of shape (); with has_aux a tuple of it and anything
        else.
    argnums
        Which argument to differentiate by, or a tuple of several, for which it returns a tuple.
    has_aux
        Return ``((value, aux), gradient)``.

    Returns
    -------
    A function of the same arguments, which returns a pair.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import value_and_grad
    >>> value_and_grad(lambda x: x**2)(tensor(3.0))
    (tensor(9.), tensor(6.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def value_first(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return value, found

    return value_first


@named
def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    r"""Return a function's output, and the function that multiplies vectors by its Jacobian.

    .. math:: (f(x), \; v \mapsto v^T J)

    Follows ``torch.func.vjp``.

    Parameters
    ----------
    func
        A function of Tensors, or of dicts, lists and tuples of them, that returns such.
    primals
        Its arguments.
    has_aux
        Whether it returns a pair, of which the second is handed through.

    Returns
    -------
    ``(output, vjp_fn)``, or ``(output, vjp_fn, aux)``. ``vjp_fn`` takes what has the output's form
    and shapes, and returns a tuple with a gradient for each of the primals; it may be called
    repeatedly.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import vjp
    >>> out, pullback = vjp(lambda x: x * x, tensor([1.0, 2.0]))
    >>> out, pullback(tensor([1.0, 10.0]))
    (tensor([1., 4.]), (tensor([ 2., 40.]),))
    """
    level = _Level("vjp", func, primals, has_aux)
    outputs = level.tensors()

    def pullback(
        cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None
    ) -> Any:
        given = leaves(cotangents)
        if len(given) != len(outputs):
            raise RuntimeError(
                f"expected the vectors to have the output's form, with {len(outputs)} "
                f"Tensors, got {len(given)}"
            )
        enabled = modes.enabled
        with recording(True):
            create = enabled and level.reaches_out([*outputs, *given])
            found = vjp_of(outputs, level.inputs, given, create if create_graph is None else True)
            tree = rebuild(primals, level.filled(found, level.inputs, "output"))
            return level.release(tree) if enabled else map_leaves(detached, tree)

    released = level.release(level.output)
    return (released, pullback, level.release(level.aux)) if has_aux else (released, pullback)


@named
def jvp(
    func: Callable[..., Any],
    primals: Any,
    tangents: Any,
    *,
    strict: bool = False,
    has_aux: bool = False,
) -> tuple[Any, ...]:
    r"""Return a function's output, and how it changes when the primals change by tangents.

    .. math:: (f(x), \; J v)

    Computed by two backward passes. Follows ``torch.func.jvp``.

    Parameters
    ----------
    func
        A function of Tensors, or of dicts, lists and tuples of them, that returns such.
    primals, tangents
        Tuples of the function's arguments and of their changes, alike in form and shapes.
    strict
        Accepted: an output that doesn't depend on the primals always has a change of zero.
    has_aux
        Whether the function returns a pair, of which the second is handed through.

    Returns
    -------
    ``(output, change)``, or ``(output, change, aux)``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import jvp
    >>> jvp(lambda x: x.sum() * x, (tensor([1.0, 2.0]),), (tensor([1.0, 0.0]),))
    (tensor([3., 6.]), tensor([4., 2.]))
    """
    if not isinstance(primals, tuple) or not isinstance(tangents, tuple):
        raise RuntimeError("primals and tangents must be tuples, one entry per argument")
    given = leaves(tangents)
    shapes = [list(x.shape) for x in leaves(primals)]
    if [list(x.shape) for x in given] != shapes:
        raise RuntimeError(
            f"expected the tangents to have the primals' shapes {shapes}, got "
            f"{[list(x.shape) for x in given]}"
        )
    level = _Level("jvp", func, primals, has_aux)
    change, released = _pushforward(level)(*tangents), level.release(level.output)
    return (released, change, level.release(level.aux)) if has_aux else (released, change)


def _pushforward(level: _Level) -> Callable[..., Any]:
    """Return the function that multiplies vectors by the Jacobian."""
    outputs = level.tensors()
    with recording(True):
        dummies, back = linearized(outputs, level.inputs)
        back = level.filled(back, level.inputs, "output")

    def pushforward(*tangents: Any) -> Any:
        given, enabled = leaves(tangents), modes.enabled
        with recording(True):
            create = enabled and level.reaches_out([*outputs, *given])
            found = vjp_of(back, dummies, given, create)
            change = rebuild(level.output, level.filled(found, outputs, "output"))
            return level.release(change) if create else map_leaves(detached, change)

    return pushforward


@named
def linearize(func: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., Any]]:
    r"""Return a function's output, and the function that multiplies its Jacobian by vectors.

    .. math:: (f(x), \; v \mapsto J v)

    Follows ``torch.func.linearize``.

    Parameters
    ----------
    func
        A function of Tensors, or of dicts, lists and tuples of them, that returns such.
    primals
        Its arguments.

    Returns
    -------
    ``(output, jvp_fn)``; ``jvp_fn`` takes changes of the primals, of their shapes.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import linearize
    >>> out, pushforward = linearize(lambda x: x * x, tensor([1.0, 2.0]))
    >>> pushforward(tensor([1.0, 10.0]))
    tensor([ 2., 40.])
    """
    level = _Level("linearize", func, primals)
    return level.release(level.output), _pushforward(level)


def _jacobian(
    name: str,
    func: Callable[..., Any],
    argnums: int | tuple[int, ...],
    has_aux: bool,
    by_rows: bool,
) -> Callable[..., Any]:
    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        level = _Level.at(name, func, argnums, has_aux, args, kwargs)
        with recording(True):
            trees = []
            for row in level.jacobian(by_rows, level.reaches_out(level.tensors())):
                tree = rebuild(level.primals, row)
                trees.append(tree[0] if isinstance(argnums, int) else tree)
            found = level.release(rebuild(level.output, trees))
        return (found, level.release(level.aux)) if has_aux else found

    return jacobian


@named
def jacrev(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    *,
    has_aux: bool = False,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    r"""Return a function that returns the Jacobian of a function, by a pass for each output.

    .. math:: J_{ij} = \partial f_i / \partial x_j

    Follows ``torch.func.jacrev``.

    Parameters
    ----------
    func
        A function of Tensors that returns Tensors; with has_aux a tuple of them and anything else.
    argnums
        Which argument to differentiate by, or a tuple of several.
    has_aux
        Return ``(jacobian, aux)``.
    chunk_size
        Accepted; it changes nothing.

    Returns
    -------
    A function that returns the output's form, with a Jacobian of shape
    ``output.shape + input.shape`` for each input in place of each Tensor.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import jacrev
    >>> jacrev(lambda x: x * x.sum())(tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return _jacobian("jacrev", func, argnums, has_aux, True)


@named
def jacfwd(
    func: Callable[..., Any],
    argnums: int | tuple[int, ...] = 0,
    has_aux: bool = False,
    *,
    randomness: str = "error",
) -> Callable[..., Any]:
    """Return a function that returns the Jacobian of a function, by a pass for each input.

    For functions with fewer inputs than outputs. Follows ``torch.func.jacfwd``.

    Parameters
    ----------
    func
        A function of Tensors that returns Tensors; with has_aux a tuple of them and anything else.
    argnums
        Which argument to differentiate by, or a tuple of several.
    has_aux
        Return ``(jacobian, aux)``.
    randomness
        Accepted; it changes nothing, since the function is called once.

    Returns
    -------
    A function that returns Jacobians of shape ``output.shape + input.shape``, as that of
    :func:`jacrev`.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import jacfwd
    >>> jacfwd(lambda x: x * x.sum())(tensor([1.0, 2.0]))
    tensor([[4., 1.],
            [2., 5.]])
    """
    return _jacobian("jacfwd", func, argnums, has_aux, False)


@named
def hessian(func: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
    r"""Return a function that returns the Hessian of a function: the Jacobian of its Jacobian.

    .. math:: H_{ij} = \partial^2 f / \partial x_i \partial x_j

    Follows ``torch.func.hessian``.

    Parameters
    ----------
    func
        Returns a Tensor without dimensions, of shape ().
    argnums
        Which argument to differentiate by, or a tuple of several.

    Returns
    -------
    A function that returns Hessians of shape ``input.shape + input.shape``.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.func import hessian
    >>> hessian(lambda x: (x**3).sum())(tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)
