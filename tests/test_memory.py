"""Memory that is left behind: by training without the garbage collector, and by calls that fail."""

from __future__ import annotations

import gc
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn, optim
from tinygrad_mnist._runtime import threads

pytestmark = pytest.mark.slow

LAYERS: list[tuple[Callable[[], nn.Module], tuple[int, ...]]] = [
    (lambda: nn.Linear(4, 3), (2, 4)),
    (lambda: nn.Sequential(nn.Conv2d(2, 2, 3), nn.BatchNorm2d(2), nn.MaxPool2d(2)), (2, 2, 6, 6)),
    (lambda: nn.LSTM(4, 3), (2, 3, 4)),
    (lambda: nn.GRU(4, 3, bidirectional=True), (2, 3, 4)),
    (lambda: nn.TransformerEncoderLayer(4, 2, 8), (2, 3, 4)),
    (lambda: nn.Sequential(nn.LayerNorm(4), nn.GELU(), nn.Dropout(), nn.Softmax(-1)), (2, 4)),
    (lambda: nn.utils.weight_norm(nn.Linear(4, 3)), (2, 4)),
]


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Memory without the garbage collector; what it would find lies in ``gc.garbage``."""
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    yield
    gc.set_debug(0)
    gc.garbage.clear()
    gc.enable()


def cycles() -> list[str]:
    """Return what is only held by itself, and forget it."""
    gc.collect()
    found = [f"{type(x).__module__}.{type(x).__name__}" for x in gc.garbage]
    gc.garbage.clear()
    return [name for name in found if "tinygrad_mnist" in name or "Error" in name]


@pytest.mark.parametrize("make, shape", LAYERS)
def test_training_takes_no_more_memory_with_time(
    no_collector: None, make: Callable[[], nn.Module], shape: tuple[int, ...]
) -> None:
    layer = make()
    optimizer = optim.Adam(layer.parameters())

    def step() -> None:
        optimizer.zero_grad()
        out = layer(tg.randn(*shape).requires_grad_())
        (out[0] if isinstance(out, tuple) else out).square().sum().backward()
        optimizer.step()

    for _ in range(10):
        step()
    tracemalloc.start()
    try:
        step()
        gc.collect()  # CPython keeps tuples for later; cycles stay where they are, for cycles()
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(150):
            step()
        gc.collect()
        assert tracemalloc.get_traced_memory()[0] - before < 150 * 200
    finally:
        tracemalloc.stop()
    assert not cycles()


FAILING: list[Callable[[], Any]] = [
    lambda: tg.ones(2, 3) @ tg.ones(2),
    lambda: tg.ones(2) + tg.ones(3),
    lambda: tg.ones(2)[5],
    lambda: tg.ones(2).backward(),
    lambda: tg.cat([]),
    lambda: nn.Linear("a", 2),
    lambda: nn.Linear(2, 3)(tg.ones(4)),
    lambda: nn.LSTM(2, 3)(tg.ones(2)),
    lambda: nn.functional.conv2d(tg.ones(1, 2, 3, 3), tg.ones(1, 1, 1, 1)),
    lambda: nn.CrossEntropyLoss()(tg.ones(2, 3), tg.tensor([0, 7])),
    lambda: nn.Linear(2, 2).load_state_dict({}),
    lambda: optim.SGD([], lr=1),
    lambda: optim.lr_scheduler.StepLR(5, 1),
    lambda: tg.func.grad(lambda x: x * 2)(tg.ones(3)),
    lambda: tg.linalg.inv(tg.zeros(2, 2)),
]


@pytest.mark.parametrize("call", FAILING)
def test_a_failed_call_leaves_no_reference_cycle(
    no_collector: None, call: Callable[[], Any]
) -> None:
    try:
        call()
    except Exception:
        failed = True
    assert failed
    assert not cycles()


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = tg.get_num_threads()
    tg.set_num_threads(2)
    yield
    tg.set_num_threads(before)


@pytest.mark.parametrize("which", [0, 1])
def test_an_error_in_one_part_waits_for_the_others(two_threads: None, which: int) -> None:
    done = []
    begun = threading.Event()

    def work(part: slice) -> None:
        if bool(part.start) == bool(which):
            begun.wait(5)  # what hasn't begun yet is called off
            raise KeyError(which)
        begun.set()
        threading.Event().wait(0.05)
        done.append(part)

    with pytest.raises(KeyError):
        threads.in_parts(work, 2, threads.WORTHWHILE)
    assert len(done) == 1
    assert tg.get_num_threads() == 2


def test_parts_can_have_parts_of_their_own(two_threads: None) -> None:
    def outer(part: slice) -> int:
        return sum(threads.in_parts(lambda p: p.stop - p.start, 10, threads.WORTHWHILE))

    assert threads.in_parts(outer, 4, threads.WORTHWHILE) == [10, 10]


def openblas_threads() -> int:
    functions = threads._functions()
    assert functions is not None
    return int(functions[1]())


def test_openblas_has_one_thread_only_while_ours_work(two_threads: None) -> None:
    assert openblas_threads() == 2
    seen = threads.in_parts(lambda part: openblas_threads(), 2, threads.WORTHWHILE)
    assert seen == [1, 1]
    assert openblas_threads() == 2
    with threads._one_thread, threads._one_thread:
        assert openblas_threads() == 1
    assert openblas_threads() == 2


@pytest.fixture
def in_charge(two_threads: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our threads are in charge."""
    monkeypatch.setattr(threads, "_charge", 1000)


