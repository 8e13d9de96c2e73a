"""What a program can't repeat is never frozen: the function runs as it is, and says why."""

from __future__ import annotations

import ctypes
import datetime
import functools
import importlib
import io
import itertools
import logging
import os
import random
import secrets
import sys
import time
import types
import uuid
import warnings
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

CALLS = 6
"""One runs as ever, two are recorded, and the rest would be programs."""

SCENES: dict[str, tuple[str, Callable[[Callable[[Any], Any]], Any]]] = {}


def scene(match: str) -> Callable[[Any], Any]:
    """Register a scene: it is given a compiler, or none, and returns what must not differ."""

    def add(function: Any) -> Any:
        SCENES[function.__name__] = match, function
        return function

    return add


def values(x: Any) -> Any:
    """Return tensors as arrays, in the same structure."""
    if isinstance(x, tg.Tensor):
        return x.detach().numpy().copy()
    if isinstance(x, dict):
        return {name: values(part) for name, part in x.items()}
    if isinstance(x, tuple | list | deque):
        return [values(part) for part in x]
    return x


def batches() -> list[tg.Tensor]:
    tg.manual_seed(0)
    return [tg.randn(3) * (1 + i) for i in range(CALLS)]


@scene(r"looks at numbers \(bool\), at test_fallback.py:\d+ in branch: if x.sum\(\) > 0:")
def branch(compiled: Any) -> Any:
    @compiled
    def branch(x: tg.Tensor) -> tg.Tensor:
        if x.sum() > 0:
            return x * 2
        return x - 1

    return [branch(x) for x in batches()]


@scene("looks at numbers")
def comparison_of_an_item(compiled: Any) -> Any:
    @compiled
    def clipped(x: tg.Tensor) -> tg.Tensor:
        return x * 2 if x.max().item() > 1.5 else x

    return [clipped(x) for x in batches()]


@scene("looks at numbers")
def loop_until_small(compiled: Any) -> Any:
    @compiled
    def shrink(x: tg.Tensor) -> tg.Tensor:
        while x.abs().max() > 1:
            x = x / 2
        return x

    return [shrink(x) for x in batches()]


@scene("looks at numbers")
def list_of_numbers(compiled: Any) -> Any:
    @compiled
    def first(x: tg.Tensor) -> Any:
        return x * x.tolist()[0]

    return [first(x) for x in batches()]


@scene("looks at numbers")
def tensor_as_index(compiled: Any) -> Any:
    @compiled
    def chosen(x: tg.Tensor) -> Any:
        rows = [1.0, 2.0, 3.0]
        return x * rows[x.argmax()]

    return [chosen(x) for x in batches()]


@scene("looks at numbers")
def float_of_a_tensor(compiled: Any) -> Any:
    @compiled
    def scaled(x: tg.Tensor) -> Any:
        return x * float(x.sum())

    return [scaled(x) for x in batches()]


@scene("looks at numbers")
def numpy_of_a_tensor_read(compiled: Any) -> Any:
    @compiled
    def scaled(x: tg.Tensor) -> Any:
        return x * float(x.numpy()[0])

    return [scaled(x) for x in batches()]


@scene("length of the variable kept")
def numpy_of_a_tensor_kept(compiled: Any) -> Any:
    kept: list[Any] = []

    @compiled
    def step(x: tg.Tensor) -> Any:
        y = x * 2
        kept.append(y.numpy())
        return y

    out = [step(x) for x in batches()]
    assert all(type(a) is np.ndarray for a in kept)
    return out, kept


@scene("length of the variable kept|kept somewhere else")
def tensors_in_a_list(compiled: Any) -> Any:
    kept: list[Any] = []

    @compiled
    def step(x: tg.Tensor) -> Any:
        y = x * 2
        kept.append(y.detach())
        return y

    return [step(x) for x in batches()], kept


