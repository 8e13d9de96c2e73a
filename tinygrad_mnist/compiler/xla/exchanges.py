"""Exchanges: what several processes do together in the middle of a program.

All of them run such a program at once, as one of XLA's over the devices of all. Each computes with
arrays of its own, and an exchange is a collective of XLA's: the same as that which a step that
isn't compiled makes at that place, so that a process may come to it in either way.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from tinygrad_mnist.compiler.trace import Program, Value
from tinygrad_mnist.compiler.xla.held import looks
from tinygrad_mnist.compiler.xla.placement import Placement, compiled
from tinygrad_mnist.compiler.xla.versions import shard_map
from tinygrad_mnist.distributed import collectives
from tinygrad_mnist.distributed.group import present
from tinygrad_mnist.distributed.marks import description, mark

Array = Any

PROCESS = "process"
"""The axis of a mesh along which the processes are."""


class Exchanges:
    """The exchanges of a program while it is traced; all processes make them in its order.

    Parameters
    ----------
    rank
        The number of the process.
    zero
        A number that is 0, which XLA doesn't know.

    Attributes
    ----------
    whats
        What each is.
    marks
        A number for each, which is 0 if all processes have made it.
    """

    now: ContextVar[Exchanges] = ContextVar("exchanges")

    def __init__(self, rank: Array, zero: Array) -> None:
        self.rank = rank
        self._zero = zero
        self.whats: list[str] = []
        self.marks: list[Array] = []

    def make(self, collective: Callable[..., Array], what: str, flat: Array) -> Array:
        """Exchange flat arrays of 32 bits a number."""
        if self.marks:  # XLA would order them as it likes, or make one of two
            flat = jnp.where(self.marks[-1] & self._zero == 0, flat, 0)
        sent, total = mark(what, flat.dtype, present().size())
        made = collective(jnp.append(flat, sent), PROCESS)
        found = lax.bitcast_convert_type(made[..., -1], np.uint32).reshape(-1)
        expected = total if collective is lax.psum else sent
        self.whats.append(what)
        self.marks.append((found ^ expected.view(np.uint32)).max())
        return made[..., :-1]


def _sum(what: str, flat: Array) -> Array:
    return Exchanges.now.get().make(lax.psum, what, flat)


def _all(what: str, flat: Array) -> Array:
    return Exchanges.now.get().make(lax.all_gather, what, flat)


def has_exchanges(program: Program) -> bool:
    """Whether processes exchange something in a program."""
    return any(
        call.function in LOWERED and (not call.writes or any(s.array.size for s in call.writes))
        for call in program.calls
    )


def _words(x: Array) -> Array:
    """Return an array's bytes as numbers of 32 bits, filled up with zeros."""
    x = x.astype(np.uint8) if x.dtype == bool else x
    data = lax.bitcast_convert_type(x, np.uint8).reshape(-1)
    return lax.bitcast_convert_type(jnp.pad(data, (0, -data.size % 4)).reshape(-1, 4), np.uint32)


def _from_words(words: Array, like: np.ndarray) -> Array:
    """Return the array whose bytes they are."""
    data = lax.bitcast_convert_type(words, np.uint8).reshape(-1)[: like.nbytes]
    if like.dtype == bool:
        return data.reshape(like.shape) != 0
    size = () if like.itemsize == 1 else (like.itemsize,)
    return lax.bitcast_convert_type(data.reshape(*like.shape, *size), like.dtype)


def _reduce(memory: Any, op: str, name: str, *, out: Value) -> None:
    like = out.array
    if not like.size:
        return
    what = description(name, like, op)
    if op in ("SUM", "AVG") and like.dtype in (np.float32, np.int32):
        total = _sum(what, memory.read(out).reshape(-1)).reshape(like.shape)
    else:
        rows = _all(what, _words(memory.read(out)))
        function = getattr(jnp, collectives._OF_ROWS[op].__name__)
        total = functools.reduce(function, [_from_words(row, like) for row in rows])
    if op == "AVG":
        total = total / np.array(present().size(), like.dtype)
    memory.write(out, total)


def _broadcast(memory: Any, src: int, name: str, *, out: Value) -> None:
    if out.array.size:
        words, what = _words(memory.read(out)), description(name, out.array, f"from rank {src}")
        words = _sum(what, jnp.where(Exchanges.now.get().rank == src, words, 0))
        memory.write(out, _from_words(words, out.array))


def _gather(memory: Any, array: Array, name: str, *, outs: Sequence[Value]) -> None:
    if array.size:
        rows = _all(description(name, array), _words(array))
        for i, out in enumerate(outs):
            memory.write(out, _from_words(rows[i], out.array))


