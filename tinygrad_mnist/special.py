"""Special functions. Follows ``torch.special``."""

from __future__ import annotations

from tinygrad_mnist.tensor import digamma as digamma
from tinygrad_mnist.tensor import erf as erf
from tinygrad_mnist.tensor import erfc as erfc
from tinygrad_mnist.tensor import erfinv as erfinv
from tinygrad_mnist.tensor import exp2 as exp2
from tinygrad_mnist.tensor import expm1 as expm1
from tinygrad_mnist.tensor import lgamma, sigmoid
from tinygrad_mnist.tensor import log1p as log1p
from tinygrad_mnist.tensor import log_softmax as log_softmax
from tinygrad_mnist.tensor import logit as logit
from tinygrad_mnist.tensor import logsumexp as logsumexp
from tinygrad_mnist.tensor import sinc as sinc
from tinygrad_mnist.tensor import softmax as softmax
from tinygrad_mnist.tensor import xlogy as xlogy

expit, gammaln, psi = sigmoid, lgamma, digamma
