"""Every layer takes one route: it calls its function, and the function an operation."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, ops
from tinygrad_mnist.autograd import graph
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.nn.rnn import recurrent_layer
from tinygrad_mnist.ops import recurrent
from tinygrad_mnist.ops.contract import Op

IMAGES = tg.ones(1, 2, 4, 4)


def code(function: Any) -> CodeType:
    """Return the code of a function, below its decorators."""
    function = inspect.unwrap(function)
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    return function.__code__  # type: ignore[no-any-return]


def walked(call: Callable[..., Any], *args: Any) -> list[CodeType | Op]:
    """Call a layer or function; return the code of each function on the way, and operations."""
    way: list[CodeType | Op] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            way.append(frame.f_code)
            if frame.f_code in (code(graph.apply), code(graph.apply_multi)):
                way.append(frame.f_locals["op"])

    sys.setprofile(note)
    try:
        call(*args)
    finally:
        sys.setprofile(None)
    return way


@pytest.mark.parametrize(
    ("layer", "x", "function", "operation"),
    [
        (nn.Linear(4, 3), tg.ones(2, 4), F.linear, ops.linear),
        (nn.ReLU(), tg.ones(2), F.relu, ops.relu),
        (nn.Softmax(0), tg.ones(2), F.softmax, ops.softmax),
        (nn.Conv1d(2, 3, 2), IMAGES[0, :, 0], F.conv1d, ops.conv),
        (nn.Conv2d(2, 3, 2), IMAGES, F.conv2d, ops.conv),
        (nn.ConvTranspose2d(2, 3, 2), IMAGES, F.conv_transpose2d, ops.conv_input),
        (nn.MaxPool2d(2), IMAGES, F.max_pool2d, ops.max_pool),
        (nn.BatchNorm2d(2), IMAGES, F.batch_norm, ops.standardize),
        (nn.LayerNorm(4), IMAGES, F.layer_norm, ops.standardize),
        (nn.ZeroPad2d(1), IMAGES, F.pad, ops.pad),
        (nn.LSTM(4, 3), tg.ones(2, 4), recurrent_layer, recurrent.lstm),
        (nn.GRUCell(4, 3), tg.ones(2, 4), recurrent_layer, recurrent.gru),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else None,
)
def test_layer_calls_its_function_and_that_an_operation(
    layer: nn.Module, x: tg.Tensor, function: Any, operation: Op
) -> None:
    way = iter(walked(layer, x))
    for step in (code(type(layer).forward), code(function), operation):
        assert step in way, step  # what is left of the way begins behind it


def files(call: Callable[..., Any], *args: Any) -> set[str]:
    """Return the package's files that a call passes through."""
    root = str(Path(tg.__file__).parent)
    names = {step.co_filename for step in walked(call, *args) if isinstance(step, CodeType)}
    return {name for name in names if name.startswith(root)}


def test_a_linear_layer_and_its_backward_pass_go_through_few_files() -> None:
    layer, x = nn.Linear(3, 2), tg.ones(1, 3)
    layer(x).sum().backward()  # what is done once, such as the plan of an operation, is done here
    assert len(files(layer, x)) <= 7
    assert len(files(layer(x).sum().backward)) <= 11
