"""Recurrent layers, and cells: single steps of them."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterator
from sys import intern  # Python keeps each new string that it looks up on a class
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import numpy as np

from tinygrad_mnist._runtime.naming import warn
from tinygrad_mnist.autograd.graph import apply, wrap
from tinygrad_mnist.autograd.views import forget_base
from tinygrad_mnist.nn import init
from tinygrad_mnist.nn.dropout import dropout as drop
from tinygrad_mnist.nn.linear import linear
from tinygrad_mnist.nn.module import Module
from tinygrad_mnist.nn.parameter import MaybeTensor, Parameter, unfilled
from tinygrad_mnist.nn.utils.rnn import PackedSequence
from tinygrad_mnist.ops import dtypes, recurrent
from tinygrad_mnist.ops.dtypes import DTypeLike
from tinygrad_mnist.tensor import Tensor, cat, stack
from tinygrad_mnist.tensor.device import DeviceLike, check_device

Nonlinearity: TypeAlias = Literal["tanh", "relu"]
Sizes = tuple[int, ...]
States = tuple[Tensor, ...]
S = TypeVar("S", Tensor, PackedSequence)
H = TypeVar("H")
"""The hidden states: a tensor, or a pair of them."""

GATES = {"RNN_TANH": 1, "RNN_RELU": 1, "LSTM": 4, "GRU": 3}


class Weights(NamedTuple):
    """The weights of the inputs and of the hidden states, their biases, and the projection."""

    of_x: Tensor
    of_h: Tensor
    bias_x: Tensor | None = None
    bias_h: Tensor | None = None
    projection: Tensor | None = None


def recurrent_layer(
    mode: str, x: Tensor, states: States, weights: Weights, sizes: Sizes, reverse: bool = False
) -> tuple[Tensor, States]:
    """Run one layer in one direction: return the rows of all steps, and the last states."""
    of_x, of_h, bias_x, bias_h, projection = weights
    settings: dict[str, Any] = {"sizes": sizes, "reverse": reverse}
    last = recurrent.last_rows(sizes, reverse)
    if mode == "GRU":
        rows = apply(recurrent.gru, linear(x, of_x, bias_x), *states, of_h, bias_h, **settings)
        return rows, (rows[last],)
    # One product brings the inputs of all steps in.
    x = linear(x, of_x, None if bias_x is None or bias_h is None else bias_x + bias_h)
    if projection is not None:
        h, c = states
        rows, cells = recurrent.lstm_by_steps(x, h, c, of_h, projection, **settings)
        return rows, (rows[last], cells)
    if mode == "LSTM":
        both = apply(recurrent.lstm, x, *states, of_h, **settings)
        rows, cells = forget_base(both[: len(x)]), forget_base(both[len(x) :])
        return rows, (rows[last], cells)
    nonlinearity = mode.removeprefix("RNN_").lower()
    rows = apply(recurrent.rnn, x, *states, of_h, nonlinearity=nonlinearity, **settings)
    return rows, (rows[last],)


def zero_state(shape: Sizes, like: Tensor) -> Tensor:
    """Return the state to begin with, in the dtype of the inputs."""
    return wrap(np.zeros(shape, like._array.dtype))


class RNNBase(Module, Generic[H]):
    """The base of :class:`RNN`, :class:`LSTM` and :class:`GRU`.

    Shapes: those of :class:`RNN`. Follows ``torch.nn.RNNBase``.

    Parameters
    ----------
    mode
        ``"RNN_TANH"``, ``"RNN_RELU"``, ``"LSTM"`` or ``"GRU"``.
    input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size
        As in :class:`LSTM`.
    device, dtype
        Where the parameters are (the CPU), and their dtype.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> [name for name, _ in nn.RNNBase("GRU", 10, 20).named_parameters()]
    ['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0', 'bias_hh_l0']
    """

    _shown = (
        "input_size hidden_size proj_size? num_layers? bias? batch_first? dropout? bidirectional?"
    )
    bias: bool

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
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__()
        check_device(device)
        if proj_size and mode != "LSTM":
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        if mode not in GATES:
            raise ValueError(f"Unrecognized RNN mode: {mode}; choose one of {', '.join(GATES)}")
        self._check(dropout, num_layers)
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
    def _check(dropout: float, num_layers: int) -> None:
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
            for end in ("", "_reverse")[: self._directions]:
                yield layer, f"l{layer}{end}"

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

    if TYPE_CHECKING:  # mypy can't derive a generic call from forward

        def __call__(self, input: S, hx: H | None = None) -> tuple[S, H]:  # type: ignore[override]
            """Return what forward returns."""

    def forward(self, input: S, hx: H | None = None) -> tuple[S, H]:
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
        last: Any = states if self.mode == "LSTM" else states[0]
        if isinstance(input, PackedSequence):
            return input._replace(data=data), last
        if not batched:
            return data, last
        out = data.reshape(len(sizes), sizes[0], data.shape[-1])
        return forget_base(out.transpose(0, 1) if self.batch_first else out), last

    def _flat(self, input: Tensor) -> tuple[Tensor, Sizes, bool]:
        """Return an input's rows, time by time; the sizes of the steps; whether it is a batch."""
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
        states: States = tuple(hx) if self.mode == "LSTM" else (hx,)
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
                x = drop(x, self.dropout, self.training)
            outs = []
            for reverse in range(self._directions):
                suffix = f"l{layer}_reverse" if reverse else f"l{layer}"
                parts: list[Any] = [
                    getattr(self, intern(f"{name}_{suffix}"), None)
                    for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr")
                ]
                first = tuple(state[len(last)] for state in states)
                rows, ends = recurrent_layer(
                    self.mode, x, first, Weights(*parts), sizes, bool(reverse)
                )
                outs.append(rows)
                last.append(ends)
            x = outs[0] if len(outs) == 1 else cat(outs, dim=1)
        return x, tuple(stack(part) for part in zip(*last, strict=True))


