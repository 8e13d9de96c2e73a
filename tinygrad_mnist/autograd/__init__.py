"""Reverse-mode differentiation: the graph, the backward pass, modes, and the checker.

This package knows arrays and ``TensorBase``, the base class of Tensor.
"""

from tinygrad_mnist.autograd import functional as functional
from tinygrad_mnist.autograd import graph as graph
from tinygrad_mnist.autograd import saving
from tinygrad_mnist.autograd.anomaly import detect_anomaly as detect_anomaly
from tinygrad_mnist.autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from tinygrad_mnist.autograd.anomaly import set_detect_anomaly as set_detect_anomaly
from tinygrad_mnist.autograd.api import backward as backward
from tinygrad_mnist.autograd.api import grad as grad
from tinygrad_mnist.autograd.function import Function as Function
from tinygrad_mnist.autograd.gradcheck import GradcheckError as GradcheckError
from tinygrad_mnist.autograd.gradcheck import gradcheck as gradcheck
from tinygrad_mnist.autograd.gradcheck import gradgradcheck as gradgradcheck
from tinygrad_mnist.autograd.graph import Node as Node
from tinygrad_mnist.autograd.graph import apply as apply
from tinygrad_mnist.autograd.graph import apply_multi as apply_multi
from tinygrad_mnist.autograd.modes import enable_grad as enable_grad
from tinygrad_mnist.autograd.modes import inference_mode as inference_mode
from tinygrad_mnist.autograd.modes import is_grad_enabled as is_grad_enabled
from tinygrad_mnist.autograd.modes import is_inference_mode_enabled as is_inference_mode_enabled
from tinygrad_mnist.autograd.modes import no_grad as no_grad
from tinygrad_mnist.autograd.modes import set_grad_enabled as set_grad_enabled
from tinygrad_mnist.autograd.variable import Variable as Variable

__all__ = [
    "Function", "GradcheckError", "Variable", "backward", "detect_anomaly", "enable_grad",
    "functional", "grad", "gradcheck", "gradgradcheck", "graph", "inference_mode",
    "is_anomaly_enabled", "is_grad_enabled", "is_inference_mode_enabled", "no_grad",
    "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip

# PyTorch has these in torch.autograd.graph; here they import the graph.
for _name in saving.__all__:
    setattr(graph, _name, getattr(saving, _name))
graph.__all__ += saving.__all__
