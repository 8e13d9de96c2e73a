"""A sampler for several processes, each of which gets its part of a dataset."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sized

from tinygrad_mnist._runtime.process_group import present_group
from tinygrad_mnist.tensor import Generator, randperm
from tinygrad_mnist.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Give each of several processes every n-th index, of an order that all know.

    Where the length isn't divisible, the order is filled up from its beginning, or cut with
    ``drop_last``. Follows ``torch.utils.data.DistributedSampler``, and draws its orders.

    Parameters
    ----------
    dataset
        The dataset, of which only the length counts.
    num_replicas, rank
        How many processes there are, and the number of this one, from 0; None asks the process
        group.
    shuffle
        Whether the order is random, drawn from seed and epoch.
    seed
        The seed, equal in all processes.
    drop_last
        Whether to cut the order, instead of filling it up.

    Raises
    ------
    ValueError
        When the rank isn't below the number of processes, or isn't given and there is no process
        group.

    Examples
    --------
    >>> from tinygrad_mnist.utils.data import DistributedSampler
    >>> sampler = DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False)
    >>> list(sampler), len(sampler)
    ([1, 3, 0], 3)
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None:
            num_replicas = present_group().size()
        if rank is None:
            rank = present_group().rank()
        if not 0 <= rank < num_replicas:
            raise ValueError(
                f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]"
            )
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.epoch, self.drop_last = 0, drop_last
        size = len(dataset)
        if drop_last and size % num_replicas:
            self.num_samples = math.ceil((size - num_replicas) / num_replicas)
        else:
            self.num_samples = math.ceil(size / num_replicas)
        self.total_size = self.num_samples * num_replicas
        self.shuffle, self.seed = shuffle, seed

    def __iter__(self) -> Iterator[int]:
        size = len(self.dataset)
        order = list(range(size))
        if self.shuffle:
            stream = Generator().manual_seed(self.seed + self.epoch)
            order = randperm(size, generator=stream).tolist()
        if len(order) < self.total_size:
            order *= math.ceil(self.total_size / len(order))
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch it is, so that each has its own order."""
        self.epoch = epoch
