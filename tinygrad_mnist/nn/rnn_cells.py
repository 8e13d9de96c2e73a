"""Cells: one step of a recurrent layer."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.autograd.views import forget_base
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter, unfilled
from tinygrad_mnist.nn.rnn import States, run_layer, zero_state
from tinygrad_mnist.ops import dtypes
from tinygrad_mnist.tensor import Tensor
from tinygrad_mnist.tensor.device import check_device


class RNNCellBase(Module):
    """What the cells have in common: one step of a recurrent layer.

    Follows ``torch.nn.RNNCellBase``.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_device(device)
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        kind = dtypes.as_float(dtype)
        rows = num_chunks * hidden_size
        self.weight_ih = unfilled(rows, input_size, kind=kind)
        self.weight_hh = unfilled(rows, hidden_size, kind=kind)
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(wrap(np.empty(rows, kind))) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, uniformly between ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _step(self, mode: str, input: Tensor, states: Any, names: tuple[str, ...]) -> States:
        """Run one step on a batch or on a single input."""
        if input.dim() not in (1, 2):
            raise ValueError(
                f"{self._get_name()}: Expected input to be 1D or 2D, got {input.dim()}D instead"
            )
        single = input.dim() == 1
        x = input.unsqueeze(0) if single else input
        if x.shape[1] != self.input_size:
            raise RuntimeError(
                f"input has inconsistent input_size: got {x.shape[1]} expected {self.input_size}"
            )
        if states is None:
            states = [zero_state((x.shape[0], self.hidden_size), x)] * len(names)
        else:
            states = [
                self._check_state(state, name, i, x.shape[0], single)
                for i, (state, name) in enumerate(zip(states, names, strict=True))
            ]
        weights = [self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, None]
        # The rows of the only step are the state, and not a view of anything.
        rows, states = run_layer(mode, x, tuple(states), weights, (x.shape[0],), False)
        states = (rows, *states[1:])
        return tuple(forget_base(state.squeeze(0)) for state in states) if single else states

    def _check_state(self, state: Tensor, name: str, i: int, batch: int, single: bool) -> Tensor:
        if state.dim() not in (1, 2):
            raise ValueError(
                f"{self._get_name()}: Expected {name} to be 1D or 2D, got {state.dim()}D instead"
            )
        if state.dim() == 1:
            state = state.unsqueeze(0)
        if state.shape[0] != batch:
            raise RuntimeError(
                f"Input batch size {batch} doesn't match hidden{i} batch size {state.shape[0]}"
            )
        if state.shape[1] != self.hidden_size:
            raise RuntimeError(
                f"hidden{i} has inconsistent hidden_size: got {state.shape[1]}, expected "
                f"{self.hidden_size}"
            )
        return state

    def extra_repr(self) -> str:
        """Return the settings."""
        text = f"{self.input_size}, {self.hidden_size}"
        if self.bias is not True:
            text += f", bias={self.bias}"
        nonlinearity = self.__dict__.get("nonlinearity", "tanh")
        return text if nonlinearity == "tanh" else f"{text}, nonlinearity={nonlinearity}"


class RNNCell(RNNCellBase):
    r"""One step of :class:`RNN`: input (N, in) and hidden state (N, hidden) to a new state.

    Follows ``torch.nn.RNNCell``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.RNNCell(10, 20)(ones(3, 10), ones(3, 20)).shape
    torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the new hidden state."""
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        states = None if hx is None else (hx,)
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, states, ("hidden",))[0]


class LSTMCell(RNNCellBase):
    r"""One step of :class:`LSTM`: input (N, in) and states (N, hidden) to new states (h, c).

    Follows ``torch.nn.LSTMCell``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> h, c = nn.LSTMCell(10, 20)(ones(3, 10))
    >>> h.shape, c.shape
    (torch.Size([3, 20]), torch.Size([3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(
        self,
        input: Tensor,
        hx: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Return the new hidden state and cell."""
        return self._step("LSTM", input, hx, ("hx[0]", "hx[1]"))  # type: ignore[return-value]


class GRUCell(RNNCellBase):
    r"""One step of :class:`GRU`: input (N, in) and hidden state (N, hidden) to a new state.

    Follows ``torch.nn.GRUCell``.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> nn.GRUCell(10, 20)(ones(3, 10), ones(3, 20)).shape
    torch.Size([3, 20])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """Return the new hidden state."""
        return self._step("GRU", input, None if hx is None else (hx,), ("hidden",))[0]
