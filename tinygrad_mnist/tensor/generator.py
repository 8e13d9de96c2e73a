"""Random numbers: a Mersenne Twister whose streams are PyTorch's.

From the same seed come the same bits as from PyTorch on the CPU: uniform numbers, integers,
permutations, Bernoulli draws, and the saved state itself; so a seeded script shuffles the same
order and starts from the same uniform weights. Normal and exponential numbers use the same part of
the stream but agree only up to the last bits of logarithm, sine and cosine: to 1e-6 in float32,
where PyTorch's vector functions are coarser, and to 1e-15 in float64. On Intel's processors
PyTorch hands Bernoulli and exponential draws to Intel's library, which has a stream of its own;
what is followed here is what it does on all others.

This file works on arrays; :mod:`tinygrad_mnist.tensor.creation` makes Tensors of what it draws.
"""

from __future__ import annotations

import math
import os
import threading
from typing import Any

import numpy as np

from tinygrad_mnist._runtime.naming import named
from tinygrad_mnist.autograd.modes import one_call
from tinygrad_mnist.ops.dtypes import convert
from tinygrad_mnist.tensor.device import check_device
from tinygrad_mnist.tensor.device import device as Device

Shape = tuple[int, ...]

# PyTorch's layout of a saved state, so that either library can go on where the other stopped.
# "next_normal" is the second of a pair of normal numbers, valid where "has_normal" is 1.
_STATE = np.dtype(
    [("seed", "<u8"), ("left", "<i4"), ("seeded", "<i4"), ("next", "<u8"), ("key", "<u8", 624),
     ("unused", "<f8"), ("next_normal", "<f8"), ("unused2", "<f8"), ("has_normal", "<i4"),
     ("unused3", "V12")]
)  # fmt: skip


