"""Operations on arrays, and the table of their derivatives, a family to a file.

This package knows NumPy and SciPy, and nothing of Tensors. An operation is public as soon as it is
declared in its family's file.
"""

from tinygrad_mnist.ops.activation import *
from tinygrad_mnist.ops.attention import *
from tinygrad_mnist.ops.comparison import *
from tinygrad_mnist.ops.contract import TABLE as TABLE
from tinygrad_mnist.ops.contract import UFUNCS as UFUNCS
from tinygrad_mnist.ops.contract import Domain as Domain
from tinygrad_mnist.ops.contract import Op as Op
from tinygrad_mnist.ops.contract import Point as Point
from tinygrad_mnist.ops.contract import Sample as Sample
from tinygrad_mnist.ops.contract import op as op
from tinygrad_mnist.ops.convolution import *
from tinygrad_mnist.ops.elementwise import *
from tinygrad_mnist.ops.factorization import *
from tinygrad_mnist.ops.gelu import *
from tinygrad_mnist.ops.indexing import *
from tinygrad_mnist.ops.norm import *
from tinygrad_mnist.ops.normalization import *
from tinygrad_mnist.ops.pooling import *
from tinygrad_mnist.ops.powers import *
from tinygrad_mnist.ops.products import *
from tinygrad_mnist.ops.rearrangement import *
from tinygrad_mnist.ops.recurrent import *
from tinygrad_mnist.ops.reduction import *
from tinygrad_mnist.ops.regions import *
from tinygrad_mnist.ops.rounding import *
from tinygrad_mnist.ops.scan import *
from tinygrad_mnist.ops.shape import *
from tinygrad_mnist.ops.softmax import *
from tinygrad_mnist.ops.special import *
from tinygrad_mnist.ops.trigonometry import *
from tinygrad_mnist.ops.views import *
from tinygrad_mnist.ops.windows import *
