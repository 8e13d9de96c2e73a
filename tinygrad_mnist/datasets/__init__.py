"""Datasets: MNIST in full, and a sample of it that needs no download."""

from tinygrad_mnist.datasets.idx import IDXError as IDXError
from tinygrad_mnist.datasets.idx import read_idx as read_idx
from tinygrad_mnist.datasets.idx import write_idx as write_idx
from tinygrad_mnist.datasets.mnist import MNIST as MNIST
from tinygrad_mnist.datasets.mnist import DownloadError as DownloadError
from tinygrad_mnist.datasets.sample import Digits as Digits
from tinygrad_mnist.datasets.sample import load_digits as load_digits
from tinygrad_mnist.datasets.sample import load_sample as load_sample
