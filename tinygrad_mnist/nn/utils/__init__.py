"""Helpers for the parameters of modules, and for sequences."""

from tinygrad_mnist.nn.utils import rnn as rnn
from tinygrad_mnist.nn.utils.clip import clip_grad_norm_ as clip_grad_norm_
from tinygrad_mnist.nn.utils.clip import clip_grad_value_ as clip_grad_value_
from tinygrad_mnist.nn.utils.convert import parameters_to_vector as parameters_to_vector
from tinygrad_mnist.nn.utils.convert import vector_to_parameters as vector_to_parameters
