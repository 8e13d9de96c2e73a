"""The mutation lab: break a derivative rule on purpose, and see the checker catch it.

A checker that passes on right rules has shown little; what counts is that it fails on wrong ones.
Here each rule of the table is changed in all the ways in which people get rules wrong, one at a
time, and the gradient check of its operation has to fail.

``python -m tinygrad_mnist.mutation`` is the same as a command.

Examples
--------
>>> mutant = mutants("tanh")[0]
>>> mutant
<mutant of tanh, rule for x: sign: -result>
>>> with mutant:
...     print(caught(mutant))  # doctest: +ELLIPSIS
gradcheck: the Jacobian of output 0 ... Likely cause: the sign is reversed
>>> print(caught(mutant))
None
"""

from tinygrad_mnist.mutation.check import caught as caught
from tinygrad_mnist.mutation.equivalent import EQUIVALENT as EQUIVALENT
from tinygrad_mnist.mutation.mutants import KINDS as KINDS
from tinygrad_mnist.mutation.mutants import Mutant as Mutant
from tinygrad_mnist.mutation.mutants import mutants as mutants
