"""Fetching: the indices of an epoch's batches, and the batches made of them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_mnist.autograd.graph import wrap
from tinygrad_mnist.utils.data.collate import default_collate
from tinygrad_mnist.utils.data.dataset import Subset, TensorDataset
from tinygrad_mnist.utils.data.sampler import Sampler
from tinygrad_mnist.utils.data.worker import END


@dataclass
class Plan:
    """The settings of a loader that its batches depend on.

    The iterators and workers know these, and not the loader, so that they don't keep it alive.
    """

    dataset: Any
    iterable: bool
    sampler: Any
    batch_sampler: Any
    batch_size: int | None
    drop_last: bool
    collate: Callable[[Any], Any]

    def __len__(self) -> int:
        if not self.iterable:
            return len(self.sampler if self.batch_sampler is None else self.batch_sampler)
        if not hasattr(self.dataset, "__len__"):
            raise TypeError("DataLoader: an IterableDataset has no length unless it has __len__")
        count, size = len(self.dataset), self.batch_size or 1
        return count // size if self.drop_last else -(-count // size)

    def indices(self) -> Iterator[Any]:
        """Iterate over the indices of batches: one, several, or None for an iterable dataset."""
        if self.iterable:
            return itertools.repeat(None)
        if self.batch_sampler is None:
            return iter(self.sampler)
        if self.collate is default_collate and _tensors_of(self.dataset) is not None:
            return self._index_batches()
        return iter(self.batch_sampler)

    def fetcher(self, dataset: Any) -> Callable[[Any], Any]:
        """Return the function that makes a batch of a dataset's samples."""
        collate = self.collate
        if self.iterable:
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
        size, collate, drop_last = self.batch_size, self.collate, self.drop_last
        ended = False

        def fetch(_: Any) -> Any:
            nonlocal ended
            wanted = 0 if ended else size or 1  # what has ended once isn't asked again
            batch = list(itertools.islice(samples, wanted))
            ended = len(batch) < (size or 1)
            if not batch or (drop_last and ended):
                return END
            return collate(batch[0] if size is None else batch)

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


class PlainIterator:
    """The batches of one epoch, made where they are used."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._indices = plan, plan.indices()
        self._fetch = plan.fetcher(plan.dataset)

    def __iter__(self) -> PlainIterator:
        return self

    def __len__(self) -> int:
        return len(self._plan)

    def __next__(self) -> Any:
        indices = next(self._indices)
        try:
            batch = self._fetch(indices)
        except StopIteration as error:
            # Let through, it would end the epoch as if there were no more data.
            raise RuntimeError(
                "DataLoader: the dataset raised StopIteration; raise another error"
            ) from error
        if batch is END:
            raise StopIteration
        return batch


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
