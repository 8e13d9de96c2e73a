"""Datasets, samplers and the loader."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, defaultdict, namedtuple
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.utils import data as D


class Stream(D.IterableDataset):
    def __iter__(self) -> Any:
        return iter(range(5))


def numbers(n: int) -> D.TensorDataset:
    return D.TensorDataset(tg.arange(n), tg.arange(n) * 10)


@pytest.mark.parametrize("given", [False, True], ids=["global generator", "own generator"])
@pytest.mark.parametrize(
    "options", [{}, {"shuffle": True}, {"shuffle": True, "drop_last": True}], ids=str
)
def test_order_of_seeded_epochs_is_that_of_pytorch(
    options: dict[str, Any], given: bool, torch: Any
) -> None:
    """A loader's batches over three epochs, and the streams after them, are PyTorch's."""
    seen = []
    for t in (tg, torch):
        t.manual_seed(3)
        generator = t.Generator()
        generator.manual_seed(5)
        dataset = t.utils.data.TensorDataset(t.arange(11))
        loader = t.utils.data.DataLoader(
            dataset, batch_size=4, generator=generator if given else None, **options
        )
        epochs = [[b.tolist() for (b,) in loader] for _ in range(3)]
        seen.append((epochs, t.rand(2).tolist(), t.rand(2, generator=generator).tolist()))
    assert seen[0] == seen[1]


def test_other_samplers_draw_as_pytorchs_do(torch: Any) -> None:
    """Sampling with replacement, of subsets and by weights uses up the stream as PyTorch's does."""
    for make in (
        lambda d: d.RandomSampler(range(7), replacement=True, num_samples=40),
        lambda d: d.RandomSampler(range(7), replacement=True, num_samples=64),
        lambda d: d.RandomSampler(range(7), num_samples=17),
        lambda d: d.SubsetRandomSampler([3, 1, 4, 1, 5]),
        lambda d: d.WeightedRandomSampler([0.1, 0.5, 2.0], 9),
        lambda d: [list(part.indices) for part in d.random_split(range(10), [0.6, 0.4])],
    ):
        seen = []
        for t in (tg, torch):
            t.manual_seed(4)
            seen.append((list(make(t.utils.data)), t.rand(1).item()))
        assert seen[0] == seen[1]


def test_epoch_is_shuffled_anew_from_its_generator() -> None:
    """Each epoch has an order of its own, which reseeding the generator repeats."""
    generator = tg.Generator().manual_seed(1)
    loader = D.DataLoader(numbers(10), batch_size=3, shuffle=True, generator=generator)
    epochs = [[b.tolist() for b, _ in loader] for _ in range(2)]
    assert epochs[0] != epochs[1]
    for epoch in epochs:
        assert [len(batch) for batch in epoch] == [3, 3, 3, 1]
        assert sorted(i for batch in epoch for i in batch) == list(range(10))
    generator.manual_seed(1)
    assert [b.tolist() for b, _ in loader] == epochs[0]
    assert len(loader) == 4
    assert len(D.DataLoader(numbers(10), batch_size=3, drop_last=True)) == 3


