"""Samplers: the order of a dataset's samples.

Those that know their whole order ahead also give it as one array (``order``), from which the
loader cuts its batches without a Python number per sample.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Sized
from typing import Generic, TypeVar

import numpy as np

from tinygrad_mnist._runtime.naming import NamedInit
from tinygrad_mnist.autograd.graph import TensorBase
from tinygrad_mnist.tensor import Generator, default_generator

T_co = TypeVar("T_co", covariant=True)


class Sampler(NamedInit, Generic[T_co]):
    """Base of samplers: define ``__iter__``, and ``__len__`` where it is known.

    ``Sampler[T]`` names the type of its indices. Follows ``torch.utils.data.Sampler``.

    Parameters
    ----------
    data_source
        Without effect; PyTorch's older argument.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import DataLoader, Sampler
    >>> class Backwards(Sampler):
    ...     def __iter__(self):
    ...         return iter((2, 1, 0))
    >>> list(DataLoader([10, 20, 30], sampler=Backwards()))
    [tensor([30]), tensor([20]), tensor([10])]
    """

    def __init__(self, data_source: Sized | None = None) -> None: ...

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("subclasses of Sampler should implement __iter__")

    def order(self) -> np.ndarray | None:
        """Return the indices of one epoch as an array, or None where that isn't possible."""
        return None


class SequentialSampler(Sampler[int]):
    """Samples in their own order.

    Follows ``torch.utils.data.SequentialSampler``.

    Parameters
    ----------
    data_source
        The dataset, of which only the length counts.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import SequentialSampler
    >>> list(SequentialSampler("abc"))
    [0, 1, 2]
    """

    def __init__(self, data_source: Sized) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)

    def order(self) -> np.ndarray:
        """Return 0, 1, ..."""
        return np.arange(len(self.data_source))


class RandomSampler(Sampler[int]):
    """Samples in a random order, drawn anew for each epoch.

    With replacement they are drawn one by one, lazily, however many are asked for. Follows
    ``torch.utils.data.RandomSampler``.

    Parameters
    ----------
    data_source
        The dataset, of which only the length counts.
    replacement
        Whether a sample may come again.
    num_samples
        How many are drawn for an epoch; all unless given.
    generator
        Where the random numbers come from.

    Raises
    ------
    ValueError
        When num_samples isn't a positive integer.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import RandomSampler
    >>> sorted(RandomSampler("abc"))
    [0, 1, 2]
    >>> next(iter(RandomSampler("a", replacement=True, num_samples=10**10)))
    0
    """

    def __init__(
        self,
        data_source: Sized,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(replacement, bool):
            raise TypeError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        self.data_source = data_source
        self.replacement = replacement
        self.generator = generator
        self._num_samples = num_samples
        if not isinstance(self.num_samples, int) or self.num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples="
                f"{self.num_samples}"
            )

    @property
    def num_samples(self) -> int:
        """How many samples an epoch has."""
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __len__(self) -> int:
        return self.num_samples

    def _source(self) -> Generator:
        """Return the generator of an epoch; without one given, a new one, as in PyTorch."""
        if self.generator is not None:
            return self.generator
        return Generator().manual_seed(int(default_generator.integers(0, 2**63, (1,))[0]))

    def _shuffled(self, count: int) -> Iterator[np.ndarray]:
        source, length = self._source(), len(self.data_source)
        while length:
            # One more than is needed where count is a multiple: PyTorch's stream goes on so.
            yield source.permutation(length)[:count]
            if count <= 0:
                return
            count = max(count - length, 0)

    def __iter__(self) -> Iterator[int]:
        if self.replacement:
            source, length = self._source(), len(self.data_source)
            left = self.num_samples
            while left >= 0:
                yield from source.integers(0, length, (min(left, 32),)).tolist()
                left -= 32
            return
        for part in self._shuffled(self.num_samples):
            yield from part.tolist()

    def order(self) -> np.ndarray | None:
        """Return a new random order, or None with replacement."""
        if self.replacement or self.num_samples > len(self.data_source):
            return None
        parts = list(self._shuffled(self.num_samples))
        return np.concatenate(parts) if parts else np.arange(0)


class SubsetRandomSampler(Sampler[int]):
    """Given indices in a random order.

    Follows ``torch.utils.data.SubsetRandomSampler``.

    Parameters
    ----------
    indices
        The indices.
    generator
        Where the random numbers come from.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import SubsetRandomSampler
    >>> sorted(SubsetRandomSampler([7, 8]))
    [7, 8]
    """

    def __init__(self, indices: Sequence[int], generator: Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or default_generator).permutation(len(self.indices))
        for i in order.tolist():
            yield self.indices[i]

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Indices drawn with probabilities in proportion to weights.

    Follows ``torch.utils.data.WeightedRandomSampler``.

    Parameters
    ----------
    weights
        A weight for each index: (N) numbers, which needn't sum to 1.
    num_samples
        How many are drawn for an epoch.
    replacement
        Whether an index may come again.
    generator
        Where the random numbers come from.

    Raises
    ------
    ValueError
        When num_samples isn't a positive integer.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import WeightedRandomSampler
    >>> list(WeightedRandomSampler([0.0, 1.0], 3))
    [1, 1, 1]
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: Generator | None = None,
    ) -> None:
        if not isinstance(num_samples, int) or isinstance(num_samples, bool) or num_samples <= 0:
            raise ValueError(
                f"num_samples should be a positive integer value, but got num_samples={num_samples}"
            )
        if not isinstance(replacement, bool):
            raise ValueError(
                f"replacement should be a boolean value, but got replacement={replacement}"
            )
        array = weights._array if isinstance(weights, TensorBase) else weights
        self.weights = np.asarray(array, np.float64)
        if self.weights.ndim != 1 or (self.weights < 0).any() or not self.weights.sum() > 0:
            raise ValueError(
                "weights should be a 1d sequence of numbers that are not negative and not all 0"
            )
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        source = self.generator or default_generator
        yield from source.multinomial(self.weights, self.num_samples, self.replacement).tolist()

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """Lists of a sampler's indices.

    Follows ``torch.utils.data.BatchSampler``.

    Parameters
    ----------
    sampler
        The indices.
    batch_size
        How many go into a list.
    drop_last
        Whether to leave out the last list where it is shorter.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import BatchSampler
    >>> list(BatchSampler(range(5), batch_size=2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if not isinstance(batch_size, int) or isinstance(batch_size, bool) or batch_size <= 0:
            raise ValueError(
                f"batch_size should be a positive integer value, but got batch_size={batch_size}"
            )
        if not isinstance(drop_last, bool):
            raise ValueError(f"drop_last should be a boolean value, but got drop_last={drop_last}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        """Iterate over lists of indices; the last may be shorter."""
        batch: list[int] = []
        for index in self.sampler:
            batch.append(index)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        count = len(self.sampler)  # type: ignore[arg-type]  # if it has a length
        return count // self.batch_size if self.drop_last else -(-count // self.batch_size)