@scene("the variable losses|keeps a number|length of")
def numbers_in_a_list(compiled: Any) -> Any:
    losses: list[Any] = []

    @compiled
    def step(x: tg.Tensor) -> Any:
        y = x.sum()
        losses.append(y.item())
        return y

    out = [step(x) for x in batches()]
    assert all(type(loss) is float for loss in losses)
    return out, losses


@scene("the variable losses|keeps a number|length of")
def pairs_in_a_list(compiled: Any) -> Any:
    losses: list[Any] = []

    @compiled
    def step(x: tg.Tensor) -> Any:
        losses.append((len(losses), x.sum().item() * 2))
        return x + 1

    out = [step(x) for x in batches()]
    assert all(type(pair[1]) is float for pair in losses)
    return out, losses


@scene("changes")
def counter_in_an_attribute(compiled: Any) -> Any:
    class Trainer:
        calls = 0
        last: Any = None

        def step(self, x: tg.Tensor) -> Any:
            self.calls += 1
            return x * self.calls

    trainer = Trainer()
    step = compiled(trainer.step)
    return [step(x) for x in batches()], trainer.calls


@scene("changes|keeps a number")
def number_in_an_attribute(compiled: Any) -> Any:
    class Model(nn.Module):
        total = 0.0

        def forward(self, x: tg.Tensor) -> Any:
            self.total = self.total + x.sum().item()
            return x + 1

    model = Model()
    run = compiled(model)
    out = [(run(x), model.total) for x in batches()]
    assert type(model.total) is float
    return out


def trained(compiled: Any, step: Callable[..., Any], optimizer: Any, w: tg.Tensor) -> Any:
    """Run a step that gets a schedule, and return what it returns, and what it leaves behind."""
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    run = compiled(lambda x: step(x, schedule))
    out = []
    for x in batches():
        returned = run(x)
        out.append((returned, w.detach().clone(), schedule.last_epoch, optimizer.param_groups))
    return out