class RNN(RNNBase[Tensor]):
    r"""Layers of simple recurrent units (Elman, 1990). Follows ``torch.nn.RNN``.

    .. math:: h_t = \tanh(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh})

    or a rectified linear unit in place of tanh, with ``nonlinearity="relu"``.

    The parameters of layer k are ``weight_ih_lk``, of shape (H, features), ``weight_hh_lk``, of
    shape (H, H), ``bias_ih_lk`` and ``bias_hh_lk``; all start uniform between
    :math:`\pm 1/\sqrt{H}`.

    Shapes: input (T, N, input_size), output (T, N, H), or (T, N, 2H) in both directions, last
    states (layers * directions, N, H). Called with the first states too, which are 0 unless given.
    N may be left out; a :class:`~nn.utils.rnn.PackedSequence` has sequences of different lengths.

    Parameters
    ----------
    input_size
        The number of features of a step.
    hidden_size
        The number of elements H of a hidden state.
    num_layers
        How many layers there are; each gets the states of the one before.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    bias
        Whether there are biases.
    batch_first
        Whether the batch, not time, is the first dimension.
    dropout
        The probability with which a state is zeroed between layers, in training.
    bidirectional
        Whether each layer goes through the sequence backwards, too; both states are put together.
    proj_size
        Must be 0.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError, TypeError
        When a size, the dropout or the nonlinearity makes no sense.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> out, h_n = nn.RNN(10, 20, 2)(torch.ones(5, 3, 10))
    >>> out.shape, h_n.shape
    (torch.Size([5, 3, 20]), torch.Size([2, 3, 20]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: Nonlinearity = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'."
            )
        super().__init__(
            f"RNN_{nonlinearity.upper()}", input_size, hidden_size, num_layers, bias, batch_first,
            dropout, bidirectional, proj_size, device, dtype,
        )  # fmt: skip
        self.nonlinearity = nonlinearity


class _Gated(RNNBase[H]):
    _mode: str

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
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(
            self._mode, input_size, hidden_size, num_layers, bias, batch_first, dropout,
            bidirectional, proj_size, device, dtype,
        )  # fmt: skip


class LSTM(_Gated[tuple[Tensor, Tensor]]):
    r"""Layers of long short-term memory (Hochreiter and Schmidhuber, 1997).

    .. math::
        i, f, g, o &= W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh} \\
        c_t &= \sigma(f) c_{t-1} + \sigma(i) \tanh(g) \\
        h_t &= \sigma(o) \tanh(c_t)

    With ``proj_size`` a further weight makes h shorter than c.

    The parameters of layer k are ``weight_ih_lk``, of shape (4H, features), ``weight_hh_lk``, of
    shape (4H, H), ``bias_ih_lk`` and ``bias_hh_lk``; all start uniform between
    :math:`\pm 1/\sqrt{H}`.

    Shapes: input (T, N, input_size), output (T, N, H), or (T, N, 2H) in both directions, last
    states h and c (layers * directions, N, H), as a pair. Called with a pair of first states too,
    which are 0 unless given. Follows ``torch.nn.LSTM``.

    Parameters
    ----------
    input_size
        The number of features of a step.
    hidden_size
        The number of elements H of a state.
    num_layers
        How many layers there are; each gets the states of the one before.
    bias
        Whether there are biases.
    batch_first
        Whether the batch, not time, is the first dimension.
    dropout
        The probability with which a state is zeroed between layers, in training.
    bidirectional
        Whether each layer goes through the sequence backwards, too; both states are put together.
    proj_size
        The length of h, where a further weight makes it shorter than c; 0: none.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError, TypeError
        When a size or the dropout makes no sense.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> out, (h_n, c_n) = nn.LSTM(10, 20, batch_first=True)(torch.ones(3, 5, 10))
    >>> out.shape, h_n.shape, c_n.shape
    (torch.Size([3, 5, 20]), torch.Size([1, 3, 20]), torch.Size([1, 3, 20]))
    """

    _mode = "LSTM"


class GRU(_Gated[Tensor]):
    r"""Layers of gated recurrent units (Cho et al., 2014).

    .. math::
        r, z &= \sigma(W_{ih} x_t + b_{ih} + W_{hh} h_{t-1} + b_{hh}) \\
        n &= \tanh(W_{in} x_t + b_{in} + r (W_{hn} h_{t-1} + b_{hn})) \\
        h_t &= (1 - z) n + z h_{t-1}

    The parameters of layer k are ``weight_ih_lk``, of shape (3H, features), ``weight_hh_lk``, of
    shape (3H, H), ``bias_ih_lk`` and ``bias_hh_lk``; all start uniform between
    :math:`\pm 1/\sqrt{H}`.

    Shapes: input (T, N, input_size), output (T, N, H), or (T, N, 2H) in both directions, last
    states (layers * directions, N, H). Called with the first states too, which are 0 unless given.
    Follows ``torch.nn.GRU``.

    Parameters
    ----------
    input_size
        The number of features of a step.
    hidden_size
        The number of elements H of a hidden state.
    num_layers
        How many layers there are; each gets the states of the one before.
    bias
        Whether there are biases.
    batch_first
        Whether the batch, not time, is the first dimension.
    dropout
        The probability with which a state is zeroed between layers, in training.
    bidirectional
        Whether each layer goes through the sequence backwards, too; both states are put together.
    proj_size
        Must be 0.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Raises
    ------
    ValueError, TypeError
        When a size or the dropout makes no sense.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> out, h_n = nn.GRU(10, 20, bidirectional=True)(torch.ones(5, 3, 10))
    >>> out.shape, h_n.shape
    (torch.Size([5, 3, 40]), torch.Size([2, 3, 20]))
    """

    _mode = "GRU"


class RNNCellBase(Module):
    """One step of a recurrent layer: the base of cells.

    Shapes: weights (num_chunks * hidden_size, ...). Follows ``torch.nn.RNNCellBase``.

    Parameters
    ----------
    input_size, hidden_size
        The numbers of features, and of elements of a hidden state.
    bias
        Whether there are biases.
    num_chunks
        How many vectors are computed from each: 4 for an LSTM.
    device, dtype
        Where the parameters are (the CPU), and their dtype.

    Examples
    --------
    >>> from tinygrad_mnist import nn
    >>> nn.RNNCellBase(10, 20, bias=True, num_chunks=4).weight_ih.shape
    torch.Size([80, 10])
    """

    _shown = "input_size hidden_size"

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: MaybeTensor
    bias_hh: MaybeTensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
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
        weights = Weights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        # The rows of the only step are the state, and not a view of anything.
        rows, states = recurrent_layer(mode, x, tuple(states), weights, (x.shape[0],))
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


class RNNCell(RNNCellBase):
    """One step of :class:`RNN`: input (N, in) and hidden state (N, hidden) to a new state.

    Follows ``torch.nn.RNNCell``.

    Parameters
    ----------
    input_size, hidden_size
        The numbers of features, and of elements of a hidden state.
    bias
        Whether there are biases.
    nonlinearity
        ``"tanh"`` or ``"relu"``.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.RNNCell(10, 20)(torch.ones(3, 10), torch.ones(3, 20)).shape
    torch.Size([3, 20])
    """

    _shown = "input_size hidden_size bias? nonlinearity?"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: Nonlinearity = "tanh",
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        if self.nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {self.nonlinearity}")
        states = None if hx is None else (hx,)
        return self._step(f"RNN_{self.nonlinearity.upper()}", input, states, ("hidden",))[0]


class _GatedCell(RNNCellBase):
    _shown = "input_size hidden_size bias?"
    _mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        device: DeviceLike | None = None,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(input_size, hidden_size, bias, GATES[self._mode], device, dtype)


class LSTMCell(_GatedCell):
    """One step of :class:`LSTM`: input (N, in) and states (N, hidden) to new states (h, c).

    Follows ``torch.nn.LSTMCell``.

    Parameters
    ----------
    input_size, hidden_size
        The numbers of features, and of elements of a state.
    bias
        Whether there are biases.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> h, c = nn.LSTMCell(10, 20)(torch.ones(3, 10))
    >>> h.shape, c.shape
    (torch.Size([3, 20]), torch.Size([3, 20]))
    """

    _mode = "LSTM"

    def forward(
        self, input: Tensor, hx: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, Tensor]:
        h, c = self._step(self._mode, input, hx, ("hx[0]", "hx[1]"))
        return h, c


class GRUCell(_GatedCell):
    """One step of :class:`GRU`: input (N, in) and hidden state (N, hidden) to a new state.

    Follows ``torch.nn.GRUCell``.

    Parameters
    ----------
    input_size, hidden_size
        The numbers of features, and of elements of a hidden state.
    bias
        Whether there are biases.
    device, dtype
        Where the parameters are (the CPU), and their dtype; float32 unless given.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist import nn
    >>> nn.GRUCell(10, 20)(torch.ones(3, 10), torch.ones(3, 20)).shape
    torch.Size([3, 20])
    """

    _mode = "GRU"

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        return self._step(self._mode, input, None if hx is None else (hx,), ("hidden",))[0]
