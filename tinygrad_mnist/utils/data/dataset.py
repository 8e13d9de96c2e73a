"""Datasets, indexed or iterable."""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, Protocol, TypeVar

from tinygrad_mnist._runtime.naming import NamedInit, named, warn
from tinygrad_mnist.tensor import Generator, Tensor, default_generator

T_co = TypeVar("T_co", covariant=True)


class Indexable(Protocol[T_co]):
    """Any object that returns a sample by its number: a dataset, a list, a tensor."""

    def __getitem__(self, index: int, /) -> T_co: ...


class Dataset(NamedInit, Generic[T_co]):
    """Base of datasets that can be indexed: define ``__getitem__`` and ``__len__``.

    ``Dataset[T]`` names the type of its samples. Follows ``torch.utils.data.Dataset``.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import DataLoader, Dataset
    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> list(DataLoader(Squares(), batch_size=2))
    [tensor([0, 1]), tensor([4, 9])]
    """

    def __getitem__(self, index: Any) -> T_co:
        raise NotImplementedError("subclasses of Dataset should implement __getitem__")

    def __add__(self, other: Indexable[T_co]) -> ConcatDataset[T_co]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T_co]):
    """Base of datasets that can only be iterated: define ``__iter__``.

    Follows ``torch.utils.data.IterableDataset``.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import DataLoader, IterableDataset
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(3))
    >>> list(DataLoader(Count(), batch_size=2))
    [tensor([0, 1]), tensor([2])]
    """

    def __iter__(self) -> Iterator[T_co]:
        raise NotImplementedError("subclasses of IterableDataset should implement __iter__")

    # What can't be indexed is joined to what can't either, as in PyTorch.
    def __add__(self, other: Iterable[T_co]) -> ChainDataset[T_co]:  # type: ignore[override]
        return ChainDataset([self, other])


class TensorDataset(Dataset[tuple[Tensor, ...]]):
    """Tensors of equal length side by side: a sample is a tuple of their rows.

    Follows ``torch.utils.data.TensorDataset``.

    Parameters
    ----------
    tensors
        Tensors of shapes (N, *).

    Raises
    ------
    ValueError
        When the lengths differ.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> from tinygrad_mnist.utils.data import TensorDataset
    >>> TensorDataset(arange(3), arange(3, 6))[1]
    (tensor(1), tensor(4))
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(f"size mismatch between tensors, their lengths are {lengths}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])


class Subset(Dataset[T_co]):
    """Some samples of a dataset.

    Follows ``torch.utils.data.Subset``.

    Parameters
    ----------
    dataset
        The dataset.
    indices
        The samples' numbers.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> from tinygrad_mnist.utils.data import Subset, TensorDataset
    >>> Subset(TensorDataset(arange(10)), [7, 8])[1]
    (tensor(8),)
    """

    def __init__(self, dataset: Indexable[T_co], indices: Sequence[int]) -> None:
        self.dataset: Any = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> Any:
        """Return one sample, or those of a list of indices."""
        if isinstance(index, list):
            return self.dataset[[self.indices[i] for i in index]]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: list[int]) -> Any:
        """Return several samples, at once where the dataset can."""
        chosen = [self.indices[i] for i in indices]
        if callable(getattr(self.dataset, "__getitems__", None)):
            return self.dataset.__getitems__(chosen)
        return [self.dataset[i] for i in chosen]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T_co]):
    """Datasets one after another.

    Follows ``torch.utils.data.ConcatDataset``.

    Parameters
    ----------
    datasets
        The datasets.

    Raises
    ------
    ValueError
        When there are none.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> from tinygrad_mnist.utils.data import ConcatDataset, TensorDataset
    >>> both = ConcatDataset([TensorDataset(arange(2)), TensorDataset(arange(5, 8))])
    >>> len(both), both[3]
    (5, (tensor(6),))
    """

    def __init__(self, datasets: Iterable[Indexable[T_co]]) -> None:
        self.datasets: list[Any] = list(datasets)
        if not self.datasets:
            raise ValueError("datasets should not be an empty iterable")
        if any(isinstance(d, IterableDataset) for d in self.datasets):
            raise ValueError(
                "does not support IterableDataset, which has no order of its own to index; use "
                "ChainDataset"
            )
        self.cumulative_sizes = list(itertools.accumulate(len(d) for d in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T_co:
        length = len(self)
        if not -length <= index < length:
            raise IndexError(f"ConcatDataset: index {index} is out of range for {length} samples")
        index %= length
        number = bisect.bisect_right(self.cumulative_sizes, index)
        start = self.cumulative_sizes[number - 1] if number else 0
        sample: T_co = self.datasets[number][index - start]
        return sample


class ChainDataset(IterableDataset[T_co]):
    """Iterable datasets one after another.

    Follows ``torch.utils.data.ChainDataset``.

    Parameters
    ----------
    datasets
        The datasets.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import ChainDataset, IterableDataset
    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(ChainDataset([Count(), Count()]))
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Iterable[T_co]]) -> None:
        self.datasets: Iterable[Any] = datasets

    def __iter__(self) -> Iterator[T_co]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset only supports IterableDataset, got {type(dataset).__name__}; "
                    f"use ConcatDataset for datasets that can be indexed"
                )
            yield from dataset

    def __len__(self) -> int:
        """Return the number of samples, where all datasets know theirs."""
        return sum(len(dataset) for dataset in self.datasets)


