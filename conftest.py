"""Import the whole package before pytest imports its files one by one, for their doctests.

Otherwise ``tinygrad_mnist.tensor`` would be the folder of that name, not the function.
"""

import tinygrad_mnist as tinygrad_mnist
