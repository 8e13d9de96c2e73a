"""The layers and losses as functions, under PyTorch's names."""

from typing import TYPE_CHECKING

from tinygrad_mnist.nn.activation import celu as celu
from tinygrad_mnist.nn.activation import celu_ as celu_
from tinygrad_mnist.nn.activation import elu as elu
from tinygrad_mnist.nn.activation import elu_ as elu_
from tinygrad_mnist.nn.activation import gelu as gelu
from tinygrad_mnist.nn.activation import glu as glu
from tinygrad_mnist.nn.activation import hardshrink as hardshrink
from tinygrad_mnist.nn.activation import hardsigmoid as hardsigmoid
from tinygrad_mnist.nn.activation import hardswish as hardswish
from tinygrad_mnist.nn.activation import hardtanh as hardtanh
from tinygrad_mnist.nn.activation import hardtanh_ as hardtanh_
from tinygrad_mnist.nn.activation import leaky_relu as leaky_relu
from tinygrad_mnist.nn.activation import leaky_relu_ as leaky_relu_
from tinygrad_mnist.nn.activation import logsigmoid as logsigmoid
from tinygrad_mnist.nn.activation import mish as mish
from tinygrad_mnist.nn.activation import prelu as prelu
from tinygrad_mnist.nn.activation import relu as relu
from tinygrad_mnist.nn.activation import relu6 as relu6
from tinygrad_mnist.nn.activation import relu_ as relu_
from tinygrad_mnist.nn.activation import rrelu as rrelu
from tinygrad_mnist.nn.activation import rrelu_ as rrelu_
from tinygrad_mnist.nn.activation import selu as selu
from tinygrad_mnist.nn.activation import selu_ as selu_
from tinygrad_mnist.nn.activation import sigmoid as sigmoid
from tinygrad_mnist.nn.activation import silu as silu
from tinygrad_mnist.nn.activation import softplus as softplus
from tinygrad_mnist.nn.activation import softshrink as softshrink
from tinygrad_mnist.nn.activation import softsign as softsign
from tinygrad_mnist.nn.activation import tanh as tanh
from tinygrad_mnist.nn.activation import tanhshrink as tanhshrink
from tinygrad_mnist.nn.activation import threshold as threshold
from tinygrad_mnist.nn.activation import threshold_ as threshold_
from tinygrad_mnist.nn.attention import scaled_dot_product_attention as scaled_dot_product_attention
from tinygrad_mnist.nn.convolution import conv1d as conv1d
from tinygrad_mnist.nn.convolution import conv2d as conv2d
from tinygrad_mnist.nn.convolution import conv3d as conv3d
from tinygrad_mnist.nn.convolution import conv_transpose1d as conv_transpose1d
from tinygrad_mnist.nn.convolution import conv_transpose2d as conv_transpose2d
from tinygrad_mnist.nn.convolution import conv_transpose3d as conv_transpose3d
from tinygrad_mnist.nn.convolution import fold as fold
from tinygrad_mnist.nn.convolution import unfold as unfold
from tinygrad_mnist.nn.ctc import ctc_loss as ctc_loss
from tinygrad_mnist.nn.distance import cosine_similarity as cosine_similarity
from tinygrad_mnist.nn.distance import normalize as normalize
from tinygrad_mnist.nn.distance import pairwise_distance as pairwise_distance
from tinygrad_mnist.nn.dropout import alpha_dropout as alpha_dropout
from tinygrad_mnist.nn.dropout import dropout as dropout
from tinygrad_mnist.nn.dropout import dropout1d as dropout1d
from tinygrad_mnist.nn.dropout import dropout2d as dropout2d
from tinygrad_mnist.nn.dropout import dropout3d as dropout3d
from tinygrad_mnist.nn.dropout import feature_alpha_dropout as feature_alpha_dropout
from tinygrad_mnist.nn.embedding import embedding as embedding
from tinygrad_mnist.nn.embedding import embedding_bag as embedding_bag
from tinygrad_mnist.nn.embedding import one_hot as one_hot
from tinygrad_mnist.nn.entropy import binary_cross_entropy as binary_cross_entropy
from tinygrad_mnist.nn.entropy import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from tinygrad_mnist.nn.entropy import cross_entropy as cross_entropy
from tinygrad_mnist.nn.entropy import kl_div as kl_div
from tinygrad_mnist.nn.entropy import nll_loss as nll_loss
from tinygrad_mnist.nn.linear import bilinear as bilinear
from tinygrad_mnist.nn.linear import linear as linear
from tinygrad_mnist.nn.loss import gaussian_nll_loss as gaussian_nll_loss
from tinygrad_mnist.nn.loss import huber_loss as huber_loss
from tinygrad_mnist.nn.loss import l1_loss as l1_loss
from tinygrad_mnist.nn.loss import mse_loss as mse_loss
from tinygrad_mnist.nn.loss import poisson_nll_loss as poisson_nll_loss
from tinygrad_mnist.nn.loss import smooth_l1_loss as smooth_l1_loss
from tinygrad_mnist.nn.margin import cosine_embedding_loss as cosine_embedding_loss
from tinygrad_mnist.nn.margin import hinge_embedding_loss as hinge_embedding_loss
from tinygrad_mnist.nn.margin import margin_ranking_loss as margin_ranking_loss
from tinygrad_mnist.nn.margin import multi_margin_loss as multi_margin_loss
from tinygrad_mnist.nn.margin import multilabel_margin_loss as multilabel_margin_loss
from tinygrad_mnist.nn.margin import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from tinygrad_mnist.nn.margin import soft_margin_loss as soft_margin_loss
from tinygrad_mnist.nn.margin import triplet_margin_loss as triplet_margin_loss
from tinygrad_mnist.nn.margin import (
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from tinygrad_mnist.nn.normalization import batch_norm as batch_norm
from tinygrad_mnist.nn.normalization import group_norm as group_norm
from tinygrad_mnist.nn.normalization import instance_norm as instance_norm
from tinygrad_mnist.nn.normalization import layer_norm as layer_norm
from tinygrad_mnist.nn.normalization import local_response_norm as local_response_norm
from tinygrad_mnist.nn.normalization import rms_norm as rms_norm
from tinygrad_mnist.nn.padding import pad as pad
from tinygrad_mnist.nn.pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from tinygrad_mnist.nn.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from tinygrad_mnist.nn.pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from tinygrad_mnist.nn.pooling import adaptive_max_pool1d as adaptive_max_pool1d
from tinygrad_mnist.nn.pooling import adaptive_max_pool2d as adaptive_max_pool2d
from tinygrad_mnist.nn.pooling import adaptive_max_pool3d as adaptive_max_pool3d
from tinygrad_mnist.nn.pooling import avg_pool1d as avg_pool1d
from tinygrad_mnist.nn.pooling import avg_pool2d as avg_pool2d
from tinygrad_mnist.nn.pooling import avg_pool3d as avg_pool3d
from tinygrad_mnist.nn.pooling import lp_pool1d as lp_pool1d
from tinygrad_mnist.nn.pooling import lp_pool2d as lp_pool2d
from tinygrad_mnist.nn.pooling import lp_pool3d as lp_pool3d
from tinygrad_mnist.nn.pooling import max_pool1d as max_pool1d
from tinygrad_mnist.nn.pooling import max_pool2d as max_pool2d
from tinygrad_mnist.nn.pooling import max_pool3d as max_pool3d
from tinygrad_mnist.nn.pooling import max_unpool1d as max_unpool1d
from tinygrad_mnist.nn.pooling import max_unpool2d as max_unpool2d
from tinygrad_mnist.nn.pooling import max_unpool3d as max_unpool3d
from tinygrad_mnist.nn.softmax import gumbel_softmax as gumbel_softmax
from tinygrad_mnist.nn.softmax import log_softmax as log_softmax
from tinygrad_mnist.nn.softmax import softmax as softmax
from tinygrad_mnist.nn.softmax import softmin as softmin
from tinygrad_mnist.nn.vision import affine_grid as affine_grid
from tinygrad_mnist.nn.vision import channel_shuffle as channel_shuffle
from tinygrad_mnist.nn.vision import grid_sample as grid_sample
from tinygrad_mnist.nn.vision import interpolate as interpolate
from tinygrad_mnist.nn.vision import pixel_shuffle as pixel_shuffle
from tinygrad_mnist.nn.vision import pixel_unshuffle as pixel_unshuffle
from tinygrad_mnist.nn.vision import upsample as upsample
from tinygrad_mnist.nn.vision import upsample_bilinear as upsample_bilinear
from tinygrad_mnist.nn.vision import upsample_nearest as upsample_nearest

if TYPE_CHECKING:  # it is imported when it is first asked for
    from tinygrad_mnist.tensor.rare import pdist as pdist
