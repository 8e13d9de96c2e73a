"""DataLoader: a dataset in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.tensor import Generator, Tensor, default_generator, stack, tensor
from tinygrad_mnist.utils.data.dataset import Dataset, IterableDataset, Subset, TensorDataset
from tinygrad_mnist.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
)


def default_collate(batch: list[Any]) -> Any:
    """Join samples to a batch: tensors are stacked, numbers become a tensor, containers go deep.

    Follows ``torch.utils.data.default_collate``.

    Raises
    ------
    TypeError
        For samples of another type, or that differ in length.

    Examples
    --------
    >>> default_collate([(1, 2.0), (3, 4.0)])
    [tensor([1, 3]), tensor([2., 4.], dtype=torch.float64)]
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, np.ndarray | np.generic):
        return wrap(np.stack([np.asarray(x) for x in batch]))
    if isinstance(first, float):
        return wrap(np.array(batch, np.float64))
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, str | bytes):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, tuple | list):
        lengths = {len(sample) for sample in batch}
        if len(lengths) > 1:
            raise RuntimeError(
                f"default_collate: each sample of a batch should have equally many parts, but they "
                f"have {sorted(lengths)}"
            )
        parts = [default_collate(list(part)) for part in zip(*batch, strict=True)]
        return type(first)(*parts) if hasattr(first, "_fields") else parts
    raise TypeError(
        f"default_collate: a batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first).__name__}; pass a collate_fn"
    )


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
        Only 0: batches are made where they are used, which is faster than handing them over
        between processes for data in memory.
    collate_fn
        Joins a list of samples to a batch; by default :func:`default_collate`.
    drop_last
        Leave out the last batch where it is shorter.
    generator
        Where randomness comes from; the global one unless given.
    unused
        PyTorch's settings of memory and workers are accepted: they have nothing to act on here.

    Raises
    ------
    ValueError
        When settings exclude each other, or num_workers isn't 0.

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
        **unused: Any,
    ) -> None:
        harmless = {"prefetch_factor", "persistent_workers", "pin_memory_device", "in_order"}
        unknown = set(unused) - harmless
        if unknown:
            raise TypeError(f"DataLoader: unexpected arguments {sorted(unknown)}")
        if num_workers:
            raise ValueError(
                f"DataLoader: num_workers={num_workers} is not offered: batches are made in the "
                f"process that uses them; use num_workers=0"
            )
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
        self.num_workers = 0
        self.generator = generator
        self.collate_fn = collate_fn
        self.drop_last = drop_last
        self._iterable = isinstance(dataset, IterableDataset)
        if self._iterable:
            if shuffle or sampler is not None or batch_sampler is not None:
                raise ValueError(
                    "DataLoader: an IterableDataset decides its own order; leave out shuffle and "
                    "samplers"
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

    def __len__(self) -> int:
        """Return the number of batches."""
        if self._iterable:
            raise TypeError("DataLoader: an IterableDataset has no length")
        counted = self.sampler if self.batch_sampler is None else self.batch_sampler
        return len(counted)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the batches of one epoch."""
        # PyTorch draws a seed for its workers here, also where there are none.
        (self.generator or default_generator).integers(0, 2**63, (1,))
        if self._iterable:
            return self._stream()
        if self.batch_sampler is None:
            return self._singles()
        source = _tensors_of(self.dataset) if self.collate_fn is None else None
        if source is None:
            collate = self.collate_fn or default_collate
            return (collate([self.dataset[i] for i in batch]) for batch in self.batch_sampler)
        return self._gather(*source)

    def _singles(self) -> Iterator[Any]:
        convert = self.collate_fn or (lambda sample: sample)
        for index in self.sampler:
            yield convert(self.dataset[index])

    def _stream(self) -> Iterator[Any]:
        if self.batch_size is None:
            yield from self.dataset
            return
        collate = self.collate_fn or default_collate
        batch = []
        for sample in self.dataset:
            batch.append(sample)
            if len(batch) == self.batch_size:
                yield collate(batch)
                batch = []
        if batch and not self.drop_last:
            yield collate(batch)

    def _gather(self, arrays: list[np.ndarray], indices: np.ndarray | None) -> Iterator[Any]:
        """Cut batches out of the tensors themselves, one indexing operation each."""
        for chosen in self._index_batches():
            rows = chosen if indices is None else indices[chosen]
            yield [wrap(array.take(rows, axis=0)) for array in arrays]

    def _index_batches(self) -> Iterator[np.ndarray]:
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


def get_worker_info() -> None:
    """Return None: batches are made in the main process.

    Examples
    --------
    >>> get_worker_info() is None
    True
    """


__all__ = ["DataLoader", "Dataset", "default_collate", "get_worker_info"]
