"""``backward`` and ``grad``: what users call to start a backward pass, and its results."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from tinygrad_mnist import ops
from tinygrad_mnist._runtime.naming import named_if_nameless, warn
from tinygrad_mnist.autograd.engine import backward_pass
from tinygrad_mnist.autograd.graph import Source, TensorBase, apply, wrap
from tinygrad_mnist.autograd.hooks import retain
from tinygrad_mnist.autograd.modes import modes, recording

if TYPE_CHECKING:
    from tinygrad_mnist.tensor import Tensor

Tensors: TypeAlias = "Tensor | Iterable[Tensor]"
Gradients: TypeAlias = "Tensor | Iterable[Tensor | None] | None"


def exclusive(holder: list[Any]) -> bool:
    """Whether nothing but the one-element list holds the array in it, or its memory.

    Only then may a gradient become a leaf's ``.grad`` without a copy: two leaves must never
    share a buffer, and no gradient may be a read-only broadcast view.
    """
    if sys.getrefcount(holder[0]) > _ALONE or not holder[0].flags.writeable:
        return False
    return holder[0].base is None or lent_to_one(holder[0])


def lent_to_one(array: np.ndarray) -> bool:
    """Whether a view covers all of its base, and nothing else holds that."""
    base = array.base
    return (
        type(base) is np.ndarray
        and base.base is None
        and base.size == array.size
        and sys.getrefcount(base) <= _BASE_ALONE
    )


def _calibrate() -> tuple[int, int]:
    """Count the references of an array that is surely alone, and of its base.

    The numbers differ between versions of CPython, which may lend references to the stack.
    """
    holder: list[Any] = [np.empty(2)]
    alone = sys.getrefcount(holder[0])
    holder[0] = np.empty((2, 2)).T
    base = holder[0].base
    return alone, sys.getrefcount(base)


_ALONE, _BASE_ALONE = _calibrate()


@named_if_nameless
def backward(
    tensors: Tensors,
    grad_tensors: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Gradients = None,
    inputs: Tensors | None = None,
) -> None:
    """Accumulate the gradients of the tensors' leaves into their ``.grad``.

    Follows ``torch.autograd.backward``.

    Parameters
    ----------
    tensors
        The tensors to differentiate: one or a sequence.
    grad_tensors
        The gradients that arrive at them, of their shapes; may be None for a scalar, where it is 1.
    retain_graph
        Keep what was saved, so that backward can run again; defaults to create_graph.
    create_graph
        Record the gradients' own computation, for higher derivatives.
    grad_variables
        The older name of grad_tensors.
    inputs
        Accumulate into these tensors only; computed ones retain their gradient from now on.

    Raises
    ------
    RuntimeError
        When a tensor has no graph, or isn't a scalar and has no gradient, or a gradient has the
        wrong shape.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd import backward
    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> backward((x * x).sum())
    >>> x.grad
    tensor([2., 4.])
    """
    if grad_variables is not None:
        warn("backward: grad_variables is deprecated; use grad_tensors", FutureWarning)
        if grad_tensors is not None:
            raise RuntimeError("give grad_tensors, or its older name, but not both")
        grad_tensors = grad_variables
    roots = _roots(_sequence(tensors), _sequence(grad_tensors))
    leaves = None if inputs is None else _sequence(inputs)
    if leaves is not None and not leaves:
        raise RuntimeError("'inputs' is empty; leave it out for all leaves")
    keep = create_graph if retain_graph is None else retain_graph
    wanted = None if leaves is None else {_source(x) for x in leaves}
    for x in leaves or ():
        if x._node is not None and x._retained is None:
            retain(x)
    if not modes.depth:
        modes.stored = []
    modes.depth += 1
    try:
        gradients = backward_pass(roots, wanted, retain_graph=keep, create_graph=create_graph)
        del roots
        while gradients:
            leaf, g = gradients.popitem()
            # Computed tensors have retained theirs. What needed a gradient may need none now.
            if not isinstance(leaf, TensorBase) or not leaf._requires_grad:
                continue
            if wanted is not None and leaf not in wanted:
                continue
            holder = [g]
            del g
            accumulate_grad(leaf, holder)
            if leaf._after:
                with recording(create_graph):
                    for hook in list(leaf._after.values()):
                        hook(leaf)
    finally:
        modes.depth -= 1
    if modes.stored and not modes.depth:
        for function in modes.stored:
            function()


def accumulate_grad(leaf: TensorBase, holder: list[Any]) -> None:
    """Store a gradient as a leaf's ``.grad``, or add it to the one that is there."""
    present = leaf._grad
    if isinstance(holder[0], TensorBase):
        g = holder.pop()
        leaf._grad = apply(ops.clone, g) if present is None else present + g
    elif present is None:
        leaf._grad = wrap(holder[0] if exclusive(holder) else holder[0].copy())
    elif present._node is None:
        present._array += holder[0]
        present._version.bump("backward")
    else:
        leaf._grad = present + wrap(holder[0])


def clear_gradients(leaves: Iterable[Any], set_to_none: bool) -> None:
    """Forget the gradients of leaves; or fill them with zeros, in the tensors that they are."""
    for leaf in leaves:
        if set_to_none:
            leaf._grad = None
        elif (gradient := leaf._grad) is not None:
            if gradient.requires_grad:
                is_view = gradient._base is not None and not gradient.is_leaf
                gradient = leaf._grad = gradient.detach() if is_view else gradient.detach_()
            gradient.zero_()


