"""Backward hooks of modules: identities around a call, whose gradients are the module's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinygrad_mnist.autograd.function import Function
from tinygrad_mnist.tensor import Tensor


class _Watch(Function):
    """The identity on some tensors, which shows their gradients to a function."""

    @staticmethod
    def forward(ctx: Any, see: Callable[..., Any], *tensors: Any) -> Any:
        """Hand the tensors through."""
        ctx.see = see
        return tuple(x.detach() for x in tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        """Show the gradients; what the function returns takes their place."""
        return (None, *ctx.see(gradients))


class BackwardHooks:
    """The backward hooks of one call of a module."""

    def __init__(self, module: Any, before: Iterable[Any], after: Iterable[Any]) -> None:
        self.module = module
        self.before, self.after = list(before), list(after)
        self.arguments: int | None = None
        self.grad_output: tuple[Any, ...] = ()

    def watch_inputs(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments, so that their gradients will be shown to the hooks."""
        if not any(isinstance(x, Tensor) and x.requires_grad for x in args):
            # No gradient goes on to them: the hooks are called when the outputs' are known.
            self.arguments = len(args)
            return args
        return _watch(args, self._leave)

    def watch_outputs(self, out: Any) -> Any:
        """Return the outputs, so that their gradients will be shown to the hooks."""
        if isinstance(out, tuple):
            return _watch(out, self._enter)
        return _watch((out,), self._enter)[0]

    def _enter(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.before:
            gradients = _replaced(gradients, hook(self.module, gradients))
        self.grad_output = gradients
        if self.arguments is not None:
            self._leave((None,) * self.arguments)
        return gradients

    def _leave(self, gradients: tuple[Any, ...]) -> tuple[Any, ...]:
        for hook in self.after:
            gradients = _replaced(gradients, hook(self.module, gradients, self.grad_output))
        return gradients


def _replaced(gradients: tuple[Any, ...], returned: Any) -> tuple[Any, ...]:
    if returned is None:
        return gradients
    return returned if isinstance(returned, tuple) else (returned,)


def _watch(values: tuple[Any, ...], see: Callable[..., Any]) -> tuple[Any, ...]:
    """Put an identity behind those values that gradients flow to; the others' are None."""
    places = [i for i, x in enumerate(values) if isinstance(x, Tensor) and x.requires_grad]
    if not places:
        return values

    def see_all(gradients: tuple[Any, ...]) -> list[Any]:
        given = dict(zip(places, gradients, strict=True))
        seen = see(tuple(given.get(i) for i in range(len(values))))
        return [seen[i] for i in places]

    watched = dict(zip(places, _Watch.apply(see_all, *[values[i] for i in places]), strict=True))
    return tuple(watched.get(i, x) for i, x in enumerate(values))