def test_batches_keep_rows_together_through_subsets_and_splits() -> None:
    parts = D.random_split(numbers(10), [0.7, 0.3], tg.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [7, 3]
    seen = []
    for part in (*parts, D.Subset(parts[0], [0, 1])):
        for a, b in D.DataLoader(part, batch_size=2, shuffle=True):
            assert isinstance(a, tg.Tensor)
            assert (a * 10).tolist() == b.tolist()
            seen += a.tolist()
    assert sorted(seen[:10]) == list(range(10))


def test_fast_path_gives_what_collated_samples_give() -> None:
    dataset = D.TensorDataset(tg.randn(7, 2, 3), tg.arange(7))
    fast = list(D.DataLoader(dataset, batch_size=3))
    slow = list(D.DataLoader(dataset, batch_size=3, collate_fn=D.default_collate))
    for a, b in zip(fast, slow, strict=True):
        assert type(a) is type(b) is list
        assert all(tg.equal(x, y) and x.dtype == y.dtype for x, y in zip(a, b, strict=True))


def test_batch_does_not_share_memory_with_the_dataset() -> None:
    x = tg.zeros(4)
    for (batch,) in D.DataLoader(D.TensorDataset(x), batch_size=2):
        batch.fill_(1)
    assert x.tolist() == [0.0] * 4


def test_samplers() -> None:
    """Each sampler yields the indices that it promises, and the loader takes any of them."""
    assert next(iter(D.RandomSampler(range(5), replacement=True, num_samples=10**10))) in range(5)
    assert len(list(D.RandomSampler(range(3), num_samples=8))) == 8
    assert sorted(D.SubsetRandomSampler([4, 7])) == [4, 7]
    assert set(D.WeightedRandomSampler([0, 1, 0], 5)) == {1}
    assert list(D.BatchSampler(D.SequentialSampler(range(5)), 2, True)) == [[0, 1], [2, 3]]
    loader = D.DataLoader(numbers(6), batch_sampler=[[0, 5], [1]])
    assert [b.tolist() for b, _ in loader] == [[0, 5], [1]]
    weighted = D.DataLoader(numbers(3), batch_size=2, sampler=D.WeightedRandomSampler([0, 0, 1], 4))
    assert [b.tolist() for b, _ in weighted] == [[2, 2], [2, 2]]
    single = D.DataLoader(numbers(2), batch_size=None)
    assert [b.item() for b, _ in single] == [0, 1]


def test_collation_is_that_of_pytorch(torch: Any) -> None:
    Pair = namedtuple("Pair", ["x", "y"])
    for batch in (
        [1, 2], [1.5, 2.5], [True, False], ["a", "b"], [(1, 2.0), (3, 4.0)], [{"a": 1}, {"a": 2}],
        [OrderedDict(a=1), OrderedDict(a=2)], [defaultdict(int, a=1)], [{"a": {"b": [1, "c"]}}], [b"x"],
        [np.ones(2), np.zeros(2)], [np.float32(1), np.float32(2)], [Pair(1, [2]), Pair(3, [4])],
    ):  # fmt: skip
        mine, theirs = D.default_collate(batch), torch.utils.data.default_collate(batch)
        assert repr(mine) == repr(theirs)
    for data in (
        np.ones(2),
        [np.float64(3), "x", (1, np.int64(2))],
        {"a": np.ones(1)},
        3,
        Pair(1, np.ones(1)),
    ):
        assert repr(D.default_convert(data)) == repr(torch.utils.data.default_convert(data))
    with pytest.raises(TypeError, match="found object"):
        D.default_collate([object()])
    with pytest.raises(RuntimeError, match="equally many parts"):
        D.default_collate([(1, 2), (1,)])


def test_other_datasets() -> None:
    class Squares(D.Dataset):
        def __len__(self) -> int:
            return 5

        def __getitem__(self, i: int) -> tuple[int, int]:
            return i, i * i

    assert [b.tolist() for _, b in D.DataLoader(Squares(), batch_size=3)] == [[0, 1, 4], [9, 16]]
    assert [b.tolist() for b in D.DataLoader(Stream(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    both = Squares() + Squares()
    assert (len(both), both[7], both[-1]) == (10, (2, 4), (4, 16))
    with pytest.raises(TypeError, match="no length"):
        len(D.DataLoader(Stream(), batch_size=2))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: D.TensorDataset(tg.ones(2), tg.ones(3)), ValueError, "size mismatch"),
        (lambda: D.DataLoader(numbers(2), num_workers=-1), ValueError, "non-negative"),
        (lambda: D.DataLoader(numbers(2), timeout=-1), ValueError, "non-negative"),
        (lambda: D.DataLoader(numbers(2), prefetch_factor=2), ValueError, "num_workers > 0"),
        (lambda: D.DataLoader(numbers(2), persistent_workers=True), ValueError, "num_workers > 0"),
        (lambda: D.DataLoader(Stream(), shuffle=True), ValueError, "IterableDataset"),
        (lambda: D.DataLoader(numbers(2), batch_size=None, drop_last=True), ValueError, "exclusive"),
        (lambda: setattr(D.DataLoader(numbers(2)), "batch_size", 3), ValueError, "batch_size"),
        (lambda: D.StackDataset(), ValueError, "at least one"),
        (lambda: D.StackDataset([1], [1, 2]), ValueError, "size mismatch"),
        (lambda: D.StackDataset([1], a=[1]), ValueError, "some of each"),
        (lambda: D.ConcatDataset([Stream()]), ValueError, "IterableDataset"),
        (lambda: list(D.ChainDataset([[1]])), TypeError, "list"),
        (lambda: D.random_split(numbers(3), [0.5, -0.5, 1.0]), ValueError, "fraction at index 1"),
        (lambda: D.RandomSampler([]), ValueError, "positive integer"),
        (lambda: D.RandomSampler([1], replacement=1), TypeError, "boolean"),
        (lambda: D.WeightedRandomSampler([1.0], 1, replacement=1), ValueError, "boolean"),
        (lambda: D.WeightedRandomSampler([[1.0]], 1), ValueError, "1d"),
        (lambda: D.BatchSampler([1], 2, 3), ValueError, "boolean"),
        (lambda: D.default_collate([np.array("a")]), TypeError, "<U1"),
        (lambda: D.default_collate([tg.ones(1), tg.ones(2)]), RuntimeError, "default_collate: expects each tensor"),
        (lambda: D.DataLoader(numbers(2), batch_size=0), ValueError, "positive"),
        (lambda: D.DataLoader(numbers(2), shuffle=True, sampler=[0]), ValueError, "exclusive"),
        (lambda: D.DataLoader(numbers(2), batch_sampler=[[0]], batch_size=3), ValueError, "exclusive"),
        (lambda: D.DataLoader(numbers(2), batchsize=3), TypeError, "batchsize"),
        (lambda: D.random_split(numbers(3), [1, 1]), ValueError, "add up to 2"),
        (lambda: D.RandomSampler(range(3), num_samples=0), ValueError, "positive integer"),
        (lambda: D.WeightedRandomSampler([-1.0, 2.0], 1), ValueError, "not negative"),
        (lambda: D.ConcatDataset([]), ValueError, "empty"),
        (lambda: list(D.DataLoader(numbers(2), sampler=[5])), IndexError, "out of bounds"),
    ],
)  # fmt: skip
def test_bad_input_gets_a_sentence(call: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=words):
        call()


def test_stacked_and_chained_datasets(torch: Any) -> None:
    for d in (D, torch.utils.data):

        class Two(d.IterableDataset):  # type: ignore[misc, name-defined]
            def __iter__(self) -> Any:
                return iter([1, 2])

        assert d.StackDataset([1, 2], [3, 4])[1] == (2, 4)
        assert d.StackDataset(a=[1, 2], b=[3, 4])[0] == {"a": 1, "b": 3}
        assert len(d.StackDataset([1, 2])) == 2
        assert list(d.ChainDataset([Two(), Two()])) == list(Two() + Two()) == [1, 2, 1, 2]
        assert [b.tolist() for b in d.DataLoader(Two() + Two(), batch_size=3)] == [[1, 2, 1], [2]]
        assert list(d.DataLoader(Two(), batch_size=None)) == [1, 2]
        with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
            assert [len(x) for x in d.random_split(range(5), [0.99, 0.01])] == [5, 0]
        assert issubclass(d.Dataset[int].__origin__, d.Dataset)


def test_several_samples_are_taken_at_once_where_the_dataset_can() -> None:
    class Many(D.Dataset):
        def __len__(self) -> int:
            return 5

        def __getitems__(self, indices: list[int]) -> list[int]:
            return [10 * i for i in indices]

    assert [b.tolist() for b in D.DataLoader(Many(), batch_size=3)] == [[0, 10, 20], [30, 40]]
    part = D.Subset(Many(), [4, 0])
    assert [b.tolist() for b in D.DataLoader(part, batch_size=2)] == [[40, 0]]


class Noisy:
    """A dataset that draws from the default generator, as augmentations do."""

    def __init__(self, t: Any) -> None:
        self.t = t

    def __len__(self) -> int:
        return 7

    def __getitem__(self, i: int) -> Any:
        info = self.t.utils.data.get_worker_info()
        return i, self.t.rand(1), -1 if info is None else info.id


def seen_by(loader: Any, epochs: int = 2) -> Any:
    return [
        [[part.tolist() for part in batch] for batch in loader] for _ in range(epochs)
    ]  # fmt: skip


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_batches_of_workers_are_those_of_pytorch(workers: int, torch: Any) -> None:
    """The same order, the same worker for each batch, and the same random numbers in it."""
    options = {"persistent_workers": True} if workers == 2 else {}
    results = []
    for t in (tg, torch):
        t.manual_seed(3)
        loader = t.utils.data.DataLoader(
            Noisy(t), batch_size=2, shuffle=True, num_workers=workers, **options
        )
        results.append((seen_by(loader), t.rand(2).tolist()))
    assert results[0] == results[1]


class Shards(D.IterableDataset):
    """Each worker takes its part, as its init function says."""

    def __init__(self) -> None:
        self.start, self.step = 0, 1

    def __iter__(self) -> Any:
        return iter(range(self.start, 11, self.step))


def test_iterable_dataset_is_shared_out_among_workers() -> None:
    def init(number: int) -> None:
        info = D.get_worker_info()
        assert info.id == number
        info.dataset.start, info.dataset.step = number, info.num_workers

    dataset = Shards()
    loader = D.DataLoader(dataset, batch_size=2, num_workers=3, worker_init_fn=init)
    for _ in range(2):
        assert [b.tolist() for b in loader] == [[0, 3], [1, 4], [2, 5], [6, 9], [7, 10], [8]]
    assert dataset.start == 0
    every = D.DataLoader(dataset, batch_size=4, num_workers=2, drop_last=True)
    assert [b.tolist() for b in every] == [[0, 1, 2, 3]] * 2 + [[4, 5, 6, 7]] * 2
    assert D.get_worker_info() is None


def test_workers_make_batches_ahead_and_tell_their_errors() -> None:
    made = []

    class Slow(D.Dataset):
        def __len__(self) -> int:
            return 20

        def __getitem__(self, i: int) -> int:
            if i == 13:
                raise KeyError("thirteen")
            made.append(i)
            return i

    batches = iter(D.DataLoader(Slow(), num_workers=2, prefetch_factor=3))
    assert next(batches).tolist() == [0]
    deadline = time.monotonic() + 5
    while len(made) < 7 and time.monotonic() < deadline:
        time.sleep(0.001)
    assert sorted(made) == list(range(7))
    with pytest.raises(KeyError, match="thirteen"):
        list(batches)


def test_worker_that_takes_too_long_is_an_error() -> None:
    done = threading.Event()

    class Stuck(D.Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, i: int) -> int:
            done.wait(10)
            return i

    with pytest.raises(RuntimeError, match=r"timed out after 0\.05 seconds"):
        list(D.DataLoader(Stuck(), num_workers=1, timeout=0.05))
    done.set()


def test_threads_end_with_their_epoch_or_their_loader() -> None:
    def running() -> int:
        return sum("DataLoader" in t.name for t in threading.enumerate())

    def wait(count: int) -> None:
        deadline = time.monotonic() + 5
        while running() > count and time.monotonic() < deadline:
            time.sleep(0.001)
        assert running() == count

    wait(0)
    for _ in D.DataLoader(numbers(9), num_workers=2):
        break
    wait(0)
    loader = D.DataLoader(numbers(9), num_workers=2, persistent_workers=True)
    first = [b.tolist() for b, _ in loader]
    assert first == [b.tolist() for b, _ in loader]
    assert running() == 2
    del loader
    wait(0)
