"""One process needs no JAX, and does what PyTorch's single process does."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import distributed as dist
from tinygrad_mnist import nn
from tinygrad_mnist._runtime.process_group import ProcessGroup
from tinygrad_mnist.autograd.modes import modes
from tinygrad_mnist.nn.parallel import DistributedDataParallel


@pytest.fixture
def alone() -> Iterator[None]:
    dist.init_process_group("gloo", world_size=1, rank=0)
    yield
    dist.destroy_process_group()


def test_jax_is_not_imported() -> None:
    code = """
import sys
import tinygrad_mnist as torch, tinygrad_mnist.distributed as dist
dist.init_process_group(world_size=1, rank=0)
dist.all_reduce(torch.ones(2)), dist.barrier()
print(any(name in sys.modules for name in ("jax", "jaxlib")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_several_processes_without_jax_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(dist.DistError, match=r'2 processes talk by JAX.*"tinygrad_mnist\[xla\]"'):
        dist.init_process_group(init_method="tcp://127.0.0.1:1", world_size=2, rank=1)
    assert not dist.is_initialized()
    assert not any(t.name.startswith("distributed") for t in threading.enumerate())


def test_a_group_is_made_once_and_asked_for_by_all(alone: None) -> None:
    with pytest.raises(ValueError, match="twice"):
        dist.init_process_group(world_size=1, rank=0)
    with pytest.raises(ValueError, match="there are no other groups"):
        dist.get_rank(ProcessGroup(0, 1))
    with pytest.raises(NotImplementedError, match="there is one group"):
        dist.new_group([0])


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: dist.all_reduce(x.long(), dist.ReduceOp.AVG), TypeError, "average of int64"),
        (
            lambda x: dist.all_reduce(x, "sum"),
            TypeError,
            r"got 'sum': .*ReduceOp\.SUM, ReduceOp.AVG",
        ),
        (lambda x: dist.reduce(x, op=9), TypeError, "expected a ReduceOp, got 9: give one of"),
        (lambda x: DistributedDataParallel(nn.Linear(1, 1), bogus=1), TypeError, "'bogus'"),
        (lambda x: dist.all_reduce([x]), TypeError, "expected a Tensor, got list"),
        (lambda x: dist.broadcast(x, src=1), ValueError, "broadcast: there is no rank 1 among 1"),
        (lambda x: dist.reduce(x, dst=0, group_dst=0), ValueError, "not both"),
        (lambda x: dist.all_gather([x, x], x), ValueError, "2 tensors for 1 processes"),
        (lambda x: dist.all_gather([x.double()], x), ValueError, r"float64; it needs \[2\] and"),
        (lambda x: dist.gather(x), ValueError, "0 tensors for 1 processes"),
        (lambda x: dist.scatter(x, [x[:1]]), ValueError, r"shape \[1\] and dtype torch.float32"),
        (lambda x: dist.all_gather_into_tensor(x[:1], x), ValueError, r"it needs \[2\]"),
        (lambda x: dist.all_gather_object([], x), ValueError, "0 places for 1"),
        (lambda x: dist.all_gather_object([None], object()), TypeError, "object"),
    ],
)
def test_mistakes_are_sentences(
    call: Callable[[Any], Any], error: type[Exception], words: str, alone: None
) -> None:
    with pytest.raises(error, match=words):
        call(tg.ones(2))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "nccl"}, "backend 'nccl' isn't offered; use 'gloo'"),
        ({"store": object()}, "stores aren't offered"),
        ({"init_method": "file:///x"}, "use env:// or tcp"),
        ({"world_size": 0}, "rank 0 isn't one of 0 processes"),
        ({"world_size": "1"}, "world_size='1': expects an int"),
        ({"timeout": 60}, "timeout=60: expects a datetime.timedelta"),
    ],
)
def test_other_ways_to_meet_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises((ValueError, TypeError), match=words):
        dist.init_process_group(**{"world_size": 1, "rank": 0} | settings)


def test_many_processes_may_have_their_sockets() -> None:
    code = """
import resource
from tinygrad_mnist.distributed.group import _allow_sockets
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 2000))
for size in (2, 100, 1_000_000):
    _allow_sockets(size)
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["200 2000", "400 2000", "2000 2000"]


@pytest.mark.parametrize("seconds", ["0", "soon", "nan"])
def test_a_heartbeat_that_is_none_is_refused(seconds: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jax", reason="several processes talk by JAX, which isn't installed")
    monkeypatch.setenv("TINYGRAD_MNIST_HEARTBEAT", seconds)
    with pytest.raises(ValueError, match=f"TINYGRAD_MNIST_HEARTBEAT is '{seconds}': give seconds"):
        dist.init_process_group(init_method="tcp://127.0.0.1:1", world_size=2, rank=1)


def test_nothing_is_offered_without_a_group() -> None:
    for call in (dist.get_rank, dist.get_world_size, dist.barrier, dist.get_backend):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            call()
    with pytest.raises(ValueError, match="init_process_group"):
        DistributedDataParallel(nn.Linear(1, 1))
    assert not dist.is_initialized()


def test_a_wrapped_module_is_what_it_wraps(alone: None) -> None:
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    none_here: dict[str, Any] = {
        "find_unused_parameters": True,
        "device_mesh": None,
        "batched_grad_copy": True,
    }
    model = DistributedDataParallel(net, device_ids=None, **none_here)
    for given, found in (((None, False), False), ((False, True), True), ((False, None), False)):
        names = dict(zip(("broadcast_buffers", "forward_sync_buffers"), given, strict=True))
        assert DistributedDataParallel(net, **names).broadcast_buffers == found
    assert model.module is net
    assert list(model.state_dict()) == [f"module.{key}" for key in net.state_dict()]
    x = tg.randn(4, 2)
    assert tg.equal(model(x), net(x)) and isinstance(model, nn.parallel.DistributedDataParallel)
    model.eval()
    assert not net.training
    with model.no_sync():
        model(x).sum().backward()
    assert net[0].weight.grad is not None


def test_what_is_to_follow_backward_follows_the_outermost_once() -> None:
    calls: list[Any] = []
    x, y = tg.ones(1, requires_grad=True), tg.ones(1, requires_grad=True)

    def note(leaf: Any) -> None:
        modes.stored.append(lambda: calls.append((x.grad, y.grad)))

    class Inner(tg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Any) -> Any:
            return a.clone()

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            with tg.enable_grad():
                (y * 2).sum().backward()
            assert not calls
            return g

    x.register_post_accumulate_grad_hook(note)
    y.register_post_accumulate_grad_hook(note)
    Inner.apply(x).sum().backward()
    assert [(a.item(), b.item()) for a, b in calls] == [(1, 2)] * 2

    def fail(leaf: Any) -> None:
        raise ValueError("in a hook")

    y.register_post_accumulate_grad_hook(fail)
    calls.clear()
    with pytest.raises(ValueError, match="in a hook"):
        (y * 2).sum().backward()
    x.backward()
    assert len(calls) == 1


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.usefixtures("alone")
def test_a_compiled_step_averages_its_loss(reduction: str) -> None:
    w = tg.ones(3, 2, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        loss = nn.functional.cross_entropy(x @ w, y, reduction=reduction)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        dist.all_reduce(mean := loss.detach().clone(), dist.ReduceOp.AVG)
        return mean

    found = []
    for run in (step, tg.compile(step, fullgraph=True)):
        with tg.no_grad():
            w.fill_(1)
        found.append([run(tg.ones(4, 3), tg.tensor([0, 1, 1, 1])).item() for _ in range(6)])
    assert found[0] == pytest.approx(found[1])
