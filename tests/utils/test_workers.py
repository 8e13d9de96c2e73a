"""Workers: epochs that overlap, forks, threads that are stuck, and PyTorch's order throughout."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.utils import data as D


class Noisy:
    """A dataset that draws from the default generator."""

    def __init__(self, t: Any) -> None:
        self.t = t

    def __len__(self) -> int:
        return 9

    def __getitem__(self, i: int) -> Any:
        return i, self.t.rand(1)


def noisy_stream(t: Any) -> Any:
    class Stream(t.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Any:
            number = t.utils.data.get_worker_info().id
            for i in range(number * 10, number * 11 + 5):
                yield i, t.rand(1)

    return Stream()


class Stream(D.IterableDataset):
    def __iter__(self) -> Any:
        return iter(range(3))


def plain(batch: Any) -> Any:
    return [part.tolist() for part in batch]


def one_after_the_other(loader: Any) -> Any:
    return [[plain(b) for b in loader] for _ in range(3)]


def one_while_another_lives(loader: Any) -> Any:
    first = iter(loader)
    seen = [plain(next(first)), [plain(b) for b in loader]]
    return [*seen, [plain(b) for b in first]]


def side_by_side(loader: Any) -> Any:
    return [(plain(a), plain(b)) for a, b in zip(loader, loader, strict=False)]


def one_in_another(loader: Any) -> Any:
    return [(plain(a), plain(b)) for a in loader for b in loader]


def broken_off(loader: Any) -> Any:
    for _ in loader:
        break
    return [[plain(b) for b in loader], plain(next(iter(loader))), [plain(b) for b in loader]]


@pytest.mark.parametrize(
    "use", [one_after_the_other, one_while_another_lives, side_by_side, one_in_another, broken_off]
)
@pytest.mark.parametrize("make", [Noisy, noisy_stream])
def test_epochs_of_workers_are_pytorchs_however_they_overlap(
    use: Any, make: Any, torch: Any
) -> None:
    seen = []
    for t in (tg, torch):
        results = []
        for persistent in (True,) if use is one_in_another else (True, False):
            t.manual_seed(1)
            loader = t.utils.data.DataLoader(
                make(t), batch_size=2, num_workers=2, persistent_workers=persistent
            )
            results.append(use(loader))
            results.append((iter(loader) is iter(loader)) == persistent)
        seen.append((results, t.rand(1).item()))
    assert seen[0] == seen[1]


@pytest.mark.parametrize("workers", [0, 2])
def test_epoch_goes_on_after_an_error_as_pytorchs_does(workers: int, torch: Any) -> None:
    seen = []
    for t in (tg, torch):

        class Faulty:
            def __len__(self) -> int:
                return 8

            def __getitem__(self, i: int) -> int:
                if i in (3, 4):
                    raise KeyError("no such sample")
                return i

        class Ending(t.utils.data.IterableDataset):  # type: ignore[misc, name-defined]
            def __iter__(self) -> Any:
                yield from (1, 2)
                raise KeyError("no more")

        for dataset in (Faulty(), Ending()):
            loader = t.utils.data.DataLoader(
                dataset, num_workers=workers, persistent_workers=workers > 0
            )
            kept = []  # an error holds what was running, and the next epoch must not mind
            for _ in range(2):
                batches = iter(loader)
                for _ in range(12):
                    try:
                        seen.append(next(batches).tolist())
                    except StopIteration:
                        seen.append("the end")
                    except KeyError as error:
                        kept.append(error)
                        seen.append("an error")
    assert seen[: len(seen) // 2] == seen[len(seen) // 2 :]
    assert "an error" in seen


def test_iterator_has_the_length_of_its_loader(torch: Any) -> None:
    for t, workers in ((tg, 0), (tg, 1), (torch, 0)):
        loader = t.utils.data.DataLoader(range(5), batch_size=2, num_workers=workers)
        assert len(iter(loader)) == 3
    with pytest.raises(TypeError, match="no length"):
        len(iter(D.DataLoader(Stream())))


def run(code: str, limit: float = 20) -> str:
    """Run a program that must end in time, and return what it prints.

    From 3.12 on Python warns of every fork in a process that has threads.
    """
    head = "import os, sys, threading, time, tinygrad_mnist as tg\nfrom tinygrad_mnist.utils.data import *\n"
    done = subprocess.run(
        [sys.executable, "-W", "ignore:This process:DeprecationWarning", "-c", head + textwrap.dedent(code)],
        capture_output=True, text=True, timeout=limit,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout


STUCK = """
class Stuck:
    def __len__(self):
        return 4
    def __getitem__(self, i):
        time.sleep(600)
"""


@pytest.mark.parametrize(
    "use",
    [
        "loader = DataLoader(Stuck(), num_workers=2)\nit = iter(loader)",
        "loader = DataLoader(Stuck(), num_workers=2, persistent_workers=True)\nit = iter(loader)",
        "try:\n    list(DataLoader(Stuck(), num_workers=2, timeout=.1))\n"
        "except RuntimeError as error:\n    print('timed out' in str(error))",
    ],
    ids=["left", "persistent", "timed out"],
)
def test_worker_that_is_stuck_does_not_keep_the_interpreter(use: str) -> None:
    run(STUCK + use)


def test_timed_out_loader_begins_anew_with_other_workers() -> None:
    out = run("""
    slow = True
    class Slow:
        def __len__(self):
            return 2
        def __getitem__(self, i):
            if slow:
                time.sleep(600)
            return i
    loader = DataLoader(Slow(), num_workers=1, persistent_workers=True, timeout=.2)
    try:
        next(iter(loader))
    except RuntimeError:
        slow = False
    loader.timeout = 10
    print([b.item() for b in loader])
    """)
    assert out == "[0, 1]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("persistent", [False, True])
def test_loader_works_in_a_forked_process(persistent: bool) -> None:
    out = run(f"""
    loader = DataLoader(range(4), num_workers=2, persistent_workers={persistent})
    begun = iter(loader)
    print(next(begun).item(), flush=True)
    child = os.fork()
    if child == 0:
        try:
            next(begun)
        except RuntimeError as error:
            print("begin one here" in str(error))
        print([b.item() for b in loader], [b.item() for b in loader], flush=True)
        del begun, loader
        sys.exit()
    os.waitpid(child, 0)
    print([b.item() for b in begun], [b.item() for b in loader])
    """)
    assert out == "0\nTrue\n[0, 1, 2, 3] [0, 1, 2, 3]\n[1, 2, 3] [0, 1, 2, 3]\n"


def test_generic_names_can_be_subscripted(torch: Any) -> None:
    for d in (D, torch.utils.data):
        for kind in (d.DataLoader, d.Dataset, d.IterableDataset, d.Sampler, d.Subset):
            assert kind[int].__origin__ is kind

        class Typed(d.Dataset[int]):  # type: ignore[misc, name-defined]
            def __len__(self) -> int:
                return 2

            def __getitem__(self, i: int) -> int:
                return i

        loader: Any = d.DataLoader[int](Typed())
        assert [b.tolist() for b in loader] == [[0], [1]]