def test_our_threads_are_in_charge_for_so_many_products_after_a_convolution(
    two_threads: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def multiply(a: Any, b: Any, **where: Any) -> Any:
        seen.append(openblas_threads())
        return a @ b

    monkeypatch.setattr(threads, "CHARGE", 3)
    middling, small = np.ones((100, 100)), np.ones((2, 2))
    seen: list[int] = []
    monkeypatch.setattr(np, "matmul", multiply)
    threads.in_parts(lambda part: None, 2, threads.WORTHWHILE)
    for _ in range(5):
        threads.product(middling, middling)
    assert seen == [1, 1, 1, 2, 2]
    threads.in_parts(lambda part: None, 2, threads.WORTHWHILE)
    for _ in range(5):  # OpenBLAS takes one thread for these anyway: they don't count
        threads.product(small, small)
    threads.product(middling, middling)
    assert seen[-1] == 1
    threads.set_num_threads(2)
    threads.in_parts(lambda part: None, 1, threads.WORTHWHILE)  # a single image
    threads.share(lambda part: None, 2, threads.WORTHWHILE)  # no convolution
    threads.product(middling, middling)
    assert seen[-1] == 2
    threads.in_parts(lambda part: None, 2, threads.WORTHWHILE)
    threads.product(middling, middling)
    assert seen[-1] == 1
    tg.use_deterministic_algorithms(True)
    threads.product(middling, middling)
    tg.use_deterministic_algorithms(False)
    assert seen[-1] == 2


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((300, 400), (400, 500)), ((500, 400), (400, 30)), ((8, 3, 50, 60), (8, 3, 60, 70)),
        ((100, 200), (4, 200, 80)),
    ],
    ids=["columns", "rows", "a batch", "several by one"],
)  # fmt: skip
def test_large_products_are_shared_out(
    a: tuple[int, ...], b: tuple[int, ...], in_charge: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, parts = np.random.default_rng(0), []
    multiply = np.matmul
    x, y = source.random(a), source.random(b)
    expected = x @ y
    monkeypatch.setattr(threads, "PRODUCT", 0)

    def watched(x: Any, y: Any, out: Any) -> Any:
        parts.append(out.shape)
        return multiply(x, y, out=out)

    monkeypatch.setattr(np, "matmul", watched)
    np.testing.assert_allclose(threads.product(x, y), expected, rtol=1e-12)
    assert len(parts) == 2
    out = np.empty(expected.shape)
    assert threads.product(x, y, out) is out
    np.testing.assert_allclose(out, expected, rtol=1e-12)


@pytest.mark.parametrize("number", [1, 2])
def test_deterministic_training_has_the_same_bits_whatever_ran_before(number: int) -> None:
    def losses() -> list[float]:
        tg.manual_seed(0)
        model = nn.Sequential(nn.Linear(100, 300), nn.ReLU(), nn.Linear(300, 10))
        optimizer = tg.optim.Adam(model.parameters())
        found = []
        for _ in range(5):
            loss = model(tg.randn(200, 100)).logsumexp(1).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            found.append(loss.item())
        return found

    before = tg.get_num_threads()
    tg.set_num_threads(number)
    tg.use_deterministic_algorithms(True)
    try:
        first = losses()
        nn.Conv2d(4, 8, 3)(tg.randn(64, 4, 32, 32))
        assert losses() == first
    finally:
        tg.set_num_threads(before)
        tg.use_deterministic_algorithms(False)


def test_a_forked_process_does_not_wait_for_threads_that_it_lacks(two_threads: None) -> None:
    context = threads._OneThread()
    context._lock.acquire()
    context.inside, context._number = 1, 2
    context.leave_to_child()
    with context:
        assert openblas_threads() == 1
    assert openblas_threads() == 2


@pytest.mark.parametrize(
    ("y", "is_shared"),
    [
        (np.arange(12.0).reshape(4, 3), True),
        (np.arange(12.0).reshape(3, 4).T, False),
        (np.arange(3.0).reshape(1, 3), True),
        (np.arange(4.0).reshape(4, 1), False),
        (np.arange(3.0), False),
        (np.arange(12).reshape(4, 3), False),
        (2.0, True),
    ],
    ids=[
        "alike",
        "another order",
        "a row",
        "a column",
        "fewer dimensions",
        "another dtype",
        "a number",
    ],
)
def test_elementwise_work_is_the_same_whoever_shares_it_out(
    in_charge: None, monkeypatch: pytest.MonkeyPatch, y: Any, is_shared: bool
) -> None:
    rows = []

    @threads.elementwise
    def subtract(x: Any, y: Any, **where: Any) -> Any:
        rows.append(len(x))
        return np.subtract(x, y, **where)

    x = np.arange(12.0).reshape(4, 3) ** 2
    expected = subtract(x, y)
    monkeypatch.setattr(threads, "SPACIOUS", 0)
    monkeypatch.setattr(threads, "WORTHWHILE", 0)
    np.testing.assert_array_equal(subtract(x, y), expected)
    assert rows == ([4, 2, 2] if is_shared else [4, 4])
    np.testing.assert_array_equal(subtract(x, y, out=x), expected)
    np.testing.assert_array_equal(x, expected)


def test_convolutions_in_several_threads_do_not_disturb_each_other(two_threads: None) -> None:
    layer, x = nn.Conv2d(4, 8, 3), tg.randn(16, 4, 32, 32)
    expected = layer(x).detach().numpy()
    found: list[Any] = []
    crowd = [threading.Thread(target=lambda: found.append(layer(x))) for _ in range(3)]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    assert len(found) == 3
    for out in found:
        np.testing.assert_array_equal(out.detach().numpy(), expected)
