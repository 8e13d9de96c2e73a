"""A mini deep-learning framework on NumPy, under PyTorch's names.

>>> import tinygrad_mnist as torch
>>> x = torch.tensor([1.0, 2.0], requires_grad=True)
>>> (x * x).sum().backward()
>>> x.grad
tensor([2., 4.])
"""

import importlib
import sys as _sys
from math import e as e
from math import inf as inf
from math import nan as nan
from math import pi as pi
from typing import TYPE_CHECKING

from tinygrad_mnist import amp as amp
from tinygrad_mnist import autograd as autograd
from tinygrad_mnist import backends as backends
from tinygrad_mnist import cuda as cuda
from tinygrad_mnist import func as func
from tinygrad_mnist import linalg as linalg
from tinygrad_mnist import nn as nn
from tinygrad_mnist import optim as optim
from tinygrad_mnist import random as random
from tinygrad_mnist import safetensors as safetensors
from tinygrad_mnist import special as special
from tinygrad_mnist import utils as utils
from tinygrad_mnist._runtime.allocator import keep_freed_memory as _keep_freed_memory
from tinygrad_mnist._runtime.naming import locate as _locate
from tinygrad_mnist._runtime.threads import get_num_threads as get_num_threads
from tinygrad_mnist._runtime.threads import set_num_threads as set_num_threads
from tinygrad_mnist.amp import autocast as autocast
from tinygrad_mnist.autograd import enable_grad as enable_grad
from tinygrad_mnist.autograd import inference_mode as inference_mode
from tinygrad_mnist.autograd import is_grad_enabled as is_grad_enabled
from tinygrad_mnist.autograd import is_inference_mode_enabled as is_inference_mode_enabled
from tinygrad_mnist.autograd import no_grad as no_grad
from tinygrad_mnist.autograd import set_grad_enabled as set_grad_enabled
from tinygrad_mnist.compat import unsupported as _unsupported
from tinygrad_mnist.compat.settings import (
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
)
from tinygrad_mnist.compat.settings import get_default_device as get_default_device
from tinygrad_mnist.compat.settings import (
    get_float32_matmul_precision as get_float32_matmul_precision,
)
from tinygrad_mnist.compat.settings import set_default_device as set_default_device
from tinygrad_mnist.compat.settings import set_default_tensor_type as set_default_tensor_type
from tinygrad_mnist.compat.settings import (
    set_float32_matmul_precision as set_float32_matmul_precision,
)
from tinygrad_mnist.compat.settings import (
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from tinygrad_mnist.func import vmap as vmap
from tinygrad_mnist.linalg.products import chain_matmul as chain_matmul
from tinygrad_mnist.nn.functional import celu as celu
from tinygrad_mnist.nn.functional import conv1d as conv1d
from tinygrad_mnist.nn.functional import conv2d as conv2d
from tinygrad_mnist.nn.functional import conv_transpose2d as conv_transpose2d
from tinygrad_mnist.nn.functional import cosine_similarity as cosine_similarity
from tinygrad_mnist.nn.functional import pairwise_distance as pairwise_distance
from tinygrad_mnist.nn.functional import pixel_shuffle as pixel_shuffle
from tinygrad_mnist.nn.functional import prelu as prelu
from tinygrad_mnist.nn.functional import rms_norm as rms_norm
from tinygrad_mnist.nn.functional import selu as selu
from tinygrad_mnist.serialization import load as load
from tinygrad_mnist.serialization import save as save
from tinygrad_mnist.tensor import BoolTensor as BoolTensor
from tinygrad_mnist.tensor import ByteTensor as ByteTensor
from tinygrad_mnist.tensor import CharTensor as CharTensor
from tinygrad_mnist.tensor import DoubleTensor as DoubleTensor
from tinygrad_mnist.tensor import FloatTensor as FloatTensor
from tinygrad_mnist.tensor import Generator as Generator
from tinygrad_mnist.tensor import HalfTensor as HalfTensor
from tinygrad_mnist.tensor import IntTensor as IntTensor
from tinygrad_mnist.tensor import LongTensor as LongTensor
from tinygrad_mnist.tensor import ShortTensor as ShortTensor
from tinygrad_mnist.tensor import Size as Size
from tinygrad_mnist.tensor import Tensor as Tensor
from tinygrad_mnist.tensor import abs as abs
from tinygrad_mnist.tensor import absolute as absolute
from tinygrad_mnist.tensor import acos as acos
from tinygrad_mnist.tensor import acosh as acosh
from tinygrad_mnist.tensor import add as add
from tinygrad_mnist.tensor import addbmm as addbmm
from tinygrad_mnist.tensor import addcdiv as addcdiv
from tinygrad_mnist.tensor import addcmul as addcmul
from tinygrad_mnist.tensor import addmm as addmm
from tinygrad_mnist.tensor import addmv as addmv
from tinygrad_mnist.tensor import addr as addr
from tinygrad_mnist.tensor import all as all
from tinygrad_mnist.tensor import allclose as allclose
from tinygrad_mnist.tensor import amax as amax
from tinygrad_mnist.tensor import amin as amin
from tinygrad_mnist.tensor import aminmax as aminmax
from tinygrad_mnist.tensor import any as any
from tinygrad_mnist.tensor import arange as arange
from tinygrad_mnist.tensor import arccos as arccos
from tinygrad_mnist.tensor import arccosh as arccosh
from tinygrad_mnist.tensor import arcsin as arcsin
from tinygrad_mnist.tensor import arcsinh as arcsinh
from tinygrad_mnist.tensor import arctan as arctan
from tinygrad_mnist.tensor import arctan2 as arctan2
from tinygrad_mnist.tensor import arctanh as arctanh
from tinygrad_mnist.tensor import argmax as argmax
from tinygrad_mnist.tensor import argmin as argmin
from tinygrad_mnist.tensor import argsort as argsort
from tinygrad_mnist.tensor import argwhere as argwhere
from tinygrad_mnist.tensor import as_strided as as_strided
from tinygrad_mnist.tensor import as_tensor as as_tensor
from tinygrad_mnist.tensor import asin as asin
from tinygrad_mnist.tensor import asinh as asinh
from tinygrad_mnist.tensor import atan as atan
from tinygrad_mnist.tensor import atan2 as atan2
from tinygrad_mnist.tensor import atanh as atanh
from tinygrad_mnist.tensor import atleast_1d as atleast_1d
from tinygrad_mnist.tensor import atleast_2d as atleast_2d
from tinygrad_mnist.tensor import atleast_3d as atleast_3d
from tinygrad_mnist.tensor import baddbmm as baddbmm
from tinygrad_mnist.tensor import bernoulli as bernoulli
from tinygrad_mnist.tensor import bfloat16 as bfloat16
from tinygrad_mnist.tensor import bincount as bincount
from tinygrad_mnist.tensor import bitwise_and as bitwise_and
from tinygrad_mnist.tensor import bitwise_left_shift as bitwise_left_shift
from tinygrad_mnist.tensor import bitwise_not as bitwise_not
from tinygrad_mnist.tensor import bitwise_or as bitwise_or
from tinygrad_mnist.tensor import bitwise_right_shift as bitwise_right_shift
from tinygrad_mnist.tensor import bitwise_xor as bitwise_xor
from tinygrad_mnist.tensor import block_diag as block_diag
from tinygrad_mnist.tensor import bmm as bmm
from tinygrad_mnist.tensor import bool as bool
from tinygrad_mnist.tensor import broadcast_shapes as broadcast_shapes
from tinygrad_mnist.tensor import broadcast_tensors as broadcast_tensors
from tinygrad_mnist.tensor import broadcast_to as broadcast_to
from tinygrad_mnist.tensor import bucketize as bucketize
from tinygrad_mnist.tensor import can_cast as can_cast
from tinygrad_mnist.tensor import cartesian_prod as cartesian_prod
from tinygrad_mnist.tensor import cat as cat
from tinygrad_mnist.tensor import cdist as cdist
from tinygrad_mnist.tensor import cdouble as cdouble
from tinygrad_mnist.tensor import ceil as ceil
from tinygrad_mnist.tensor import cfloat as cfloat
from tinygrad_mnist.tensor import channels_last as channels_last
from tinygrad_mnist.tensor import channels_last_3d as channels_last_3d
from tinygrad_mnist.tensor import cholesky as cholesky
from tinygrad_mnist.tensor import cholesky_inverse as cholesky_inverse
from tinygrad_mnist.tensor import cholesky_solve as cholesky_solve
from tinygrad_mnist.tensor import chunk as chunk
from tinygrad_mnist.tensor import clamp as clamp
from tinygrad_mnist.tensor import clamp_max as clamp_max
from tinygrad_mnist.tensor import clamp_min as clamp_min
from tinygrad_mnist.tensor import clip as clip
from tinygrad_mnist.tensor import clone as clone
from tinygrad_mnist.tensor import column_stack as column_stack
from tinygrad_mnist.tensor import complex64 as complex64
from tinygrad_mnist.tensor import complex128 as complex128
from tinygrad_mnist.tensor import concat as concat
from tinygrad_mnist.tensor import concatenate as concatenate
from tinygrad_mnist.tensor import contiguous_format as contiguous_format
from tinygrad_mnist.tensor import corrcoef as corrcoef
from tinygrad_mnist.tensor import cos as cos
from tinygrad_mnist.tensor import cosh as cosh
from tinygrad_mnist.tensor import count_nonzero as count_nonzero
from tinygrad_mnist.tensor import cov as cov
from tinygrad_mnist.tensor import cross as cross
from tinygrad_mnist.tensor import cummax as cummax
from tinygrad_mnist.tensor import cummin as cummin
from tinygrad_mnist.tensor import cumprod as cumprod
from tinygrad_mnist.tensor import cumsum as cumsum
from tinygrad_mnist.tensor import default_generator as default_generator
from tinygrad_mnist.tensor import deg2rad as deg2rad
from tinygrad_mnist.tensor import det as det
from tinygrad_mnist.tensor import device as device
from tinygrad_mnist.tensor import diag as diag
from tinygrad_mnist.tensor import diag_embed as diag_embed
from tinygrad_mnist.tensor import diagonal as diagonal
from tinygrad_mnist.tensor import diff as diff
from tinygrad_mnist.tensor import digamma as digamma
from tinygrad_mnist.tensor import dist as dist
from tinygrad_mnist.tensor import div as div
from tinygrad_mnist.tensor import divide as divide
from tinygrad_mnist.tensor import dot as dot
from tinygrad_mnist.tensor import double as double
from tinygrad_mnist.tensor import dstack as dstack
from tinygrad_mnist.tensor import dtype as dtype
from tinygrad_mnist.tensor import einsum as einsum
from tinygrad_mnist.tensor import empty as empty
from tinygrad_mnist.tensor import empty_like as empty_like
from tinygrad_mnist.tensor import eq as eq
from tinygrad_mnist.tensor import equal as equal
from tinygrad_mnist.tensor import erf as erf
from tinygrad_mnist.tensor import erfc as erfc
from tinygrad_mnist.tensor import erfinv as erfinv
from tinygrad_mnist.tensor import exp as exp
from tinygrad_mnist.tensor import exp2 as exp2
from tinygrad_mnist.tensor import expm1 as expm1
from tinygrad_mnist.tensor import eye as eye
from tinygrad_mnist.tensor import finfo as finfo
from tinygrad_mnist.tensor import fix as fix
from tinygrad_mnist.tensor import flatten as flatten
from tinygrad_mnist.tensor import flip as flip
from tinygrad_mnist.tensor import fliplr as fliplr
from tinygrad_mnist.tensor import flipud as flipud
from tinygrad_mnist.tensor import float as float
from tinygrad_mnist.tensor import float16 as float16
from tinygrad_mnist.tensor import float32 as float32
from tinygrad_mnist.tensor import float64 as float64
from tinygrad_mnist.tensor import float_power as float_power
from tinygrad_mnist.tensor import floor as floor
from tinygrad_mnist.tensor import floor_divide as floor_divide
from tinygrad_mnist.tensor import fmax as fmax
from tinygrad_mnist.tensor import fmin as fmin
from tinygrad_mnist.tensor import fmod as fmod
from tinygrad_mnist.tensor import frac as frac
from tinygrad_mnist.tensor import from_dlpack as from_dlpack
from tinygrad_mnist.tensor import from_numpy as from_numpy
from tinygrad_mnist.tensor import full as full
from tinygrad_mnist.tensor import full_like as full_like
from tinygrad_mnist.tensor import gather as gather
from tinygrad_mnist.tensor import ge as ge
from tinygrad_mnist.tensor import ger as ger
from tinygrad_mnist.tensor import get_default_dtype as get_default_dtype
from tinygrad_mnist.tensor import get_rng_state as get_rng_state
from tinygrad_mnist.tensor import greater as greater
from tinygrad_mnist.tensor import greater_equal as greater_equal
from tinygrad_mnist.tensor import gt as gt
from tinygrad_mnist.tensor import half as half
from tinygrad_mnist.tensor import heaviside as heaviside
from tinygrad_mnist.tensor import histc as histc
from tinygrad_mnist.tensor import hsplit as hsplit
from tinygrad_mnist.tensor import hstack as hstack
from tinygrad_mnist.tensor import hypot as hypot
from tinygrad_mnist.tensor import iinfo as iinfo
from tinygrad_mnist.tensor import index_add as index_add
from tinygrad_mnist.tensor import index_copy as index_copy
from tinygrad_mnist.tensor import index_fill as index_fill
from tinygrad_mnist.tensor import index_put as index_put
from tinygrad_mnist.tensor import index_select as index_select
from tinygrad_mnist.tensor import initial_seed as initial_seed
from tinygrad_mnist.tensor import inner as inner
from tinygrad_mnist.tensor import int as int
from tinygrad_mnist.tensor import int8 as int8
from tinygrad_mnist.tensor import int16 as int16
from tinygrad_mnist.tensor import int32 as int32
from tinygrad_mnist.tensor import int64 as int64
from tinygrad_mnist.tensor import inverse as inverse
from tinygrad_mnist.tensor import is_complex as is_complex
from tinygrad_mnist.tensor import is_floating_point as is_floating_point
from tinygrad_mnist.tensor import is_nonzero as is_nonzero
from tinygrad_mnist.tensor import is_tensor as is_tensor
from tinygrad_mnist.tensor import isclose as isclose
from tinygrad_mnist.tensor import isfinite as isfinite
from tinygrad_mnist.tensor import isin as isin
from tinygrad_mnist.tensor import isinf as isinf
from tinygrad_mnist.tensor import isnan as isnan
from tinygrad_mnist.tensor import isneginf as isneginf
from tinygrad_mnist.tensor import isposinf as isposinf
from tinygrad_mnist.tensor import kron as kron
from tinygrad_mnist.tensor import kthvalue as kthvalue
from tinygrad_mnist.tensor import layout as layout
from tinygrad_mnist.tensor import le as le
from tinygrad_mnist.tensor import lerp as lerp
from tinygrad_mnist.tensor import less as less
from tinygrad_mnist.tensor import less_equal as less_equal
from tinygrad_mnist.tensor import lgamma as lgamma
from tinygrad_mnist.tensor import linspace as linspace
from tinygrad_mnist.tensor import log as log
from tinygrad_mnist.tensor import log1p as log1p
from tinygrad_mnist.tensor import log2 as log2
from tinygrad_mnist.tensor import log10 as log10
from tinygrad_mnist.tensor import log_softmax as log_softmax
from tinygrad_mnist.tensor import logaddexp as logaddexp
from tinygrad_mnist.tensor import logdet as logdet
from tinygrad_mnist.tensor import logical_and as logical_and
from tinygrad_mnist.tensor import logical_not as logical_not
from tinygrad_mnist.tensor import logical_or as logical_or
from tinygrad_mnist.tensor import logical_xor as logical_xor
from tinygrad_mnist.tensor import logit as logit
from tinygrad_mnist.tensor import logspace as logspace
from tinygrad_mnist.tensor import logsumexp as logsumexp
from tinygrad_mnist.tensor import long as long
from tinygrad_mnist.tensor import lt as lt
from tinygrad_mnist.tensor import manual_seed as manual_seed
from tinygrad_mnist.tensor import masked_fill as masked_fill
from tinygrad_mnist.tensor import masked_scatter as masked_scatter
from tinygrad_mnist.tensor import masked_select as masked_select
from tinygrad_mnist.tensor import matmul as matmul
from tinygrad_mnist.tensor import matrix_power as matrix_power
from tinygrad_mnist.tensor import max as max
from tinygrad_mnist.tensor import maximum as maximum
from tinygrad_mnist.tensor import mean as mean
from tinygrad_mnist.tensor import median as median
from tinygrad_mnist.tensor import memory_format as memory_format
from tinygrad_mnist.tensor import meshgrid as meshgrid
from tinygrad_mnist.tensor import min as min
from tinygrad_mnist.tensor import minimum as minimum
from tinygrad_mnist.tensor import mm as mm
from tinygrad_mnist.tensor import mode as mode
from tinygrad_mnist.tensor import moveaxis as moveaxis
from tinygrad_mnist.tensor import movedim as movedim
from tinygrad_mnist.tensor import msort as msort
from tinygrad_mnist.tensor import mul as mul
from tinygrad_mnist.tensor import multinomial as multinomial
from tinygrad_mnist.tensor import multiply as multiply
from tinygrad_mnist.tensor import mv as mv
from tinygrad_mnist.tensor import nan_to_num as nan_to_num
from tinygrad_mnist.tensor import nanmean as nanmean
from tinygrad_mnist.tensor import nanmedian as nanmedian
from tinygrad_mnist.tensor import nanquantile as nanquantile
from tinygrad_mnist.tensor import nansum as nansum
from tinygrad_mnist.tensor import narrow as narrow
from tinygrad_mnist.tensor import ne as ne
from tinygrad_mnist.tensor import neg as neg
from tinygrad_mnist.tensor import negative as negative
from tinygrad_mnist.tensor import nonzero as nonzero
from tinygrad_mnist.tensor import norm as norm
from tinygrad_mnist.tensor import normal as normal
from tinygrad_mnist.tensor import not_equal as not_equal
from tinygrad_mnist.tensor import numel as numel
from tinygrad_mnist.tensor import ones as ones
from tinygrad_mnist.tensor import ones_like as ones_like
from tinygrad_mnist.tensor import outer as outer
from tinygrad_mnist.tensor import permute as permute
from tinygrad_mnist.tensor import pinverse as pinverse
from tinygrad_mnist.tensor import positive as positive
from tinygrad_mnist.tensor import pow as pow
from tinygrad_mnist.tensor import preserve_format as preserve_format
from tinygrad_mnist.tensor import prod as prod
from tinygrad_mnist.tensor import promote_types as promote_types
from tinygrad_mnist.tensor import qr as qr
from tinygrad_mnist.tensor import quantile as quantile
from tinygrad_mnist.tensor import rad2deg as rad2deg
from tinygrad_mnist.tensor import rand as rand
from tinygrad_mnist.tensor import rand_like as rand_like
from tinygrad_mnist.tensor import randint as randint
from tinygrad_mnist.tensor import randint_like as randint_like
from tinygrad_mnist.tensor import randn as randn
from tinygrad_mnist.tensor import randn_like as randn_like
from tinygrad_mnist.tensor import randperm as randperm
from tinygrad_mnist.tensor import ravel as ravel
from tinygrad_mnist.tensor import reciprocal as reciprocal
from tinygrad_mnist.tensor import relu as relu
from tinygrad_mnist.tensor import remainder as remainder
from tinygrad_mnist.tensor import repeat_interleave as repeat_interleave
from tinygrad_mnist.tensor import reshape as reshape
from tinygrad_mnist.tensor import result_type as result_type
from tinygrad_mnist.tensor import return_types as return_types
from tinygrad_mnist.tensor import roll as roll
from tinygrad_mnist.tensor import rot90 as rot90
from tinygrad_mnist.tensor import round as round
from tinygrad_mnist.tensor import row_stack as row_stack
from tinygrad_mnist.tensor import rsqrt as rsqrt
from tinygrad_mnist.tensor import scatter as scatter
from tinygrad_mnist.tensor import scatter_add as scatter_add
from tinygrad_mnist.tensor import scatter_reduce as scatter_reduce
from tinygrad_mnist.tensor import searchsorted as searchsorted
from tinygrad_mnist.tensor import seed as seed
from tinygrad_mnist.tensor import select as select
from tinygrad_mnist.tensor import set_default_dtype as set_default_dtype
from tinygrad_mnist.tensor import set_printoptions as set_printoptions
from tinygrad_mnist.tensor import set_rng_state as set_rng_state
from tinygrad_mnist.tensor import sgn as sgn
from tinygrad_mnist.tensor import short as short
from tinygrad_mnist.tensor import sigmoid as sigmoid
from tinygrad_mnist.tensor import sign as sign
from tinygrad_mnist.tensor import signbit as signbit
from tinygrad_mnist.tensor import sin as sin
from tinygrad_mnist.tensor import sinc as sinc
from tinygrad_mnist.tensor import sinh as sinh
from tinygrad_mnist.tensor import slogdet as slogdet
from tinygrad_mnist.tensor import softmax as softmax
from tinygrad_mnist.tensor import sort as sort
from tinygrad_mnist.tensor import split as split
from tinygrad_mnist.tensor import sqrt as sqrt
from tinygrad_mnist.tensor import square as square
from tinygrad_mnist.tensor import squeeze as squeeze
from tinygrad_mnist.tensor import stack as stack
from tinygrad_mnist.tensor import std as std
from tinygrad_mnist.tensor import std_mean as std_mean
from tinygrad_mnist.tensor import strided as strided
from tinygrad_mnist.tensor import sub as sub
from tinygrad_mnist.tensor import subtract as subtract
from tinygrad_mnist.tensor import sum as sum
from tinygrad_mnist.tensor import svd as svd
from tinygrad_mnist.tensor import swapaxes as swapaxes
from tinygrad_mnist.tensor import swapdims as swapdims
from tinygrad_mnist.tensor import t as t
from tinygrad_mnist.tensor import take as take
from tinygrad_mnist.tensor import take_along_dim as take_along_dim
from tinygrad_mnist.tensor import tan as tan
from tinygrad_mnist.tensor import tanh as tanh
from tinygrad_mnist.tensor import tensor as tensor
from tinygrad_mnist.tensor import tensor_split as tensor_split
from tinygrad_mnist.tensor import tensordot as tensordot
from tinygrad_mnist.tensor import tile as tile
from tinygrad_mnist.tensor import topk as topk
from tinygrad_mnist.tensor import trace as trace
from tinygrad_mnist.tensor import transpose as transpose
from tinygrad_mnist.tensor import tril as tril
from tinygrad_mnist.tensor import tril_indices as tril_indices
from tinygrad_mnist.tensor import triu as triu
from tinygrad_mnist.tensor import triu_indices as triu_indices
from tinygrad_mnist.tensor import true_divide as true_divide
from tinygrad_mnist.tensor import trunc as trunc
from tinygrad_mnist.tensor import uint8 as uint8
from tinygrad_mnist.tensor import unbind as unbind
from tinygrad_mnist.tensor import unflatten as unflatten
from tinygrad_mnist.tensor import unique as unique
from tinygrad_mnist.tensor import unique_consecutive as unique_consecutive
from tinygrad_mnist.tensor import unsqueeze as unsqueeze
from tinygrad_mnist.tensor import var as var
from tinygrad_mnist.tensor import var_mean as var_mean
from tinygrad_mnist.tensor import vdot as vdot
from tinygrad_mnist.tensor import vsplit as vsplit
from tinygrad_mnist.tensor import vstack as vstack
from tinygrad_mnist.tensor import where as where
from tinygrad_mnist.tensor import xlogy as xlogy
from tinygrad_mnist.tensor import zeros as zeros
from tinygrad_mnist.tensor import zeros_like as zeros_like

_keep_freed_memory()
_locate(_sys.modules[__name__])
_locate(Tensor, "Tensor.")
del _locate, _sys

__version__ = "0.1.0"


_unsupported.watch(
    "nn", "nn.functional", "nn.init", "nn.parallel", "nn.utils", "nn.utils.rnn", "optim",
    "optim.lr_scheduler", "utils", "utils.data", "linalg", "special", "autograd", "func", "random",
    "backends", "cuda", "amp",
)  # fmt: skip

_LATER = (
    "__config__", "accelerator", "cpu", "datasets", "distributions", "fft", "jit",
    "multiprocessing", "profiler", "testing", "version",
)  # fmt: skip
"""Modules that are imported when they are first asked for."""

if TYPE_CHECKING:
    from tinygrad_mnist import datasets as datasets
    from tinygrad_mnist import distributions as distributions
    from tinygrad_mnist import testing as testing
else:  # a type checker would believe in every name

    def __getattr__(name: str) -> object:
        """Import a module, or say what to use in the place of a name that is not offered."""
        if name in _LATER:
            return importlib.import_module(f"{__name__}.{name}")
        return _unsupported.lookup("", name)