class StackDataset(Dataset[Any]):
    """Datasets of equal length side by side: a sample is a tuple, or a dict, of their samples.

    Follows ``torch.utils.data.StackDataset``.

    Parameters
    ----------
    args, kwargs
        The datasets: a sample is a tuple, or, given by name, a dict.

    Raises
    ------
    ValueError
        When there are none, or some with names and some without, or their lengths differ.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import StackDataset
    >>> StackDataset([1, 2], ["a", "b"])[1], StackDataset(x=[1, 2], y=["a", "b"])[0]
    ((2, 'b'), {'x': 1, 'y': 'a'})
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError("give the datasets either names or none; got some of each")
        if not args and not kwargs:
            raise ValueError("at least one dataset should be passed")
        self.datasets: Any = kwargs or args
        lengths = [len(d) for d in (kwargs.values() or args)]
        if len(set(lengths)) > 1:
            raise ValueError(f"size mismatch between datasets, their lengths are {lengths}")
        self._length = lengths[0]

    def __getitem__(self, index: int) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        return self._length


@named
def random_split(
    dataset: Indexable[T_co], lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset[T_co]]:
    """Split a dataset at random into parts of given lengths, or of fractions that add up to 1.

    Follows ``torch.utils.data.random_split``.

    Parameters
    ----------
    dataset
        The dataset.
    lengths
        How many samples each part has, or which share.
    generator
        Where the random numbers come from.

    Returns
    -------
    A list of :class:`Subset`.

    Raises
    ------
    ValueError
        When the lengths don't add up to that of the dataset.

    Examples
    --------
    >>> from tinygrad_mnist import arange
    >>> from tinygrad_mnist.utils.data import TensorDataset, random_split
    >>> [len(part) for part in random_split(TensorDataset(arange(10)), [0.75, 0.25])]
    [8, 2]
    """
    total = len(dataset)  # type: ignore[arg-type]  # a Dataset has a length if it is indexed
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        for i, fraction in enumerate(lengths):
            if not 0 <= fraction <= 1:
                raise ValueError(f"fraction at index {i} is not between 0 and 1")
        counts = [math.floor(total * fraction) for fraction in lengths]
        for i in range(total - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if not count:
                warn(f"Length of split at index {i} is 0. This might result in an empty dataset.")
    else:
        counts = [int(n) for n in lengths]
        if any(0 < n < 1 for n in lengths):
            raise ValueError(
                f"the fractions {list(lengths)} add up to {sum(lengths):g}, but must add up to 1"
            )
    if sum(counts) != total:
        raise ValueError(
            f"the lengths {list(lengths)} add up to {sum(counts)}, but the dataset "
            f"has {total} samples"
        )
    order = (generator or default_generator).permutation(total)
    ends = list(itertools.accumulate(counts))
    return [
        Subset(dataset, order[end - count : end].tolist())
        for end, count in zip(ends, counts, strict=True)
    ]
