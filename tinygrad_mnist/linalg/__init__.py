"""Linear algebra: factorizations, solvers, norms, all with derivatives.

Follows ``torch.linalg``; functions work on matrices in the last two dimensions. Solvers and
factorizations are in ``tensor/factorization.py``; those of torch in ``tensor/matrices.py``.
"""

from tinygrad_mnist.linalg.norms import cond as cond
from tinygrad_mnist.linalg.norms import matrix_norm as matrix_norm
from tinygrad_mnist.linalg.norms import matrix_rank as matrix_rank
from tinygrad_mnist.linalg.norms import norm as norm
from tinygrad_mnist.linalg.norms import vector_norm as vector_norm
from tinygrad_mnist.linalg.products import cross as cross
from tinygrad_mnist.linalg.products import diagonal as diagonal
from tinygrad_mnist.linalg.products import matmul as matmul
from tinygrad_mnist.linalg.products import multi_dot as multi_dot
from tinygrad_mnist.linalg.products import vander as vander
from tinygrad_mnist.linalg.products import vecdot as vecdot
from tinygrad_mnist.ops import LinAlgError as LinAlgError
from tinygrad_mnist.tensor.factorization import cholesky as cholesky
from tinygrad_mnist.tensor.factorization import det as det
from tinygrad_mnist.tensor.factorization import eigh as eigh
from tinygrad_mnist.tensor.factorization import eigvalsh as eigvalsh
from tinygrad_mnist.tensor.factorization import inv as inv
from tinygrad_mnist.tensor.factorization import lstsq as lstsq
from tinygrad_mnist.tensor.factorization import matrix_power as matrix_power
from tinygrad_mnist.tensor.factorization import pinv as pinv
from tinygrad_mnist.tensor.factorization import qr as qr
from tinygrad_mnist.tensor.factorization import slogdet as slogdet
from tinygrad_mnist.tensor.factorization import solve as solve
from tinygrad_mnist.tensor.factorization import solve_triangular as solve_triangular
from tinygrad_mnist.tensor.factorization import svd as svd
from tinygrad_mnist.tensor.factorization import svdvals as svdvals
from tinygrad_mnist.tensor.factorization import tensorinv as tensorinv
from tinygrad_mnist.tensor.factorization import tensorsolve as tensorsolve
