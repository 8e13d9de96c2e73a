"""Apple's GPUs, which aren't used.

>>> is_available()
False
"""

from tinygrad_mnist.backends.cudnn import is_available as is_available