@named_if_nameless
def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Gradients = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor, ...]:
    """Return the gradients of outputs with respect to inputs, and leave every ``.grad`` alone.

    Follows ``torch.autograd.grad``.

    Parameters
    ----------
    outputs, inputs
        A tensor or a sequence of tensors; inputs may be leaves or not.
    grad_outputs
        The gradients that arrive at the outputs, of their shapes; may be None for a scalar, where
        it is 1.
    retain_graph
        Keep what was saved, so that backward can run again; defaults to create_graph.
    create_graph
        Record the gradients' own computation, for higher derivatives.
    only_inputs
        Accepted, as in PyTorch, where it has no effect.
    allow_unused
        Return None for an input that the outputs don't depend on, instead of an error.
    is_grads_batched
        The gradients in grad_outputs have a first dimension more, and so have the results: they are
        computed row by row.
    materialize_grads
        Return zeros for an input that the outputs don't depend on.

    Returns
    -------
    A tuple of tensors of the inputs' shapes.

    Raises
    ------
    RuntimeError
        When an output has no graph, an input doesn't require grad or isn't used, or a gradient
        has the wrong shape.

    Examples
    --------
    >>> from tinygrad_mnist import tensor
    >>> from tinygrad_mnist.autograd import grad
    >>> x = tensor(3.0, requires_grad=True)
    >>> (first,) = grad(x**3, x, create_graph=True)
    >>> first, grad(first, x)[0]
    (tensor(27., grad_fn=<MulBackward0>), tensor(18.))
    """
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        settings: dict[str, Any] = {
            "allow_unused": allow_unused,
            "materialize_grads": materialize_grads,
        }
        of_row = partial(grad, outputs, inputs, create_graph=create_graph, **settings)
        return _grad_of_rows(of_row, _sequence(grad_outputs), keep)
    if not only_inputs:
        warn("grad: only_inputs is deprecated and ignored; backward accumulates", FutureWarning)
    roots = _roots(_sequence(outputs), _sequence(grad_outputs))
    variables = _sequence(inputs)
    sources = [_source(x) for x in variables]
    gradients = backward_pass(roots, sources, retain_graph=keep, create_graph=create_graph)
    results: list[Any] = []
    for position, (x, source) in enumerate(zip(variables, sources, strict=True)):
        g = gradients.get(source)
        if g is None:
            if materialize_grads:
                g = np.zeros(x._array.shape, x._array.dtype)
            elif not allow_unused:
                raise RuntimeError(
                    f"input {position}, of shape {list(x.shape)}, was not used in computing "
                    f"the outputs; pass allow_unused=True to get None for it"
                )
        elif not isinstance(g, TensorBase):
            # The caller may write into what it gets: no views, nothing shared between inputs.
            g = g.copy()
        results.append(g if g is None or isinstance(g, TensorBase) else wrap(g))
    return tuple(results)


def _grad_of_rows(
    of_row: Callable[..., tuple[Any, ...]], batches: list[Any], keep: bool
) -> tuple[Any, ...]:
    """Return :func:`grad` for every row of the gradients that arrive, stacked."""
    last = len(batches[0]) - 1
    rows = [of_row([batch[i] for batch in batches], keep or i < last) for i in range(last + 1)]
    return tuple(
        None if parts[0] is None else apply(ops.stack, *parts, dim=0)
        for parts in zip(*rows, strict=True)
    )


def _sequence(x: Any) -> list[Any]:
    if x is None:
        return []
    return [x] if isinstance(x, TensorBase) else list(x)


def _source(x: Any) -> Source:
    """Return the node or leaf that stands for a tensor in the graph."""
    if not isinstance(x, TensorBase):
        raise TypeError(f"expected a Tensor, got {type(x).__name__}")
    source = x.source()
    if source is None:
        raise RuntimeError(
            f"one of the tensors, of shape {list(x.shape)}, does not require grad and does "
            f"not have a grad_fn; set requires_grad=True on what it is computed from"
        )
    return source


def _roots(outputs: list[Any], gradients: list[Any]) -> list[tuple[Source, Any]]:
    """Pair each output with the gradient that arrives at it, checked."""
    if gradients and len(gradients) != len(outputs):
        raise RuntimeError(
            f"got {len(outputs)} outputs but {len(gradients)} gradients; give one each"
        )
    roots: list[tuple[Source, Any]] = []
    for x, g in zip(outputs, gradients or [None] * len(outputs), strict=True):
        source = _source(x)
        if g is None:
            if x._array.size != 1:
                raise RuntimeError(
                    f"grad can be implicitly created only for scalar outputs, but the "
                    f"output has shape {list(x.shape)}; reduce it with sum(), or pass a gradient"
                )
            g = wrap(np.ones(x._array.shape, x._array.dtype))
        elif not isinstance(g, TensorBase):
            raise TypeError(f"a gradient must be a Tensor, got {type(g).__name__}")
        elif g.shape != x.shape:
            raise RuntimeError(
                f"the gradient has shape {list(g.shape)}, but the output has shape "
                f"{list(x.shape)}; they must be equal"
            )
        elif g._array.dtype != x._array.dtype:
            g = ops.cast(g, dtype=x._array.dtype)
        roots.append((source, g))
    return roots
