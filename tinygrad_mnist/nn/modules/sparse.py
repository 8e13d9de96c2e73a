"""Rows of tables: PyTorch keeps these layers in a file of this name."""

from tinygrad_mnist.nn.embedding import Embedding as Embedding
from tinygrad_mnist.nn.embedding import EmbeddingBag as EmbeddingBag
