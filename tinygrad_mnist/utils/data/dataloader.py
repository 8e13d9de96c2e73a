"""DataLoader: a dataset in batches."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.naming import named_init
from tinygrad_mnist.tensor import Generator, default_generator
from tinygrad_mnist.utils.data.collate import default_collate, default_convert
from tinygrad_mnist.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from tinygrad_mnist.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
)
from tinygrad_mnist.utils.data.worker import (
    END,
    Worker,
    WorkerIterator,
    get_worker_info,
    start_workers,
)


@named_init
class DataLoader:
    """Iterate over a dataset in batches.

    A batch of a :class:`TensorDataset`, or of a part of one, is one indexing operation on each of
    its tensors. Follows ``torch.utils.data.DataLoader``.

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
    >>> from tinygrad_mnist import arange
    >>> for (batch,) in DataLoader(TensorDataset(arange(5)), batch_size=2):
    ...     print(batch)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[list[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Any = None,
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
                f"DataLoader: num_workers should be non-negative, got {num_workers}; use 0 to make "
                f"batches without workers"
            )
        if timeout < 0:
            raise ValueError(f"DataLoader: timeout should be non-negative, got {timeout}")
        if prefetch_factor is not None and (not num_workers or prefetch_factor < 0):
            raise ValueError(
                f"DataLoader: prefetch_factor should be non-negative and needs num_workers > 0, "
                f"got prefetch_factor={prefetch_factor} and num_workers={num_workers}"
            )
        if persistent_workers and not num_workers:
            raise ValueError("DataLoader: persistent_workers needs num_workers > 0")
        if sampler is not None and shuffle:
            raise ValueError("DataLoader: sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (
            batch_size != 1 or shuffle or sampler is not None or drop_last
        ):
            raise ValueError(
                "DataLoader: batch_sampler option is mutually exclusive with batch_size, shuffle, "
                "sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError("DataLoader: batch_size=None is mutually exclusive with drop_last")
        self.dataset = dataset
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.generator = generator
        if collate_fn is None:
            collate_fn = default_convert if batch_size is None else default_collate
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self._workers: list[Worker] | None = None
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            if shuffle or sampler is not None or batch_sampler is not None:
                given = ("shuffle", "sampler", "batch_sampler")
                raise ValueError(
                    f"DataLoader: an IterableDataset decides its own order; leave out "
                    f"{', '.join(given)}"
                )
            sampler = ()
        elif sampler is None:
            if shuffle:
                sampler = RandomSampler(dataset, generator=generator)
            else:
                sampler = SequentialSampler(dataset)
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
        """Return the number of batches."""
        if self._iterable:
            if not hasattr(self.dataset, "__len__"):
                raise TypeError(
                    "DataLoader: an IterableDataset has no length unless it has __len__"
                )
            count, size = len(self.dataset), self.batch_size
            if size is None:
                return count
            return count // size if self.drop_last else -(-count // size)
        counted = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(counted)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of one epoch."""
        if self._workers is not None:
            return self._in_workers(self._workers)
        # PyTorch draws a seed for new workers here, also where there are none.
        source = self.generator or default_generator
        seed = int(source.integers(0, 2**63, (1,))[0])
        if not self.num_workers:
            return self._here()
        workers = start_workers(self.num_workers, self.dataset, seed, self.worker_init_fn)
        if self.persistent_workers:
            self._workers = workers
        return self._in_workers(workers)

    def _here(self) -> Iterator[Any]:
        fetch = self._fetcher(self.dataset)
        for index in self._indices():
            batch = fetch(index)
            if batch is END:
                return
            yield batch

    def _in_workers(self, workers: list[Worker]) -> Iterator[Any]:
        return WorkerIterator(
            self, workers, self._fetcher, self._indices(), self.prefetch_factor or 0, self.timeout,
            self.persistent_workers,
        )  # fmt: skip

    def __del__(self) -> None:
        """End the workers that were kept."""
        for worker in self.__dict__.get("_workers") or ():
            worker.stop()

    def _indices(self) -> Iterator[Any]:
        """Iterate over what a batch is made of: an index, several, or just a go-ahead."""
        if self._iterable:
            return itertools.repeat(None)
        if self.batch_sampler is None:
            return iter(self.sampler)
        if self.collate_fn is default_collate and _tensors_of(self.dataset) is not None:
            return self._index_batches()
        return iter(self.batch_sampler)

    def _fetcher(self, dataset: Any) -> Callable[[Any], Any]:
        """Return the function that makes a batch of a dataset's samples."""
        collate = self.collate_fn
        if self._iterable:
            return self._stream(iter(dataset))
        if self.batch_sampler is None:
            return lambda index: collate(dataset[index])
        source = _tensors_of(dataset) if collate is default_collate else None
        if source is not None:
            arrays, rows = source
            return lambda chosen: [
                wrap(a.take(chosen if rows is None else rows[chosen], axis=0)) for a in arrays
            ]
        if callable(getattr(dataset, "__getitems__", None)):
            return lambda chosen: collate(dataset.__getitems__(chosen))
        return lambda chosen: collate([dataset[i] for i in chosen])

    def _stream(self, samples: Iterator[Any]) -> Callable[[Any], Any]:
        size, collate, drop_last = self.batch_size, self.collate_fn, self.drop_last

        def fetch(_: Any) -> Any:
            if size is None:
                sample = next(samples, END)
                return sample if sample is END else collate(sample)
            batch = list(itertools.islice(samples, size))
            if not batch or (drop_last and len(batch) < size):
                return END
            return collate(batch)

        return fetch

    def _index_batches(self) -> Iterator[np.ndarray]:
        """Cut the batches' indices out of the whole order, where the sampler knows it ahead."""
        sampler, size = self.sampler, self.batch_size
        known = sampler.order() if size is not None and isinstance(sampler, Sampler) else None
        if known is None or size is None:
            for batch in self.batch_sampler or ():
                yield np.asarray(batch, np.int64)
            return
        stop = len(known) - len(known) % size if self.drop_last else len(known)
        for start in range(0, stop, size):
            yield known[start : start + size]


def _tensors_of(dataset: Any) -> tuple[list[np.ndarray], np.ndarray | None] | None:
    """Return the arrays behind a dataset, and which of their rows it has (None: all)."""
    if type(dataset) is TensorDataset:
        if any(t.requires_grad for t in dataset.tensors):
            return None
        return [t._array for t in dataset.tensors], None
    if type(dataset) is Subset:
        found = _tensors_of(dataset.dataset)
        if found is None:
            return None
        arrays, indices = found
        own = np.asarray(dataset.indices, np.int64)
        return arrays, own if indices is None else indices[own]
    return None


__all__ = ["DataLoader", "Dataset", "default_collate", "get_worker_info"]
