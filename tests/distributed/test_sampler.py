"""Each process gets what PyTorch's sampler would give it."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from tinygrad_mnist._runtime.process_group import ProcessGroup, holder
from tinygrad_mnist.utils.data import DataLoader
from tinygrad_mnist.utils.data.distributed import DistributedSampler

NAME = "DistributedSampler"
SIZES = (1, 2, 3, 7, 8, 10, 33, 100, 1001)
COUNTS = (1, 2, 3, 4, 8, 50)


@pytest.fixture
def two_processes() -> Iterator[None]:
    """As if this were the second of two processes."""
    before, holder.group = holder.group, ProcessGroup(1, 2)
    yield
    holder.group = before


@pytest.mark.parametrize(("shuffle", "drop"), [*itertools.product((False, True), repeat=2)])
def test_every_process_gets_pytorchs_indices(shuffle: bool, drop: bool, torch: Any) -> None:
    theirs = getattr(importlib.import_module("torch.utils.data.distributed"), NAME)
    for size, count in itertools.product(SIZES, COUNTS):
        for rank, seed in itertools.product({0, count // 2, count - 1}, (0, 1, 2**31)):
            one, two = (
                kind(range(size), count, rank, shuffle=shuffle, seed=seed, drop_last=drop)
                for kind in (DistributedSampler, theirs)
            )
            for epoch in (0, 1, 17):
                one.set_epoch(epoch), two.set_epoch(epoch)
                case = (size, count, rank, seed, epoch)
                assert (list(one), len(one)) == (list(two), len(two)), case
            assert one.total_size == two.total_size


def test_all_processes_together_see_every_index() -> None:
    parts = [list(DistributedSampler(range(12), 4, rank, seed=3)) for rank in range(4)]
    assert sorted(itertools.chain(*parts)) == list(range(12))


def test_the_process_group_is_asked_for_what_is_not_given(two_processes: None) -> None:
    sampler = DistributedSampler(range(5), shuffle=False)
    assert (sampler.rank, sampler.num_replicas, list(sampler)) == (1, 2, [1, 3, 0])
    batches = DataLoader(range(6), 2, sampler=DistributedSampler(range(6), shuffle=False))
    assert [batch.tolist() for batch in batches] == [[1, 3], [5]]


def test_no_process_group_and_a_rank_that_there_is_not_are_errors() -> None:
    with pytest.raises(ValueError, match="init_process_group"):
        DistributedSampler([1])
    for rank in (-1, 2):
        with pytest.raises(ValueError, match=rf"Invalid rank {rank}, .*\[0, 1\]"):
            DistributedSampler([1], 2, rank)
