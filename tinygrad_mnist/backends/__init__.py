"""PyTorch's backends, none of which is available."""

from tinygrad_mnist.backends import cuda as cuda
from tinygrad_mnist.backends import cudnn as cudnn
from tinygrad_mnist.backends import mps as mps
