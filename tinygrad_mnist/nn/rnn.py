"""Recurrent layers; their single steps are in :mod:`~tinygrad_mnist.nn.rnn_cells`."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.autograd.views import forget_base
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import Parameter, unfilled
from tinygrad_mnist.nn.utils.rnn import PackedSequence
from tinygrad_mnist.ops import dtypes, recurrent
from tinygrad_mnist.tensor import Tensor, cat, stack
from tinygrad_mnist.tensor.device import check_device

Sizes = tuple[int, ...]
States = tuple[Tensor, ...]

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


def zero_state(shape: Sizes, like: Tensor) -> Tensor:
    """Return the state to begin with, in the dtype of the inputs."""
    return wrap(np.zeros(shape, like._array.dtype))


def run_layer(
    mode: str, x: Tensor, states: States, weights: list[Any], sizes: Sizes, reverse: bool
) -> tuple[Tensor, States]:
    """Run one layer in one direction: return the rows of all steps, and the last states.

    The weights are those of the inputs and of the hidden states, their biases (or None), and the
    projection (or None).
    """
    from_x, from_h, bias_x, bias_h, projection = weights
    settings: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
    last = recurrent.last_rows(sizes, reverse)
    if mode == "GRU":
        rows = apply(
            recurrent.gru, F.linear(x, from_x, bias_x), *states, from_h, bias_h, **settings
        )
        return rows, (rows[last],)
    # One product brings the inputs of all steps in.
    x = F.linear(x, from_x, None if bias_x is None else bias_x + bias_h)
    if projection is not None:
        h, c = states
        rows, cells = recurrent.lstm_by_steps(x, h, c, from_h, projection, **settings)
        return rows, (rows[last], cells)
    if mode == "LSTM":
        both = apply(recurrent.lstm, x, *states, from_h, **settings)
        rows, cells = forget_base(both[: len(x)]), forget_base(both[len(x) :])
        return rows, (rows[last], cells)
    nonlinearity = mode.removeprefix("RNN_").lower()
    rows = apply(recurrent.rnn, x, *states, from_h, nonlinearity=nonlinearity, **settings)
    return rows, (rows[last],)


class RNNBase(Module):
    """What :class:`RNN`, :class:`LSTM` and :class:`GRU` have in common.

    Follows ``torch.nn.RNNBase``.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        check_device(device)
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}; choose one of {', '.join(GATES)}")
        self._check(dropout, num_layers, proj_size)
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(value, int):
                raise TypeError(f"{name} should be of type int, got: {type(value).__name__}")
        sizes = {"input_size": input_size, "hidden_size": hidden_size, "num_layers": num_layers}
        for name, value in sizes.items():
            if value <= 0:
                raise ValueError(f"{name} must be greater than zero, got {value}")
        if proj_size < 0:
            raise ValueError(
                "proj_size should be a positive integer or zero to disable projections"
            )
        if proj_size >= hidden_size:
            raise ValueError(
                f"proj_size has to be smaller than hidden_size, got {proj_size} and {hidden_size}"
            )
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        kind = dtypes.as_float(dtype)
        rows, width = GATES[mode] * hidden_size, proj_size or hidden_size
        for layer, suffix in self._suffixes():
            columns = input_size if layer == 0 else width * self._directions
            setattr(self, f"weight_ih_{suffix}", unfilled(rows, columns, kind=kind))
            setattr(self, f"weight_hh_{suffix}", unfilled(rows, width, kind=kind))
            if bias:
                setattr(self, f"bias_ih_{suffix}", Parameter(wrap(np.empty(rows, kind))))
                setattr(self, f"bias_hh_{suffix}", Parameter(wrap(np.empty(rows, kind))))
            if proj_size:
                setattr(self, f"weight_hr_{suffix}", unfilled(width, hidden_size, kind=kind))
        self.reset_parameters()

    @staticmethod
    def _check(dropout: Any, num_layers: int, proj_size: int) -> None:
        number = isinstance(dropout, numbers.Number) and not isinstance(dropout, bool)
        if not number or not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an "
                f"element being zeroed, got {dropout!r}"
            )
        if dropout > 0 and num_layers == 1:
            warn(
                f"dropout option adds dropout after all but last recurrent layer, so non-zero "
                f"dropout expects num_layers greater than 1, but got dropout={dropout} and "
                f"num_layers={num_layers}"
            )

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _suffixes(self) -> Iterator[tuple[int, str]]:
        """Yield the number of each layer and the end of its parameters' names."""
        for layer in range(self.num_layers):
            yield layer, f"l{layer}"
            if self.bidirectional:
                yield layer, f"l{layer}_reverse"

    def reset_parameters(self) -> None:
        """Draw all parameters anew, uniformly between ±1/sqrt(hidden_size)."""
        bound = 1 / math.sqrt(self.hidden_size)
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [
            [getattr(self, name) for name in self._parameters if name.endswith(f"_{suffix}")]
            for _, suffix in self._suffixes()
        ]

    def flatten_parameters(self) -> None:
        """Return at once: only a GPU wants the parameters to lie in one piece of memory."""

    def forward(self, input: Any, hx: Any = None) -> Any:
        """Return the hidden states of the last layer at every step, and the last states of all.

        Parameters
        ----------
        input
            Shape (T, N, input_size), or (N, T, input_size) with ``batch_first``; (T, input_size)
            for a single sequence; or a :class:`~tinygrad_mnist.nn.utils.rnn.PackedSequence`.
        hx
            The first states, (layers * directions, N, hidden_size) each, without N for a single
            sequence; zeros if left out.
        """
        if isinstance(input, PackedSequence):
            data, batch_sizes, order, way_back = input
            sizes = tuple(batch_sizes.tolist())
            batched = True
        else:
            data, sizes, batched = self._flat(input)
            order = way_back = None
        self._check_input(data)
        states = self._first_states(data, sizes[0], batched, hx, order)
        data, states = self._layers(data, states, sizes)
        if way_back is not None:
            states = tuple(state.index_select(1, way_back) for state in states)
        if not batched:
            states = tuple(state.squeeze(1) for state in states)
        last = states if self.mode == "LSTM" else states[0]
        if isinstance(input, PackedSequence):
            return input._replace(data=data), last
        if not batched:
            return data, last
        out = data.reshape(len(sizes), sizes[0], data.shape[-1])
        return forget_base(out.transpose(0, 1) if self.batch_first else out), last

    def _flat(self, input: Tensor) -> tuple[Tensor, Sizes, bool]:
        """Bring an input to rows, time by time; return them, the sizes of the steps, and whether
        there was a batch.
        """  # noqa: D205
        if input.dim() not in (2, 3):
            raise ValueError(
                f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead"
            )
        batched = input.dim() == 3
        if not batched:
            input = input.unsqueeze(1)
        elif self.batch_first:
            input = input.transpose(0, 1)
        time, batch, features = input.shape
        if time == 0:
            raise RuntimeError(
                f"{self._get_name()}: Expected sequence length to be larger than 0 in RNN"
            )
        return input.reshape(time * batch, features), (batch,) * time, batched

    def _check_input(self, data: Tensor) -> None:
        weight: Tensor = self.weight_ih_l0
        if data._array.dtype != weight._array.dtype:
            raise ValueError(
                f"RNN input dtype ({data.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: "
                f"model.to({data.dtype})"
            )
        if data.dim() != 2 or data.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{data.shape[-1] if data.dim() == 2 else list(data.shape)}"
            )

    def _first_states(
        self, data: Tensor, batch: int, batched: bool, hx: Any, order: Tensor | None
    ) -> States:
        """Return the first states, (layers * directions, N, width) each, in the order of data."""
        count = self.num_layers * self._directions
        shapes = [(count, batch, self.proj_size or self.hidden_size)]
        if self.mode == "LSTM":
            shapes.append((count, batch, self.hidden_size))
        if hx is None:
            return tuple(zero_state(shape, data) for shape in shapes)
        states = tuple(hx) if self.mode == "LSTM" else (hx,)
        if len(states) != len(shapes):
            raise RuntimeError(
                f"{self._get_name()}: expected a pair of states (h_0, c_0), got {len(states)}"
            )
        dims = 3 if batched else 2
        if any(state.dim() != dims for state in states):
            names = "hx and cx" if self.mode == "LSTM" else "hx"
            have = ", ".join(f"{state.dim()}-D" for state in states)
            what = "batched 3-D" if batched else "unbatched 2-D"
            raise RuntimeError(
                f"For {what} input, {names} should also be {dims}-D but got {have} tensors"
            )
        if not batched:
            states = tuple(state.unsqueeze(1) for state in states)
        for i, (state, shape) in enumerate(zip(states, shapes, strict=True)):
            if tuple(state.shape) != shape:
                which = f"hidden[{i}]" if self.mode == "LSTM" else "hidden"
                raise RuntimeError(f"Expected {which} size {shape}, got {list(state.shape)}")
            if state._array.dtype != data._array.dtype:
                raise RuntimeError(
                    f"input and hidden states must have the same dtype, got {data.dtype} and "
                    f"{state.dtype}"
                )
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
        return states

    def _layers(self, x: Tensor, states: States, sizes: Sizes) -> tuple[Tensor, States]:
        """Run all layers, in both directions if asked to, with dropout in between."""
        last: list[States] = []
        for layer in range(self.num_layers):
            if layer and self.dropout:
                x = F.dropout(x, self.dropout, self.training)
            outs = []
            for reverse in range(self._directions):
                suffix = f"l{layer}_reverse" if reverse else f"l{layer}"
                weights = [
                    getattr(self, f"{name}_{suffix}", None)
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                ]
                first = tuple(state[len(last)] for state in states)
                rows, ends = run_layer(self.mode, x, first, weights, sizes, bool(reverse))
                outs.append(rows)
                last.append(ends)
            x = outs[0] if len(outs) == 1 else cat(outs, dim=1)
        return x, tuple(stack(part) for part in zip(*last, strict=True))

    def extra_repr(self) -> str:
        """Return the settings."""
        settings = {
            "proj_size": self.proj_size or None,
            "num_layers": None if self.num_layers == 1 else self.num_layers,
            "bias": None if self.bias is True else self.bias,
            "batch_first": self.batch_first or None,
            "dropout": self.dropout or None,
            "bidirectional": self.bidirectional or None,
        }
        shown = [f"{name}={value}" for name, value in settings.items() if value is not None]
        return ", ".join([str(self.input_size), str(self.hidden_size), *shown])


