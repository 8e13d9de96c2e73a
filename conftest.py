"""Import the whole package before pytest imports its files one by one, for their doctests.

Otherwise ``tinygrad_mnist.tensor`` would be the folder of that name, not the function.
"""

import tinygrad_mnist as tinygrad_mnist

collect_ignore = ["tinygrad_mnist/utils/tensorboard.py"]  # importing it is an error, by design
