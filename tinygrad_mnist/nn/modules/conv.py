"""Convolutions, and what their layers have in common."""

from tinygrad_mnist.nn.convolution import Conv1d as Conv1d
from tinygrad_mnist.nn.convolution import Conv2d as Conv2d
from tinygrad_mnist.nn.convolution import _Convolution

_ConvNd = _Convolution