def _barrier(memory: Any) -> None:
    _sum("barrier", jnp.zeros(1, np.float32))


LOWERED: dict[Any, Callable[..., None]] = {
    inspect.unwrap(collectives.reduce_arrays): _reduce,
    inspect.unwrap(collectives.broadcast_array): _broadcast,
    inspect.unwrap(collectives.gather_arrays): _gather,
    inspect.unwrap(collectives.wait_for_all): _barrier,
}
"""By the function that exchanges arrays of NumPy's; each is given the memory."""


class Together:
    """A program with exchanges in it, compiled, which all processes run at once.

    To XLA each array is one that all processes have. It never looks whether they are the same,
    since within ``shard_map`` each process works with its own. The parameters but the first are
    those of ``compiled``.

    Parameters
    ----------
    where
        This process's devices.
    """

    def __init__(
        self,
        where: Placement,
        function: Callable[..., Sequence[Array]],
        forms: Sequence[Any],
        places: Sequence[Any],
        left: Sequence[Any],
        donated: Sequence[int],
    ) -> None:
        mesh = where.of_all_processes(PROCESS)
        self._count = where.count
        self._dtypes = [form.dtype for form in forms]
        self._places = places
        self._left = [where.whole if place is None else place for place in left]
        self._joint_places = [_joint(mesh, place) for place in places]
        whole = _joint(mesh, where.whole)
        here = np.array([present().rank(), 0], np.uint32)
        self._here = _with_parts_of(jax.device_put(here, where.whole), whole)
        monitor = present().monitor
        if monitor is not None and monitor.look not in looks:
            looks.append(monitor.look)
        self._whats: list[str] = []
        self._kept = len(donated)
        self._mine: list[Array] = []
        """The state that the last run has left, as this process's arrays, and as those of all."""
        self._of_all: list[Array] = []

        def traced(here: Array, *given: Array) -> tuple[Array, ...]:
            exchanges = Exchanges(*here)
            token = Exchanges.now.set(exchanges)
            try:
                made = function(*given)
            finally:
                Exchanges.now.reset(token)
            self._whats = exchanges.whats
            # Nothing may ask for what was exchanged, as in all processes but one: here it is.
            return (*made, jnp.stack(exchanges.marks))

        self._run: Any = compiled(
            shard_map(traced, mesh, PROCESS),
            [here, *forms],
            [whole, *self._joint_places],
            [*(_joint(mesh, place) for place in self._left), whole],
            [1 + i for i in donated],
        )

    def __call__(self, *arrays: Any) -> list[Array]:
        """Run it, with this process's arrays; return what comes out as such."""
        monitor = present().monitor  # there must be a group still
        known = len(self._mine)
        state = map(self._joint_state, range(known), arrays[:known])
        rest = map(self._joint_array, range(known, len(arrays)), arrays[known:])
        if monitor is None:
            *made, _ = self._run(self._here, *state, *rest)
        else:
            if self._count > 1:  # devices that are at different steps take each other's threads
                monitor.wait()
            followed = monitor.follow(self._whats)
            try:
                *made, marks = self._run(self._here, *state, *rest)
            except BaseException:
                monitor.forget(followed)
                raise
            followed.marks = marks.addressable_data(0)
        mine = list(map(_with_parts_of, made, self._left))
        self._mine, self._of_all = mine[: self._kept], made[: self._kept]
        return mine

    def memory_analysis(self) -> Any:
        """Return what JAX knows of the memory that it needs."""
        return self._run.memory_analysis()

    def _joint_state(self, i: int, x: Any) -> Array:
        return self._of_all[i] if x is self._mine[i] else self._joint_array(i, x)

    def _joint_array(self, i: int, x: Any) -> Array:
        """Return the array of all processes that an argument is a part of."""
        place = self._joint_places[i]
        if not isinstance(x, jax.Array):
            x = np.asarray(x, self._dtypes[i])
            if place.is_fully_replicated:  # JAX takes it to the device, sooner than we do
                return x
            x = jax.device_put(x, self._places[i])
        return _with_parts_of(x, place)


def _joint(mesh: Mesh, place: Any) -> NamedSharding:
    """Return where an array of all processes is that is in one place in each."""
    spec = place.spec if isinstance(place, NamedSharding) else PartitionSpec()
    return NamedSharding(mesh, spec)


def _with_parts_of(x: Array, place: Any) -> Array:
    """Return an array that has the memory of another, as far as it is this process's."""
    if not isinstance(place, NamedSharding):
        return x.addressable_data(0)
    alone = isinstance(x.sharding, SingleDeviceSharding)
    parts = [x] if alone else [shard.data for shard in x.addressable_shards]
    return jax.make_array_from_single_device_arrays(x.shape, place, parts)
