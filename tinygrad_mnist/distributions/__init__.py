"""Probability distributions: samples, log-probabilities, entropies, divergences.

Parameters are tensors or numbers, and gradients flow to them through ``log_prob``, ``entropy``,
``rsample`` and ``kl_divergence``. The numbers drawn are PyTorch's.
"""

from tinygrad_mnist.compat.unsupported import watch as _watch
from tinygrad_mnist.distributions.bernoulli import Bernoulli as Bernoulli
from tinygrad_mnist.distributions.categorical import Categorical as Categorical
from tinygrad_mnist.distributions.distribution import Distribution as Distribution
from tinygrad_mnist.distributions.exponential import Exponential as Exponential
from tinygrad_mnist.distributions.independent import Independent as Independent
from tinygrad_mnist.distributions.kl import kl_divergence as kl_divergence
from tinygrad_mnist.distributions.kl import register_kl as register_kl
from tinygrad_mnist.distributions.laplace import Laplace as Laplace
from tinygrad_mnist.distributions.mixture_same_family import MixtureSameFamily as MixtureSameFamily
from tinygrad_mnist.distributions.multivariate_normal import (
    MultivariateNormal as MultivariateNormal,
)
from tinygrad_mnist.distributions.normal import Normal as Normal
from tinygrad_mnist.distributions.one_hot_categorical import OneHotCategorical as OneHotCategorical
from tinygrad_mnist.distributions.transformed import Geometric as Geometric
from tinygrad_mnist.distributions.transformed import Gumbel as Gumbel
from tinygrad_mnist.distributions.transformed import HalfNormal as HalfNormal
from tinygrad_mnist.distributions.transformed import LogNormal as LogNormal
from tinygrad_mnist.distributions.transformed import Pareto as Pareto
from tinygrad_mnist.distributions.transformed import Weibull as Weibull
from tinygrad_mnist.distributions.transforms import AbsTransform as AbsTransform
from tinygrad_mnist.distributions.transforms import AffineTransform as AffineTransform
from tinygrad_mnist.distributions.transforms import ComposeTransform as ComposeTransform
from tinygrad_mnist.distributions.transforms import ExpTransform as ExpTransform
from tinygrad_mnist.distributions.transforms import PowerTransform as PowerTransform
from tinygrad_mnist.distributions.transforms import SigmoidTransform as SigmoidTransform
from tinygrad_mnist.distributions.transforms import SoftplusTransform as SoftplusTransform
from tinygrad_mnist.distributions.transforms import TanhTransform as TanhTransform
from tinygrad_mnist.distributions.transforms import Transform as Transform
from tinygrad_mnist.distributions.transforms import (
    TransformedDistribution as TransformedDistribution,
)
from tinygrad_mnist.distributions.uniform import Uniform as Uniform

_watch("distributions")
