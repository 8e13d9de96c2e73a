"""Layers that find out the size of their input when they are first called.

The parameters are there from the start, so that an optimizer can have them, but are empty until
then; what they are drawn from goes on as in PyTorch, where nothing is drawn before the first call.
"""

from __future__ import annotations

import inspect
from typing import Any, cast

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.nn import convolution, linear, normalization
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Buffer, Parameter
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.random_functions import get_rng_state, set_rng_state


class UninitializedParameter(Parameter):
    """A parameter whose shape isn't known yet.

    Follows ``torch.nn.UninitializedParameter``.

    Parameters
    ----------
    data
        An empty tensor.
    requires_grad
        Whether it is trained.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.LazyLinear(3).weight
    <UninitializedParameter>
    """

    def __repr__(self) -> str:
        return "<UninitializedParameter>"

    def numel(self) -> int:
        """Raise: the module must be called first."""
        raise ValueError(
            "numel: the parameter of a lazy layer has no shape yet; call the model on an example "
            "input first"
        )


class UninitializedBuffer(Buffer):
    """A buffer whose shape isn't known yet.

    Follows ``torch.nn.UninitializedBuffer``.

    Parameters
    ----------
    data
        An empty tensor.
    persistent
        Whether it is part of the ``state_dict``.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.UninitializedBuffer().persistent
    True
    """


class _Lazy(Module):
    """A layer that becomes the one it stands for when it is called."""

    _becomes: type[Module]
    _size: str
    """The name of the layer's argument that is found out."""
    _settings: dict[str, Any]
    """The lazy form's own defaults."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        state = get_rng_state()
        least = kwargs.get("groups", 1) if isinstance(self, convolution._Convolution) else 1
        super().__init__(**self._arguments(least, args, kwargs))
        set_rng_state(state)
        self._given = args, kwargs
        setattr(self, self._size, 0)
        for name, parameter in self._parameters.items():
            if parameter is not None:
                empty = wrap(np.empty(0, parameter._array.dtype))
                self._parameters[name] = UninitializedParameter(empty)

    def _arguments(
        self, size: int, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the layer's arguments by name, with the size that was found out."""
        given = inspect.signature(self._becomes).bind(size, *args, **kwargs).arguments
        return self._settings | given

    def _find(self, input: Tensor) -> int:
        """Return the size that the input has."""
        if self._size == "in_features":
            return input.shape[-1]
        dims = getattr(self, "dims", 0)
        return input.shape[0 if dims and input.ndim == dims + 1 else 1]

    def has_uninitialized_params(self) -> bool:
        """Return whether the layer hasn't been called yet."""
        return True

    def initialize_parameters(self, input: Tensor) -> None:
        """Give the parameters the shapes that the input asks for, and draw them."""
        args, kwargs = self._given
        layer = self._becomes(**self._arguments(self._find(input), args, kwargs))
        for name, made in layer._parameters.items():
            mine = self._parameters[name]
            if made is None or mine is None:
                continue
            mine.__class__ = Parameter
            for key in ("_array", "_version", "_fixed_order"):
                if key in made.__dict__:
                    mine.__dict__[key] = made.__dict__[key]
        self._buffers.update(layer._buffers)
        setattr(self, self._size, getattr(layer, self._size))

    def forward(self, input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        """Become the layer, and return what it returns."""
        self.initialize_parameters(input)
        del self._given
        object.__setattr__(self, "__class__", self._becomes)
        return self.forward(input, *args, **kwargs)


def _doc(becomes: type[Module], found: str, rest: list[inspect.Parameter]) -> str:
    """Return the docstring of a layer's lazy form."""
    name, dims = becomes.__name__, getattr(becomes, "dims", None)
    if found == "num_features":
        dims = cast(Any, becomes).ranks[-1] - 2
    lengths = (2, 3) + (8,) * (dims or 0)
    given = {"in_features": "4", "in_channels": "4, 5"}.get(found, "")
    return f"""{name} that finds out its {found}, from the first input.

    Until then the parameters have no shape; from then on it is a :class:`{name}`, with its
    shapes. Follows ``torch.nn.Lazy{name}``.

    Parameters
    ----------
    {", ".join(p.name for p in rest)}
        As in :class:`{name}`.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> layer = nn.Lazy{name}({given})
    >>> out = layer(torch.ones{lengths})
    >>> layer.{found}
    3
    """


def _lazy(becomes: type[Module], **settings: Any) -> Any:
    """Make the lazy form of a layer."""
    first, *rest = inspect.signature(becomes).parameters.values()
    rest = [p.replace(default=settings.get(p.name, p.default)) for p in rest]
    return type(
        f"Lazy{becomes.__name__}",
        (_Lazy, becomes),
        {
            "__module__": __name__,
            "__doc__": _doc(becomes, first.name, rest),
            "__signature__": inspect.Signature(rest),
            "_becomes": becomes,
            "_size": first.name,
            "_settings": settings,
        },
    )


LazyLinear = _lazy(linear.Linear)
LazyConv1d, LazyConv2d, LazyConv3d = map(
    _lazy, (convolution.Conv1d, convolution.Conv2d, convolution.Conv3d)
)
LazyConvTranspose1d, LazyConvTranspose2d, LazyConvTranspose3d = map(
    _lazy, (convolution.ConvTranspose1d, convolution.ConvTranspose2d, convolution.ConvTranspose3d)
)
LazyBatchNorm1d, LazyBatchNorm2d, LazyBatchNorm3d = map(
    _lazy, (normalization.BatchNorm1d, normalization.BatchNorm2d, normalization.BatchNorm3d)
)
LazyInstanceNorm1d, LazyInstanceNorm2d, LazyInstanceNorm3d = (
    _lazy(norm, affine=True, track_running_stats=True)
    for norm in (
        normalization.InstanceNorm1d, normalization.InstanceNorm2d, normalization.InstanceNorm3d,
    )
)  # fmt: skip
