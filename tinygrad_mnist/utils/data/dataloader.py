"""DataLoader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic

from tinygrad_mnist._runtime.naming import named_init
from tinygrad_mnist.tensor import Generator, default_generator
from tinygrad_mnist.utils.data.collate import default_collate, default_convert
from tinygrad_mnist.utils.data.dataset import Dataset, Indexable, IterableDataset, T_co
from tinygrad_mnist.utils.data.fetch import PlainIterator, Plan
from tinygrad_mnist.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from tinygrad_mnist.utils.data.worker import WorkerIterator, get_worker_info


@named_init
class DataLoader(Generic[T_co]):
    """Iterate over a dataset in batches.

    A batch of a :class:`TensorDataset`, or of a part of one, is one indexing operation on each of
    its tensors. Follows ``torch.utils.data.DataLoader``.

    A batch of samples of shape (*) has shape (N, *), with N the batch_size, or less at the end.

    Parameters
    ----------
    dataset
        What to iterate over.
    batch_size
        Samples in a batch; None for single samples without a batch dimension.
    shuffle
        Draw a new order for each epoch, from the generator.
    sampler, batch_sampler
        The order of indices, or of lists of them, instead of shuffle.
    num_workers
        How many threads make batches ahead of time, see :mod:`tinygrad_mnist.utils.data.worker`;
        with 0 they are made where they are used, which is fastest for data in memory.
    collate_fn
        Joins a list of samples to a batch; by default :func:`default_collate`.
    pin_memory, multiprocessing_context, pin_memory_device, in_order
        Accepted: there is no GPU, there are no processes, and batches always come in order.
    drop_last
        Leave out the last batch where it is shorter.
    timeout
        Seconds to wait for a worker's batch; 0 for any time.
    worker_init_fn
        Called with the worker's number in each worker before its first batch.
    generator
        Where randomness comes from; the global one unless given.
    prefetch_factor
        How many batches each worker makes ahead, 2 unless given.
    persistent_workers
        Keep the workers for the next epoch, with their copies of the dataset and their streams.

    Raises
    ------
    ValueError
        When settings exclude each other or are negative.

    Examples
    --------
    >>> import tinygrad_mnist as torch
    >>> from tinygrad_mnist.utils.data import DataLoader, TensorDataset
    >>> x, y = torch.arange(10.0).reshape(5, 2), torch.arange(5)
    >>> loader = DataLoader(TensorDataset(x, y), batch_size=2)
    >>> [(tuple(inputs.shape), targets) for inputs, targets in loader]
    [((2, 2), tensor([0, 1])), ((2, 2), tensor([2, 3])), ((1, 2), tensor([4]))]
    >>> len(DataLoader(range(100), batch_size=32, shuffle=True, drop_last=True))
    3
    """

    def __init__(
        self,
        dataset: Indexable[T_co] | Iterable[T_co],
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        if num_workers < 0:
            raise ValueError(
                f"num_workers should be non-negative, got {num_workers}; use 0 to make "
                f"batches without workers"
            )
        if timeout < 0:
            raise ValueError(f"timeout should be non-negative, got {timeout}")
        if prefetch_factor is not None and (not num_workers or prefetch_factor < 1):
            raise ValueError(
                f"prefetch_factor should be positive and needs num_workers > 0, "
                f"got prefetch_factor={prefetch_factor} and num_workers={num_workers}"
            )
        if persistent_workers and not num_workers:
            raise ValueError("persistent_workers needs num_workers > 0")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (
            batch_size != 1 or shuffle or sampler is not None or drop_last
        ):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, "
                "sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None is mutually exclusive with drop_last")
        indexed: Any = dataset
        self.dataset = indexed
        self.num_workers, self.persistent_workers = num_workers, persistent_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.worker_init_fn, self.timeout, self.generator = worker_init_fn, timeout, generator
        self.pin_memory, self.multiprocessing_context = pin_memory, multiprocessing_context
        if collate_fn is None:
            collate_fn = default_convert if batch_size is None else default_collate
        self.collate_fn, self.drop_last = collate_fn, drop_last
        self._kept: WorkerIterator | None = None
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError(
                    "an IterableDataset decides its own order; leave out shuffle, sampler, "
                    "batch_sampler"
                )
            sampler = ()
        elif sampler is None:
            if shuffle:
                sampler = RandomSampler(indexed, generator=generator)
            else:
                sampler = SequentialSampler(indexed)
        self.sampler = sampler
        self.batch_size = None if batch_sampler is not None else batch_size
        if batch_sampler is None and batch_size is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler = batch_sampler
        self._ready = True

    _ready = False
    _fixed = frozenset(
        ("batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers")
    )

    def __setattr__(self, name: str, value: Any) -> None:
        """Set an attribute, unless another would contradict it then."""
        if self._ready and name in self._fixed:
            raise ValueError(
                f"{name} attribute should not be set after DataLoader is initialized; make another "
                f"loader"
            )
        object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self._plan())

    def _plan(self) -> Plan:
        return Plan(
            self.dataset, self._iterable, self.sampler, self.batch_sampler, self.batch_size,
            self.drop_last, self.collate_fn,
        )  # fmt: skip

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of one epoch.

        Workers that persist have one iterator for all epochs, as in PyTorch: to begin the next
        epoch ends the one before.
        """
        plan, kept = self._plan(), self._kept
        if kept is None or not kept.usable:
            # PyTorch draws a seed for new workers here, also where there are none.
            source = self.generator or default_generator
            seed = int(source.integers(0, 2**63, (1,))[0])
            if not self.num_workers:
                return PlainIterator(plan)
            kept = WorkerIterator(
                self.num_workers, self.dataset, seed, self.worker_init_fn,
                self.prefetch_factor or 0, self.timeout, self.persistent_workers,
            )  # fmt: skip
            if self.persistent_workers:
                self._kept = kept
        kept.begin(plan)
        return kept


__all__ = ["DataLoader", "Dataset", "default_collate", "get_worker_info"]