@scene("attributes|changes .*calls")
def counter_in_an_optimizer(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer: Any = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.calls = getattr(optimizer, "calls", 0) + 1
        return x * 2

    return trained(compiled, step, optimizer, w), optimizer.calls


@scene("reads or sets .*_last_lr, and calls a schedule's step")
def rate_of_a_schedule(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.step()
        schedule.step()
        return x * schedule.get_last_lr()[0]

    return trained(compiled, step, optimizer, w)


@scene("reads or sets .*last_epoch, and calls a schedule's step")
def schedule_set_back(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.step()
        schedule.step()
        schedule.last_epoch = 1
        return x * 2

    return trained(compiled, step, optimizer, w)


@scene("reads or sets .*param_groups, and calls a schedule's step")
def rate_set_back(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.zero_grad()
        (w * x).sum().backward()
        optimizer.step()
        schedule.step()
        optimizer.param_groups[0]["lr"] = 0.1

    return trained(compiled, step, optimizer, w)


@scene("reads the state of an optimizer")
def state_of_an_optimizer(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.Adam([w], lr=0.1)

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.zero_grad()
        (w * x).sum().backward()
        before = optimizer.state[w]["exp_avg"].sum() * 1 if optimizer.state else 0
        optimizer.step()
        return before, optimizer.state[w]["exp_avg"].sum() * 1

    return trained(compiled, step, optimizer, w)


@scene("reads the state of an optimizer")
def state_of_an_optimizer_that_is_held(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1, momentum=0.9)
    (w * 2).sum().backward()
    optimizer.step()
    held = optimizer.state[w]["momentum_buffer"]

    def step(x: tg.Tensor, schedule: Any) -> Any:
        optimizer.zero_grad()
        (w * x).sum().backward()
        before = held * 1
        optimizer.step()
        return before, held * 1

    return trained(compiled, step, optimizer, w)


COUNT = 0


@scene("changes the variable COUNT")
def global_counter(compiled: Any) -> Any:
    global COUNT
    COUNT = 0

    def step(x: tg.Tensor) -> Any:
        global COUNT
        COUNT += 1
        return x * COUNT

    step = compiled(step)
    return [step(x) for x in batches()], COUNT


@scene("NEW_NAME")
def new_global(compiled: Any) -> Any:
    globals().pop("NEW_NAME", None)

    def step(x: tg.Tensor) -> Any:
        global NEW_NAME
        NEW_NAME = x.shape
        return x + 1

    step = compiled(step)
    out = []
    for x in batches():
        out.append((step(x), globals().pop("NEW_NAME", None)))
    return out


@scene("changes the variable count")
def nonlocal_counter(compiled: Any) -> Any:
    count = 0

    @compiled
    def step(x: tg.Tensor) -> Any:
        nonlocal count
        count += 1
        return x * count

    return [step(x) for x in batches()], count


@scene("seen")
def counter_in_a_dict(compiled: Any) -> Any:
    seen: Any = Counter()

    @compiled
    def step(x: tg.Tensor) -> Any:
        seen["calls"] += 1
        return x * seen["calls"]

    return [step(x) for x in batches()], dict(seen)


@scene("shapes")
def set_outside(compiled: Any) -> Any:
    shapes: set[Any] = set()
    turn = [0]

    @compiled
    def step(x: tg.Tensor) -> Any:
        shapes.discard(len(shapes) - 1)
        shapes.add(turn[0])
        return x + 1

    out = []
    for i, x in enumerate(batches()):
        turn[0] = i
        out.append((step(x), sorted(shapes)))
    return out


@scene("namespace")
def counter_in_a_namespace(compiled: Any) -> Any:
    namespace = types.SimpleNamespace(calls=0)

    @compiled
    def step(x: tg.Tensor) -> Any:
        namespace.calls += 1
        return x * namespace.calls

    return [step(x) for x in batches()], namespace.calls


@scene("count")
def counter_in_slots(compiled: Any) -> Any:
    class Slotted:
        __slots__ = ("count",)

    slotted = Slotted()
    slotted.count = 0

    @compiled
    def step(x: tg.Tensor) -> Any:
        slotted.count += 1
        return x * slotted.count

    return [step(x) for x in batches()], slotted.count


@scene("changes")
def counter_in_a_class(compiled: Any) -> Any:
    class Holder:
        count = 0

    @compiled
    def step(x: tg.Tensor) -> Any:
        Holder.count += 1
        return x * Holder.count

    return [step(x) for x in batches()], Holder.count


@scene("the NumPy array|table|numbers")
def numpy_array_outside(compiled: Any) -> Any:
    table = np.zeros(3)

    @compiled
    def step(x: tg.Tensor) -> Any:
        table[0] += 1
        return x * float(table[0])

    return [step(x) for x in batches()], table


@scene("random generator")
def numpy_draws(compiled: Any) -> Any:
    np.random.seed(0)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * float(np.random.rand())

    return [step(x) for x in batches()]


@scene("random generator")
def numpy_draws_from_a_generator(compiled: Any) -> Any:
    source = np.random.default_rng(0)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x + tg.from_numpy(source.standard_normal(3, dtype=np.float32))

    return [step(x) for x in batches()]


@scene("draws|calls Random")
def python_draws(compiled: Any) -> Any:
    random.seed(0)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * random.random()

    return [step(x) for x in batches()]


@scene("draws|calls random")
def python_draws_a_branch(compiled: Any) -> Any:
    source = random.Random(0)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x.flip(0) if source.randint(0, 1) else x

    return [step(x) for x in batches()]


@scene("manual_seed")
def seeds_itself(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        tg.manual_seed(3)
        return x + tg.randn(3)

    return [step(x) for x in batches()]


@scene("calls print")
def prints(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        print("a step")
        return x + 1

    out = io.StringIO()
    import contextlib

    with contextlib.redirect_stdout(out):
        result = [step(x) for x in batches()]
    return result, out.getvalue()


@scene("looks at numbers")
def prints_a_tensor(compiled: Any) -> Any:
    texts = []

    @compiled
    def step(x: tg.Tensor) -> Any:
        text = f"{x}"
        return x + len(text)

    return [step(x) for x in batches()], texts


@scene("open|file")
def reads_a_file(compiled: Any) -> Any:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"compile-{os.getpid()}.txt"
    path.write_text("2")

    @compiled
    def step(x: tg.Tensor) -> Any:
        with open(path) as file:
            return x * float(file.read())

    try:
        out = []
        for i, x in enumerate(batches()):
            path.write_text(str(i))
            out.append(step(x))
    finally:
        path.unlink()
    return out


@scene("pathlib|file")
def reads_a_path(compiled: Any) -> Any:
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"compile-{os.getpid()}.txt"

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * float(path.read_text())

    try:
        out = []
        for i, x in enumerate(batches()):
            path.write_text(str(i))
            out.append(step(x))
    finally:
        path.unlink()
    return out


@scene("file|iterator")
def reads_an_open_file(compiled: Any) -> Any:
    file = io.StringIO("1\n2\n3\n4\n5\n6\n")

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * float(file.readline())

    return [step(x) for x in batches()]


@scene(r"calls next, which .* at test_fallback.py:\d+ in step: return x \* next")
def takes_the_next(compiled: Any) -> Any:
    numbers = iter(range(100))

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * next(numbers)

    return [step(x) for x in batches()]


@scene("iterator|next")
def goes_on_with_a_generator(compiled: Any) -> Any:
    def ever() -> Any:
        yield from itertools.count(1)

    numbers = ever()

    @compiled
    def step(x: tg.Tensor) -> Any:
        for number in numbers:
            return x * number
        return x

    return [step(x) for x in batches()]


@scene("environ")
def reads_the_environment(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * float(os.environ["COMPILE_SCALE"])

    out = []
    for i, x in enumerate(batches()):
        os.environ["COMPILE_SCALE"] = str(i)
        out.append(step(x))
    del os.environ["COMPILE_SCALE"]
    return out


@scene("getenv")
def asks_the_environment(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * float(os.getenv("COMPILE_SCALE", "1"))

    out = []
    for i, x in enumerate(batches()):
        os.environ["COMPILE_SCALE"] = str(i)
        out.append(step(x))
    del os.environ["COMPILE_SCALE"]
    return out


def asks(what: Callable[[], Any]) -> Callable[[Any], Any]:
    """Make a scene whose step asks for something that is another thing each time."""

    def play(compiled: Any) -> Any:
        @compiled
        def step(x: tg.Tensor) -> Any:
            what()
            return x + 1

        return [step(x) for x in batches()]

    return play


def gives(what: Callable[[], Any], change: Callable[[int], Any]) -> Callable[[Any], Any]:
    """Make a scene whose step multiplies by something that changes from call to call."""

    def play(compiled: Any) -> Any:
        @compiled
        def step(x: tg.Tensor) -> Any:
            return x * what()

        out = []
        for i, x in enumerate(batches()):
            change(i)
            out.append(step(x))
        return out

    return play


def returns(make: Callable[[], Any], add: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Make a scene whose step returns something that is changed later."""

    def play(compiled: Any) -> Any:
        @compiled
        def step(x: tg.Tensor) -> Any:
            return x * 2, make()

        out = []
        for i, x in enumerate(batches()):
            y, made = step(x)
            if i >= 3:
                add(made)
            out.append((y, str(made)))
        return out

    return play


@scene("an attribute, scale")
def attribute_of_an_argument(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * x.scale  # type: ignore[attr-defined]  # as a script may

    out = []
    for i, x in enumerate(batches()):
        x.scale = float(i)  # type: ignore[attr-defined]  # as a script may
        out.append(step(x))
    return out


@scene("returns a dict that was there before")
def the_argument_itself(compiled: Any) -> Any:
    @compiled
    def step(batch: dict[str, Any]) -> Any:
        return batch

    return [step(batch) is batch for batch in [{"x": x} for x in batches()]]


@scene("returns a list that was there before")
def a_list_that_was_there(compiled: Any) -> Any:
    held = [1.0]

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * 2, held

    return [step(x)[1] is held for x in batches()]


@scene("is a Own")
def an_array_of_another_class(compiled: Any) -> Any:
    table = np.ones(3, np.float32).view(type("Own", (np.ndarray,), {}))

    @compiled
    def step(x: tg.Tensor, y: Any) -> Any:
        return x * tg.from_numpy(np.asarray(y))

    out = []
    for i, x in enumerate(batches()):
        table[...] = i
        out.append(step(x, table))
    return out


@scene("can't be looked at")
def an_object_that_hides(compiled: Any) -> Any:
    class Hidden:
        def __getattribute__(self, name: str) -> Any:
            return object.__getattribute__(self, "__dict__")["own"][name]

    hidden = Hidden()
    own = object.__getattribute__(hidden, "__dict__")["own"] = {"scale": 1.0}

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * hidden.scale

    out = []
    for i, x in enumerate(batches()):
        own["scale"] = float(i)
        out.append(step(x))
    return out


@scene("written to")
def counts_writes(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * x._version.count

    out = []
    for i, x in enumerate([tg.ones(3)] * CALLS):
        out.append(step(x))
        if i > 3:
            x.add_(1)
    return out


MEMORY = bytearray(1)
SEEN_THROUGH = memoryview(MEMORY)
OF_C = ctypes.c_float(0)
TELL = functools.partial(print, "again", file=io.StringIO())

SCENES |= {
    "memory": ("memoryview", gives(lambda: SEEN_THROUGH[0], lambda i: MEMORY.__setitem__(0, i))),
    "number of C": ("c_float", gives(lambda: OF_C.value, lambda i: setattr(OF_C, "value", i))),
    "globals": ("globals", gives(lambda: globals()["COUNT"], lambda i: globals().update(COUNT=i))),
    "modules": (
        "sys.modules",
        gives(lambda: sys.modules[__name__].COUNT, lambda i: globals().update(COUNT=i)),
    ),
    "imports": (
        "import_module",
        gives(lambda: importlib.import_module(__name__).COUNT, lambda i: globals().update(COUNT=i)),
    ),
    "returns a set": ("a set that it makes", returns(set, lambda x: x.add(len(x)))),
    "returns a deque": (
        "a deque that it makes",
        returns(lambda: (deque(),), lambda x: x[0].append(1)),
    ),
    "returns an array": (
        "a ndarray that it makes",
        returns(lambda: np.zeros(2), lambda x: np.add(x, 1, out=x)),
    ),
    "returns a namespace": (
        "a SimpleNamespace",
        returns(types.SimpleNamespace, lambda x: vars(x).update(a=len(vars(x)))),
    ),
    "identity": ("calls id", asks(lambda: id(MEMORY))),
    "prints by way of another": ("may call print", asks(lambda: TELL())),
    "sleeps by way of another": ("may call sleep", asks(lambda: list(map(time.sleep, [0])))),
    "clock": ("time.time", asks(lambda: time.time())),
    "stopwatch": ("perf_counter", asks(lambda: time.perf_counter())),
    "date": ("datetime.now", asks(lambda: datetime.datetime.now())),
    "sleeps": ("sleep", asks(lambda: time.sleep(0))),
    "random name": ("uuid", asks(lambda: uuid.uuid4())),
    "secret": ("secrets", asks(lambda: secrets.token_hex())),
    "entropy": ("urandom", asks(lambda: os.urandom(2))),
    "fresh generator": ("random|secrets", asks(lambda: np.random.default_rng().random())),
    "warns": ("warn", asks(lambda: warnings.warn("again", stacklevel=1))),
    "logs": ("logging|time", asks(lambda: logging.getLogger().warning("again"))),
    "evaluates": ("eval", asks(lambda: eval("1"))),
    "loads an array": ("open", asks(lambda: np.loadtxt(__file__, str, max_rows=1, comments=None))),
    "reads an array": ("fromfile", asks(lambda: np.fromfile(__file__, np.uint8, 3))),
    "saves": ("save|open|NamedTemporaryFile|file", asks(lambda: tg.save({}, io.BytesIO()))),
    "default dtype": ("set_default_dtype", asks(lambda: tg.set_default_dtype(tg.float32))),
    "threads": ("set_num_threads", asks(lambda: tg.set_num_threads(tg.get_num_threads()))),
}


@scene("catches")
def tries_again(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        m = x[:, None] * x[None, :]
        try:
            return tg.linalg.cholesky(m - tg.eye(3))
        except RuntimeError:
            return tg.linalg.cholesky(m + tg.eye(3))

    return [step(x) for x in batches()]


@scene("switched on or off")
def leaves_gradients_off(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        tg.set_grad_enabled(False)
        return x + 1

    out = []
    for x in batches():
        out.append((step(x), tg.is_grad_enabled()))
        tg.set_grad_enabled(True)
    return out


@scene("needs a gradient")
def freezes_a_parameter(compiled: Any) -> Any:
    layer = nn.Linear(3, 3)

    @compiled
    def step(x: tg.Tensor) -> Any:
        layer.weight.requires_grad_(not layer.weight.requires_grad)
        return layer(x).detach()

    tg.manual_seed(0)
    nn.init.ones_(layer.weight)
    nn.init.ones_(layer.bias)
    return [(step(x), layer.weight.requires_grad) for x in batches()]


@scene("compiler.disable keeps as it is: it counts")
def calls_what_is_disabled(compiled: Any) -> Any:
    calls = []

    @tg.compiler.disable(reason="it counts")
    def count() -> int:
        calls.append(1)
        return len(calls)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * count()

    return [step(x) for x in batches()]


@scene("generator or a coroutine")
def is_a_generator(compiled: Any) -> Any:
    @compiled
    def parts(x: tg.Tensor) -> Any:
        yield x
        yield x * 2

    return [list(parts(x)) for x in batches()]


@scene("looks at numbers|closure|stop")
def lbfgs(compiled: Any) -> Any:
    w = tg.zeros(3, requires_grad=True)
    optimizer = tg.optim.LBFGS([w], lr=0.5)

    @compiled
    def step(x: tg.Tensor) -> Any:
        def closure() -> Any:
            optimizer.zero_grad()
            loss = ((w - x) ** 2).sum()
            loss.backward()
            return loss

        return optimizer.step(closure)

    return [(step(x), w.detach().clone()) for x in batches()]


@scene("gradient in an argument|whether it needs a gradient|somewhere else")
def gradient_of_an_argument(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)

    @compiled
    def attack(x: tg.Tensor) -> Any:
        x.requires_grad_()
        (x * w).exp().sum().backward()
        return x.grad.sign()

    return [attack(x) for x in batches()]


@scene("recorded outside")
def backward_through_an_outer_graph(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)

    @compiled
    def step(y: tg.Tensor) -> Any:
        y.sum().backward()
        return y.detach() + 1

    out = []
    for x in batches():
        w.grad = None
        out.append((step((x * w).exp()), w.grad))
    return out


@scene("DataLoader")
def goes_through_a_loader(compiled: Any) -> Any:
    data = [float(i) for i in range(6)]
    loader = tg.utils.data.DataLoader(data, batch_size=2)

    @compiled
    def epoch(x: tg.Tensor) -> Any:
        for batch in loader:
            x = x + batch.sum()
        return x

    out = []
    for i, x in enumerate(batches()):
        data[0] = float(i)
        out.append(epoch(x))
    return out


@scene("another thing in each thread")
def reads_what_belongs_to_a_thread(compiled: Any) -> Any:
    import threading

    local = threading.local()
    local.scale = 1.0

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * local.scale

    return [step(x) for x in batches()]


@scene("at a checkpoint")
def draws_again_at_a_checkpoint(compiled: Any) -> Any:
    w = tg.ones(3, requires_grad=True)

    @compiled
    def step(x: tg.Tensor) -> Any:
        w.grad = None
        y = tg.utils.checkpoint.checkpoint(
            lambda t: nn.functional.dropout(t * w, 0.5), x, use_reentrant=False
        )
        y.sum().backward()
        return w.grad.clone()

    return [step(x) for x in batches()]


@scene("keeps changing")
def a_global_that_keeps_changing(compiled: Any) -> Any:
    scale = 0.0

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * scale

    out = []
    for i in range(60):
        scale = float(i)
        out.append(step(batches()[0]))
        if i % 3 == 0:
            out += [step(batches()[0]), step(batches()[1]), step(batches()[0])]
    return out


@scene("shape .* now")
def shapes_that_keep_changing(compiled: Any) -> Any:
    @compiled
    def step(x: tg.Tensor) -> Any:
        return x * 2

    return [step(tg.ones(n)) for n in range(1, 14) for _ in range(4)]


@scene("the same from call to call|can't be watched|looks")
def an_array_out_of_sight(compiled: Any) -> Any:
    @functools.cache
    def hidden() -> tg.Tensor:
        return tg.zeros(3)

    @compiled
    def step(x: tg.Tensor) -> Any:
        return x + hidden()

    out = []
    for i, x in enumerate(batches()):
        hidden()._array = np.full(3, i, np.float32)
        out.append(step(x))
    return out


@pytest.mark.parametrize("name", SCENES)
def test_what_no_program_can_repeat_is_run_as_it_is(name: str) -> None:
    match, play = SCENES[name]
    tg.manual_seed(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "again")
        plain = values(play(lambda function: function))
    made: list[Compiled[Any, Any]] = []

    def compiled(function: Any) -> Any:
        made.append(Compiled(function))
        return made[-1]

    tg.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.filterwarnings("ignore", "again")
        with pytest.warns(UserWarning, match=match) as caught:
            found = values(play(compiled))
    np.testing.assert_equal(found, plain)
    (function,) = made
    assert len([w for w in caught if "uncompiled" in str(w.message)]) == 1
    assert all(w.filename == __file__ for w in caught if "uncompiled" in str(w.message))
    assert function.uncompiled


@pytest.mark.parametrize("way", ["mask", "branch", "NumPy's numbers", "an optimizer", "a list"])
def test_a_warning_says_what_to_do_instead_and_that_can_be_compiled(way: str) -> None:
    kept: list[tg.Tensor] = []
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def trains(optimizer: Any, x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        loss = (w * x).sum()
        loss.backward()
        optimizer.step()
        return loss

    wrong, right, said = {
        "mask": (
            lambda x: x[x > 0.5].sum(), lambda x: (x * (x > 0.5)).sum(), "multiply by the mask",
        ),
        "branch": (
            lambda x: x if x.sum() > 1 else -x, lambda x: tg.where(x.sum() > 1, x, -x), "where()",
        ),
        "NumPy's numbers": (
            lambda x: x * float(np.random.rand()), lambda x: x * tg.rand(()), "draw with rand()",
        ),
        "an optimizer": (
            lambda x: trains(tg.optim.SGD([w], lr=0.1), x), lambda x: trains(optimizer, x),
            "make it once, outside",
        ),
        "a list": (lambda x: kept.append(x * 2), lambda x: x * 2, "return it"),
    }[way]  # fmt: skip
    falls_back, whole = tg.compile(wrong), tg.compile(right, fullgraph=True)
    with pytest.warns(UserWarning, match=r"runs as it is(?s:.*)\n  Instead, ") as caught:
        for i in range(5):
            falls_back(tg.ones(3) + i)
    (message,) = [str(x.message) for x in caught]
    assert said in message.partition("Instead, ")[2]
    assert "test_fallback.py" not in message or "lambda" in message.partition(".py:")[2]
    for i in range(5):
        whole(tg.ones(3) + i)
    assert tg.compiler.explain(whole).programs[0].runs >= 2
