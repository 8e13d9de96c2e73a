"""DLPack under PyTorch's names."""

from tinygrad_mnist.tensor.exchange import from_dlpack as from_dlpack
from tinygrad_mnist.tensor.exchange import to_dlpack as to_dlpack
