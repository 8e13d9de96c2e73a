"""Training steps, models and other functions as NumPy programs.

``compile`` makes them, and their ``source()`` is the program as Python; ``explain`` says what
became of a function, and where its time goes; ``reset`` forgets all programs. The other functions
are PyTorch's names around these. The last chapter of the guide walks through a program.

>>> import tinygrad_mnist as torch
>>> @torch.compile
... def distance(x, y):
...     return ((x - y) ** 2).sum().sqrt()
>>> [distance(torch.full((2,), float(i)), torch.zeros(2)).item() for i in range(5)][-1]
5.656854152679443
"""

from tinygrad_mnist.compat.unsupported import watch as _watch
from tinygrad_mnist.compiler.api import _compile_in_place as _compile_in_place
from tinygrad_mnist.compiler.api import allow_in_graph as allow_in_graph
from tinygrad_mnist.compiler.api import assume_constant_result as assume_constant_result
from tinygrad_mnist.compiler.api import compile as compile
from tinygrad_mnist.compiler.api import cudagraph_mark_step_begin as cudagraph_mark_step_begin
from tinygrad_mnist.compiler.api import disable as disable
from tinygrad_mnist.compiler.api import get_default_backend as get_default_backend
from tinygrad_mnist.compiler.api import is_compiling as is_compiling
from tinygrad_mnist.compiler.api import is_dynamo_compiling as is_dynamo_compiling
from tinygrad_mnist.compiler.api import is_exporting as is_exporting
from tinygrad_mnist.compiler.api import list_backends as list_backends
from tinygrad_mnist.compiler.api import nested_compile_region as nested_compile_region
from tinygrad_mnist.compiler.api import reset as reset
from tinygrad_mnist.compiler.api import set_default_backend as set_default_backend
from tinygrad_mnist.compiler.api import set_stance as set_stance
from tinygrad_mnist.compiler.api import substitute_in_graph as substitute_in_graph
from tinygrad_mnist.compiler.compiled import Compiled as Compiled
from tinygrad_mnist.compiler.module import OptimizedModule as OptimizedModule
from tinygrad_mnist.compiler.prefetch import prefetch as prefetch
from tinygrad_mnist.compiler.report import Report as Report
from tinygrad_mnist.compiler.report import explain as explain

_watch("compiler")
