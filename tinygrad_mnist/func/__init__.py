"""Function transforms: gradients, Jacobians, vmap, functional calls of modules.

They nest freely: ``grad(grad(f))``, ``vmap(grad(f))``, ``jacrev(jacrev(f))``. Arguments and
results may be dicts, lists and tuples of tensors, such as a model's parameters by name.
"""

from tinygrad_mnist.func.stateless import functional_call as functional_call
from tinygrad_mnist.func.stateless import stack_module_state as stack_module_state
from tinygrad_mnist.func.transforms import grad as grad
from tinygrad_mnist.func.transforms import grad_and_value as grad_and_value
from tinygrad_mnist.func.transforms import hessian as hessian
from tinygrad_mnist.func.transforms import jacfwd as jacfwd
from tinygrad_mnist.func.transforms import jacrev as jacrev
from tinygrad_mnist.func.transforms import jvp as jvp
from tinygrad_mnist.func.transforms import linearize as linearize
from tinygrad_mnist.func.transforms import value_and_grad as value_and_grad
from tinygrad_mnist.func.transforms import vjp as vjp
from tinygrad_mnist.func.vmap import vmap as vmap