class Generator:
    """A source of random numbers with a state of its own. Follows ``torch.Generator``.

    Examples
    --------
    >>> from tinygrad_mnist import rand
    >>> generator = Generator().manual_seed(0)
    >>> rand(2, generator=generator)
    tensor([0.4963, 0.7682])
    >>> state = generator.get_state()
    >>> a = rand(3, generator=generator)
    >>> _ = generator.set_state(state)
    >>> bool((rand(3, generator=generator) == a).all())
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_device(device)
        self.device = Device(device)
        self.manual_seed(67280421310721)

    _made: Any = None

    @property
    def _numpy(self) -> Any:
        """NumPy's generator, made when it is first drawn from: numpy.random is slow to import."""
        if self._made is None:
            bits = np.random.MT19937()
            # The classical initialisation by 32 bits, which PyTorch uses too.
            bits._legacy_seeding(self._seed & 0xFFFFFFFF)
            self._made = np.random.Generator(bits)
        return self._made

    @property
    def _bits(self) -> Any:
        return self._numpy.bit_generator

    @named
    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to a seed; return the generator.

        Raises
        ------
        ValueError
            When the seed doesn't fit 64 bits, signed or unsigned.
        """
        number = int(seed)
        if not -(2**63) <= number < 2**64:
            raise ValueError(f"expected an integer from -2**63 to 2**64 - 1, got {number}")
        self._seed = number % 2**64
        self._made = None
        self._spare: float | None = None
        return self

    def seed(self) -> int:
        """Start a stream from the system's randomness; return its seed."""
        number = int.from_bytes(os.urandom(8), "little")
        self.manual_seed(number)
        return number

    def initial_seed(self) -> int:
        """Return the seed that the stream was started from."""
        return self._seed

    def get_state(self) -> np.ndarray:
        """Return the state as bytes, in PyTorch's layout, from which the stream goes on exactly."""
        state: Any = self._bits.state["state"]
        packed = np.zeros(1, _STATE)
        packed["seed"], packed["seeded"], packed["key"] = self._seed, 1, state["key"]
        packed["left"] = max(625 - state["pos"], 1)
        packed["next"] = state["pos"] % 624
        if self._spare is not None:
            packed["next_normal"], packed["has_normal"] = self._spare, 1
        return packed.view(np.uint8)

    @named
    def set_state(self, new_state: Any) -> Generator:
        """Go on from a state that :meth:`get_state` has returned, here or in PyTorch.

        Raises
        ------
        RuntimeError
            When its length is another, or what it holds is no state.
        TypeError
            When it isn't made of bytes.
        """
        array = np.asarray(getattr(new_state, "_array", new_state))
        if array.shape != (_STATE.itemsize,):
            raise RuntimeError(
                f"expected {_STATE.itemsize} bytes from get_state(), got a tensor of "
                f"shape {list(array.shape)}"
            )
        if array.dtype != np.uint8:
            raise TypeError(
                f"expected the bytes (uint8) that get_state() returns, got {array.dtype}"
            )
        packed = np.frombuffer(array.tobytes(), _STATE)[0]
        left, key = int(packed["left"]), packed["key"]
        if not 1 <= left <= 624 or packed["seeded"] != 1 or (key >= 2**32).any():
            raise RuntimeError("these bytes are not the state of a generator")
        self._seed = int(packed["seed"])
        self._spare = float(packed["next_normal"]) if packed["has_normal"] else None
        inner: Any = {"key": key.astype(np.uint32), "pos": 625 - left}
        self._bits.state = {"bit_generator": "MT19937", "state": inner}
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy by the state."""
        return {"state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__()  # type: ignore[misc]  # a subclass has arguments of its own
        self.set_state(state["state"])

    # Draws, as arrays

    def _words(self, count: int) -> np.ndarray:
        """Draw 32-bit numbers."""
        words: np.ndarray = self._bits.random_raw(count)
        return words

    def _long_words(self, count: int, bits: int = 64) -> np.ndarray:
        """Draw numbers of up to 64 bits: the upper half comes first."""
        words: np.ndarray = self._numpy.integers(0, 2**64, count, np.uint64)
        if bits < 64:
            words &= np.uint64(2**bits - 1)
        return words

    def _unit(self, count: int, double: bool) -> np.ndarray:
        """Draw numbers from 0 up to 1, with as many bits as the mantissa of their dtype has."""
        if double:
            unit = self._long_words(count, 53).astype(np.float64)
            unit *= 2.0**-53
            return unit
        bits = self._words(count).astype(np.uint32)
        bits &= np.uint32(2**24 - 1)
        unit = bits.astype(np.float32)
        unit *= np.float32(2.0**-24)
        return unit

    @one_call
    def uniform(
        self, shape: Shape, dtype: Any = np.float32, low: float = 0.0, high: float = 1.0
    ) -> np.ndarray:
        """Draw uniformly from low up to high."""
        dtype = np.dtype(dtype)
        drawn = self._unit(math.prod(shape), dtype.itemsize == 8)
        if (low, high) != (0, 1):
            kind = drawn.dtype.type
            with np.errstate(all="ignore"):
                drawn = _multiply_add(drawn, kind(high) - kind(low), kind(low))
        if dtype.itemsize == 2:
            drawn = convert(drawn, dtype)
            # So few bits often round up to the end, which is outside of the interval.
            with np.errstate(all="ignore"):
                drawn[drawn >= dtype.type(high)] = low
        return drawn.reshape(shape)

    @one_call
    def normal(
        self, shape: Shape, dtype: Any = np.float32, mean: float = 0.0, std: float = 1.0
    ) -> np.ndarray:
        """Draw from a normal distribution, by the method of Box and Muller (1958)."""
        dtype = np.dtype(dtype)
        double = dtype.itemsize == 8
        count = math.prod(shape)
        if count < 16:
            drawn = np.array(self._few_normals(count), np.float64)
        else:
            # PyTorch fills blocks of sixteen. The last sixteen are drawn anew where they are no
            # whole block; numbers for the broken block are drawn before that, but not for float16.
            whole = count - count % 16
            unit = self._unit(whole if dtype.itemsize == 2 else count, double)
            drawn = np.empty(count, unit.dtype)
            drawn[:whole] = _box_muller(unit[:whole])
            if whole < count:
                drawn[-16:] = _box_muller(self._unit(16, double))
        if (mean, std) != (0, 1):
            drawn = _multiply_add(drawn, drawn.dtype.type(std), drawn.dtype.type(mean))
        return _narrow(drawn, dtype).reshape(shape)

    def _few_normals(self, count: int) -> list[float]:
        """Draw numbers in pairs, of which an odd one is kept for the next call."""
        out: list[float] = []
        if self._spare is not None and count:
            out, self._spare = [self._spare], None
        missing = count - len(out)
        unit = self._unit(missing + missing % 2, True).tolist()
        for first, second in zip(unit[::2], unit[1::2], strict=True):
            radius, angle = math.sqrt(-2 * math.log1p(-second)), 2 * math.pi * first
            out += (radius * math.cos(angle), radius * math.sin(angle))
        if len(out) > count:
            self._spare = out.pop()
        return out

    @one_call
    def integers(self, low: int, high: int, shape: Shape, dtype: Any = np.int64) -> np.ndarray:
        """Draw integers uniformly from low up to, not including, high."""
        low, span, count = int(low), int(high) - int(low), math.prod(shape)
        # From this span on the remainder of 32 bits would favour small numbers.
        words = self._words(count) if span < 2**28 else self._long_words(count)
        words %= np.uint64(span)
        drawn = words.view(np.int64)
        if low:
            drawn += low
        return drawn.astype(dtype, copy=False).reshape(shape)

    @one_call
    def any_integers(self, shape: Shape, dtype: Any) -> np.ndarray:
        """Draw integers from 0 up to the largest that a dtype holds exactly."""
        dtype, count = np.dtype(dtype), math.prod(shape)
        if dtype.kind == "f":
            span = 2 ** (int(np.finfo(dtype).nmant) + 1) + 1
        else:
            span = 2 if dtype.kind == "b" else int(np.iinfo(dtype).max) + 1
        words = self._long_words(count) if dtype.itemsize == 8 else self._words(count)
        words %= np.uint64(span)
        return words.astype(dtype).reshape(shape)

    @one_call
    def permutation(self, n: int) -> np.ndarray:
        """Draw an order of 0 ... n - 1, by exchanging each element with a later one."""
        if n < 2:
            return np.arange(n)
        left = np.arange(n, 1, -1, dtype=np.uint64)
        partners = ((self._words(n - 1) % left).astype(np.int64) + np.arange(n - 1)).tolist()
        order = list(range(n))
        for i, j in enumerate(partners):
            order[i], order[j] = order[j], order[i]
        return np.fromiter(order, np.int64, n)

    @one_call
    def bernoulli(self, p: Any, shape: Shape, dtype: Any = np.float32) -> np.ndarray:
        """Draw ones, and zeros, with one probability or with an array of them.

        Parameters
        ----------
        p
            A number; or an array that broadcasts to the shape, whose dtype decides how many bits
            each draw is made of.
        """
        count = math.prod(shape)
        if isinstance(p, np.ndarray):
            return (self._unit(count, p.dtype.itemsize == 8).reshape(shape) < p).astype(dtype)
        # Whole numbers of 53 bits spare the conversion of each to a fraction.
        ones = self._long_words(count, 53) < np.uint64(math.ceil(float(p) * 2**53))
        return ones.astype(dtype).reshape(shape)

    @one_call
    def exponential(self, shape: Shape, dtype: Any = np.float32, rate: float = 1.0) -> np.ndarray:
        """Draw from an exponential distribution, by its inverse.

        Raises
        ------
        RuntimeError
            When the rate isn't positive.
        """
        if not rate > 0:
            raise RuntimeError(f"exponential: expects rate > 0, but got {rate}")
        drawn = np.log1p(-self._unit(math.prod(shape), True))
        drawn *= -1 / float(rate)
        return _narrow(drawn, np.dtype(dtype)).reshape(shape)

    @one_call
    def multinomial(self, weights: Any, num_samples: int, replacement: bool) -> np.ndarray:
        """Draw indices with probabilities in proportion to weights, in the last dimension."""
        rows = np.asarray(weights)
        if rows.dtype.kind != "f":
            rows = rows.astype(np.float64)
        flat = rows.reshape(-1, rows.shape[-1])
        if replacement and num_samples > 1:
            drawn = self._unit(len(flat) * num_samples, True)
            ends = np.cumsum(flat, axis=1, dtype=flat.dtype)
            ends /= ends[:, -1:]
            chosen = [
                np.searchsorted(end, row, side="left")
                for end, row in zip(ends, drawn.reshape(len(flat), -1), strict=True)
            ]
            picked = np.array(chosen, np.int64)
        else:
            # Who comes first among exponential times with these rates: no one comes twice.
            times = self.exponential(flat.shape, flat.dtype)
            with np.errstate(divide="ignore", over="ignore"):
                picked = np.argsort(-(flat / times), axis=1, kind="stable")[:, :num_samples]
        return picked.reshape(*rows.shape[:-1], num_samples)


def _narrow(drawn: np.ndarray, dtype: np.dtype[Any]) -> np.ndarray:
    """Convert to a dtype; to float16 by way of float32, as PyTorch does."""
    if dtype.itemsize == 2:
        drawn = convert(drawn, np.dtype(np.float32), copy=False)
    return convert(drawn, dtype, copy=False)


@np.errstate(all="ignore")
def _multiply_add(x: np.ndarray, scale: Any, shift: Any) -> np.ndarray:
    """Return x * scale + shift, rounded once, as the processor's instruction for it does."""
    if x.dtype != np.float64:
        exact: np.ndarray = x * np.float64(scale) + np.float64(shift)
        return exact.astype(x.dtype)
    product: np.ndarray = x * scale
    if not shift or not abs(scale) < 1e290:
        product += shift
        return product
    # What rounding took from the product and from the sum (Dekker 1971, Knuth's two-sum) is given
    # back; only a tie that a vanishing shift would decide still comes out otherwise.
    half = 2.0**27 + 1
    x_high, scale_high = x * half, scale * half
    x_high, scale_high = x_high - (x_high - x), scale_high - (scale_high - scale)
    x_low, scale_low = x - x_high, scale - scale_high
    lost = x_high * scale_high - product + x_high * scale_low + x_low * scale_high
    lost += x_low * scale_low
    total: np.ndarray = product + shift
    other = total - product
    lost += (product - (total - other)) + (shift - other)
    total += lost
    return total


