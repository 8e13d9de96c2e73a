"""A table of a module's layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tinygrad_mnist.autograd import no_grad
from tinygrad_mnist.nn import Module
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor, get_rng_state, set_rng_state, zeros

_HEAD = "Layer (type)", "Output shape", "Parameters"


@dataclass(frozen=True)
class Layer:
    """A row of a summary."""

    name: str
    type: str
    output_shape: tuple[int, ...] | None
    parameters: int
    again: bool = False
    """Whether the layer, or its parameters, were counted in an earlier row."""


@dataclass(frozen=True)
class Summary:
    """A module's layers and parameter counts; printing it gives the table.

    Parameters
    ----------
    title
        The module's class.
    layers
        The rows: ``name``, ``type``, ``output_shape`` and ``parameters``.
    total_params, trainable_params
        How many numbers all parameters have, and those that require grad.

    Examples
    --------
    >>> from tinygrad_mnist import nn, utils
    >>> found = utils.summary(nn.Sequential(nn.Linear(2, 3)))
    >>> found.total_params, found.layers[0].parameters
    (9, 9)
    """

    title: str
    layers: list[Layer] = field(default_factory=list)
    total_params: int = 0
    trainable_params: int = 0

    def _rows(self) -> list[tuple[str, str, str]]:
        return [
            (
                f"{layer.name} ({layer.type})",
                "-" if layer.output_shape is None else str(layer.output_shape),
                "(shared)" if layer.again else f"{layer.parameters:,}",
            )
            for layer in self.layers
        ]

    def _repr_html_(self) -> str:
        """Show the table in a notebook, its layers folded where there are many."""
        from tinygrad_mnist._runtime import html

        other = self.total_params - self.trainable_params
        head = (
            f"<summary><b>{html.escape(self.title)}</b> <span class='soft'>{self.total_params:,} "
            f"parameters, {other:,} of them not trained</span></summary>"
        )
        table = html.table(_HEAD, self._rows(), left=2)
        opened = " open" if len(self.layers) <= 30 else ""
        return html.block(f"<details{opened}>{head}{table}</details>")

    def __str__(self) -> str:
        rows = [_HEAD, *self._rows()]
        first, second, third = (max(len(row[column]) for row in rows) for column in range(3))
        lines = [f"{a:<{first}}  {b:<{second}}  {c:>{third}}" for a, b, c in rows]
        rule = "=" * len(lines[0])
        return "\n".join([
            self.title, rule, lines[0], rule, *lines[1:], rule,
            f"Total parameters: {self.total_params:,}",
            f"Trainable parameters: {self.trainable_params:,}",
            f"Other parameters: {self.total_params - self.trainable_params:,}",
        ])  # fmt: skip

    __repr__ = __str__


def summary(
    model: Module,
    input_size: Sequence[int] | None = None,
    *,
    input_data: Any = None,
    dtype: dtypes.dtype | None = None,
) -> Summary:
    """Return the table of a module's layers: names, types, output shapes, parameter counts.

    A layer is a module that has no modules in it, or has parameters of its own. With an input, the
    model runs once, in evaluation mode and without a graph; it is left as it was.

    Parameters
    ----------
    model
        Any module.
    input_size
        The shape of its input, the batch included: a tensor of zeros is made.
    input_data
        Or the input itself: a tensor, or a tuple of arguments.
    dtype
        The dtype of the zeros; float32, if left out.

    Raises
    ------
    ValueError
        If both kinds of input are given, or the model can't run on it.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> from tinygrad_mnist.utils import summary
    >>> model = nn.Sequential(nn.Linear(784, 256), nn.Sigmoid(), nn.Linear(256, 10))
    >>> print(summary(model, (1, 784)))
    Sequential
    ======================================
    Layer (type)  Output shape  Parameters
    ======================================
    0 (Linear)    (1, 256)         200,960
    1 (Sigmoid)   (1, 256)               0
    2 (Linear)    (1, 10)            2,570
    ======================================
    Total parameters: 203,530
    Trainable parameters: 203,530
    Other parameters: 0
    """
    if input_size is not None and input_data is not None:
        raise ValueError("summary: give input_size or input_data, not both")
    if input_size is not None:
        input_data = zeros(tuple(input_size), dtype=dtype)
    shapes = {} if input_data is None else _output_shapes(model, input_data)
    seen: set[int] = set()
    layers = []
    for name, module in model.named_modules(remove_duplicate=False):
        own = list(module.parameters(recurse=False))
        if own or not any(True for _ in module.children()):
            new = [p for p in own if id(p) not in seen]
            seen.update(id(p) for p in own)
            count, again = sum(p.numel() for p in new), bool(own) and not new
            shape = shapes.get(id(module))
            layers.append(Layer(name or "self", type(module).__name__, shape, count, again))
    parameters = list(model.parameters())
    return Summary(
        type(model).__name__,
        layers,
        sum(p.numel() for p in parameters),
        sum(p.numel() for p in parameters if p.requires_grad),
    )


def _output_shapes(model: Module, data: Any) -> dict[int, tuple[int, ...]]:
    """Run the model once, and note the shape of what each module returns."""
    shapes: dict[int, tuple[int, ...]] = {}

    def note(module: Module, arguments: Any, output: Any) -> None:
        first = output[0] if isinstance(output, tuple) and output else output
        if isinstance(first, Tensor):
            shapes[id(module)] = tuple(first.shape)

    modules = list(model.modules())
    modes, random = [module.training for module in modules], get_rng_state()
    handles = [module.register_forward_hook(note) for module in modules]
    try:
        model.eval()
        with no_grad():
            model(*data) if isinstance(data, tuple) else model(data)
    except (RuntimeError, ValueError, IndexError, TypeError) as error:
        raise ValueError(f"summary: the model can't run on this input: {error}") from error
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in zip(modules, modes, strict=True):
            module.training = mode
        set_rng_state(random)
    return shapes
