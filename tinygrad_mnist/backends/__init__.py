"""PyTorch's switches of backends, and whether they are there: none of these is."""

from tinygrad_mnist.backends import cuda as cuda
from tinygrad_mnist.backends import cudnn as cudnn
from tinygrad_mnist.backends import mps as mps