def _box_muller(drawn: np.ndarray) -> np.ndarray:
    """Turn uniform numbers into normal ones, eight pairs in each block of sixteen."""
    blocks = drawn.reshape(-1, 2, 8)
    kind = drawn.dtype.type
    radius = np.sqrt(kind(-2) * np.log(kind(1) - blocks[:, 0]))
    angle = kind(2 * math.pi) * blocks[:, 1]
    out = np.empty_like(blocks)
    np.multiply(radius, np.cos(angle), out=out[:, 0])
    np.multiply(radius, np.sin(angle), out=out[:, 1])
    return out.reshape(-1)


class _PerThread(threading.local):
    generator: Generator | None = None


_per_thread = _PerThread()


def use_generator(generator: Generator | None) -> None:
    """Let this thread draw from a generator of its own where functions aren't given one."""
    _per_thread.generator = generator


def _passed_on(name: str) -> Any:
    """Make a property that is another generator's attribute."""
    return property(
        lambda self: getattr(self._stream(), name),
        lambda self, value: setattr(self._stream(), name, value),
    )


class _DefaultGenerator(Generator):
    """One stream for all threads, but for those that have their own: a loader's workers."""

    def __init__(self) -> None:
        self._common = Generator()
        self.device = self._common.device

    def _stream(self) -> Generator:
        return _per_thread.generator or self._common

    _made = _passed_on("_made")
    _seed = _passed_on("_seed")
    _spare = _passed_on("_spare")


default_generator: Generator = _DefaultGenerator()
"""The generator of every random function that isn't given one."""
default_generator.seed()


def source_of(generator: Any) -> Generator:
    """Return the generator to draw from: the one that was given, or else the global one."""
    if generator is None:
        return default_generator
    if not isinstance(generator, Generator):
        raise TypeError(f"argument 'generator' must be Generator, not {type(generator).__name__}")
    return generator


__all__ = ["Generator", "default_generator"]
