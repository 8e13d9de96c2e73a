"""Tensor, and the functions of the top-level namespace, a family a file."""

from typing import TYPE_CHECKING

from tinygrad_mnist.ops.dtypes import *
from tinygrad_mnist.ops.limits import *
from tinygrad_mnist.tensor.arithmetic import *
from tinygrad_mnist.tensor.attributes import *
from tinygrad_mnist.tensor.comparison import *
from tinygrad_mnist.tensor.core import Tensor as Tensor
from tinygrad_mnist.tensor.creation import *
from tinygrad_mnist.tensor.device import device as device
from tinygrad_mnist.tensor.einsum import *
from tinygrad_mnist.tensor.elementwise import *
from tinygrad_mnist.tensor.exchange import *
from tinygrad_mnist.tensor.generator import *
from tinygrad_mnist.tensor.indexing import *
from tinygrad_mnist.tensor.joining import *
from tinygrad_mnist.tensor.legacy_constructors import *
from tinygrad_mnist.tensor.matrices import *
from tinygrad_mnist.tensor.printing import set_printoptions as set_printoptions
from tinygrad_mnist.tensor.products import *
from tinygrad_mnist.tensor.random_functions import *
from tinygrad_mnist.tensor.rearrangement import *
from tinygrad_mnist.tensor.reduction import *
from tinygrad_mnist.tensor.scattering import *
from tinygrad_mnist.tensor.shape import *
from tinygrad_mnist.tensor.sorting import *
from tinygrad_mnist.tensor.types import *

if TYPE_CHECKING:  # imported when one of their names is first asked for
    from tinygrad_mnist.tensor.histograms import *
    from tinygrad_mnist.tensor.rare import *
    from tinygrad_mnist.tensor.rare_creation import *
else:  # type checkers find the names by themselves
    import types as _types

    from tinygrad_mnist.tensor import return_types

    __all__ = ["return_types"] + [
        name
        for name, value in globals().items()
        if name[0] != "_" and name != "TYPE_CHECKING" and type(value) is not _types.ModuleType
    ]
