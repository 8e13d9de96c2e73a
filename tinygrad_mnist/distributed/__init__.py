"""Several processes that train one model, under PyTorch's names, over JAX's collectives.

>>> import tinygrad_mnist.distributed as dist
>>> dist.is_available(), dist.is_initialized()
(True, False)
"""

from tinygrad_mnist._runtime.process_group import ProcessGroup as ProcessGroup
from tinygrad_mnist.compat import unsupported as _unsupported
from tinygrad_mnist.distributed.collectives import ReduceOp as ReduceOp
from tinygrad_mnist.distributed.collectives import Work as Work
from tinygrad_mnist.distributed.collectives import all_gather as all_gather
from tinygrad_mnist.distributed.collectives import all_gather_into_tensor as all_gather_into_tensor
from tinygrad_mnist.distributed.collectives import all_reduce as all_reduce
from tinygrad_mnist.distributed.collectives import barrier as barrier
from tinygrad_mnist.distributed.collectives import broadcast as broadcast
from tinygrad_mnist.distributed.collectives import gather as gather
from tinygrad_mnist.distributed.collectives import reduce as reduce
from tinygrad_mnist.distributed.collectives import scatter as scatter
from tinygrad_mnist.distributed.errors import DistBackendError as DistBackendError
from tinygrad_mnist.distributed.errors import DistError as DistError
from tinygrad_mnist.distributed.errors import DistNetworkError as DistNetworkError
from tinygrad_mnist.distributed.group import default_pg_timeout as default_pg_timeout
from tinygrad_mnist.distributed.group import destroy_process_group as destroy_process_group
from tinygrad_mnist.distributed.group import get_backend as get_backend
from tinygrad_mnist.distributed.group import get_node_local_rank as get_node_local_rank
from tinygrad_mnist.distributed.group import get_rank as get_rank
from tinygrad_mnist.distributed.group import get_world_size as get_world_size
from tinygrad_mnist.distributed.group import init_process_group as init_process_group
from tinygrad_mnist.distributed.group import is_available as is_available
from tinygrad_mnist.distributed.group import is_initialized as is_initialized
from tinygrad_mnist.distributed.group import is_torchelastic_launched as is_torchelastic_launched
from tinygrad_mnist.distributed.group import new_group as new_group
from tinygrad_mnist.distributed.objects import all_gather_object as all_gather_object
from tinygrad_mnist.distributed.objects import broadcast_object_list as broadcast_object_list

_unsupported.watch("distributed")
