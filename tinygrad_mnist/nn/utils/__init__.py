"""Helpers for the parameters of modules, and for sequences."""

from tinygrad_mnist.nn.utils import rnn as rnn
from tinygrad_mnist.nn.utils.clip import clip_grad_norm as clip_grad_norm
from tinygrad_mnist.nn.utils.clip import clip_grad_norm_ as clip_grad_norm_
from tinygrad_mnist.nn.utils.clip import clip_grad_value_ as clip_grad_value_
from tinygrad_mnist.nn.utils.clip import clip_grads_with_norm_ as clip_grads_with_norm_
from tinygrad_mnist.nn.utils.clip import get_total_norm as get_total_norm
from tinygrad_mnist.nn.utils.convert import parameters_to_vector as parameters_to_vector
from tinygrad_mnist.nn.utils.convert import vector_to_parameters as vector_to_parameters
from tinygrad_mnist.nn.utils.weight_norm import remove_spectral_norm as remove_spectral_norm
from tinygrad_mnist.nn.utils.weight_norm import remove_weight_norm as remove_weight_norm
from tinygrad_mnist.nn.utils.weight_norm import spectral_norm as spectral_norm
from tinygrad_mnist.nn.utils.weight_norm import weight_norm as weight_norm
