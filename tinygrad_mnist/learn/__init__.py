"""The guide's exercises: ``check("1.2", answer)`` says that it is right, or what is wrong.

>>> from tinygrad_mnist.learn import check
>>> check("1.2", lambda g, out: g * (1 - out * out))
exercise 1.2: right
>>> check("1.2", lambda g, out: 2 * g * (1 - out * out))
exercise 1.2: your rule is off by a factor 2: for g = 1.46, out = -0.598 it gives
1.87, where 0.934 is right
"""

from tinygrad_mnist.learn.exercises import Exercise as Exercise
from tinygrad_mnist.learn.exercises import check as check
from tinygrad_mnist.learn.exercises import verdict as verdict