class RNN(RNNBase):
    r"""Layers of simple recurrent units (Elman, 1990). Follows ``torch.nn.RNN``.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    or a rectified linear unit in place of tanh, with ``nonlinearity="relu"``.

    Raises
    ------
    ValueError, TypeError
        When a size, the dropout or the nonlinearity makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> out, h_n = nn.RNN(10, 20, 2)(ones(5, 3, 10))
    >>> out.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        _refuse_projection(proj_size)
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, 0, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    r"""Layers of long short-term memory (Hochreiter and Schmidhuber, 1997).

    .. math::
        i, f, g, o &= W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh} \\
        c_t &= \sigma(f) c_{t-1} + \sigma(i) \tanh(g) \\
        h_t &= \sigma(o) \tanh(c_t)

    With ``proj_size`` a further weight makes h shorter than c. Follows ``torch.nn.LSTM``.

    Raises
    ------
    ValueError, TypeError
        When a size or the dropout makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> out, (h_n, c_n) = nn.LSTM(10, 20, batch_first=True)(ones(3, 5, 10))
    >>> out.shape, h_n.shape, c_n.shape
    (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]), torch.Size([1, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            "LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            proj_size, device, dtype,
        )  # fmt: skip


class GRU(RNNBase):
    r"""Layers of gated recurrent units (Cho et al., 2014). Follows ``torch.nn.GRU``.

    .. math::
        r, z &= \sigma(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        n &= \tanh(W_{in} x_t + b_{in} + r (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z) n + z h_{t-1}

    Raises
    ------
    ValueError, TypeError
        When a size or the dropout makes no sense.

    Examples
    --------
    >>> from tinygrad_mnist import nn, ones
    >>> out, h_n = nn.GRU(10, 20, bidirectional=True)(ones(5, 3, 10))
    >>> out.shape, h_n.shape
    (torch.Size([5, 3, 40]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        _refuse_projection(proj_size)
        super().__init__(
            "GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional,
            0, device, dtype,
        )  # fmt: skip


def _refuse_projection(proj_size: int) -> None:
    if proj_size:
        raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
