"""Random numbers: a Mersenne Twister whose streams are PyTorch's.

Uniform numbers, integers and permutations come out as in PyTorch on the CPU, bit for bit from the
same seed; so a script that is seeded shuffles the same order, and starts from the same uniform
weights. Normal numbers agree but for the last bits of logarithm and cosine. Bernoulli and
exponential draws differ: there PyTorch asks Intel's library, which has another stream.

This file works on arrays; :mod:`tinygrad_mnist.tensor.creation` makes Tensors of what it draws.
"""

from __future__ import annotations

import math
import os
from typing import Any

import numpy as np

Shape = tuple[int, ...]


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
        if str(device) != "cpu":
            raise RuntimeError(f"Generator: device '{device}' is not available; use 'cpu'")
        self.device = device
        self._bits = np.random.MT19937()
        self.manual_seed(67280421310721)

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream that belongs to a seed; return the generator."""
        number = int(seed)
        if not -(2**63) <= number < 2**64:
            raise RuntimeError(f"manual_seed: expected a 64-bit integer, got {number}")
        self._seed = number % 2**64
        # The classical initialisation by 32 bits, which PyTorch uses too.
        self._bits._legacy_seeding(self._seed & 0xFFFFFFFF)  # type: ignore[attr-defined]
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
        """Return the state as bytes, from which the stream goes on exactly."""
        state: Any = self._bits.state["state"]
        spare = math.nan if self._spare is None else self._spare
        numbers = np.array([self._seed, state["pos"]], np.uint64)
        parts = (numbers.tobytes(), np.float64(spare).tobytes(), state["key"].tobytes())
        return np.frombuffer(b"".join(parts), np.uint8).copy()

    def set_state(self, new_state: Any) -> Generator:
        """Go on from a state that :meth:`get_state` has returned.

        Raises
        ------
        RuntimeError
            When it isn't such a state.
        """
        array = np.asarray(getattr(new_state, "_array", new_state))
        if array.dtype != np.uint8 or array.shape != (24 + 624 * 4,):
            raise RuntimeError(
                f"set_state: expected {24 + 624 * 4} bytes (uint8) from get_state(), got "
                f"{array.dtype} of shape {array.shape}"
            )
        raw = array.tobytes()
        seed, position = np.frombuffer(raw[:16], np.uint64).tolist()
        if position > 624:
            raise RuntimeError("set_state: the state is damaged: its position is beyond its end")
        spare = float(np.frombuffer(raw[16:24], np.float64)[0])
        key = np.frombuffer(raw[24:], np.uint32)
        self._seed = seed
        self._spare = None if math.isnan(spare) else spare
        self._bits.state = {"bit_generator": "MT19937", "state": {"key": key, "pos": position}}
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Pickle and copy by the state."""
        return {"device": self.device, "state": self.get_state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a pickled or copied generator."""
        self.__init__(state["device"])  # type: ignore[misc]
        self.set_state(state["state"])

    # Draws, as arrays

    def _words(self, count: int) -> np.ndarray:
        """Draw 32-bit numbers."""
        words: np.ndarray = self._bits.random_raw(count)
        return words

    def _long_words(self, count: int) -> np.ndarray:
        """Draw 64-bit numbers: the first half comes first."""
        pairs = self._words(2 * count).reshape(count, 2)
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]

    def _unit(self, count: int, dtype: np.dtype[Any]) -> np.ndarray:
        """Draw numbers from 0 up to 1, with as many bits as the dtype's mantissa has."""
        if dtype.itemsize == 8:
            return (self._long_words(count) & np.uint64(2**53 - 1)) * 2.0**-53
        bits = 11 if dtype.itemsize == 2 else 24
        words = self._words(count) & np.uint64(2**bits - 1)
        return words.astype(dtype) * dtype.type(2.0**-bits)

    def uniform(self, shape: Shape, dtype: Any, low: float, high: float) -> np.ndarray:
        """Draw uniformly from low up to high."""
        dtype = np.dtype(dtype)
        drawn = self._unit(math.prod(shape), dtype)
        if (low, high) != (0, 1):
            span, start = dtype.type(high - low), dtype.type(low)
            # PyTorch's fused multiply-add rounds once; so does float32 arithmetic in float64.
            drawn = (drawn * np.float64(span) + np.float64(start)).astype(dtype)
        return drawn.reshape(shape)

    def normal(self, shape: Shape, dtype: Any, mean: float, std: float) -> np.ndarray:
        """Draw from a normal distribution, by the method of Box and Muller (1958)."""
        dtype = np.dtype(dtype)
        count = math.prod(shape)
        if count < 16:
            drawn = np.array([self._one_normal() for _ in range(count)], np.float64)
            return (drawn * std + mean).astype(dtype).reshape(shape)
        drawn = self._unit(count, dtype)
        whole = count - count % 16
        out = np.empty(count, dtype)
        out[:whole] = _box_muller(drawn[:whole])
        if whole < count:
            # The last sixteen are drawn anew, so that blocks stay whole.
            out[-16:] = _box_muller(self._unit(16, dtype))
        out *= dtype.type(std)
        out += dtype.type(mean)
        return out.reshape(shape)

    def _one_normal(self) -> float:
        """Draw one number; they come in pairs, of which the second is kept for the next call."""
        if self._spare is not None:
            spare, self._spare = self._spare, None
            return spare
        first, second = self._unit(2, np.dtype(np.float64)).tolist()
        radius = math.sqrt(-2 * math.log1p(-second))
        self._spare = radius * math.sin(2 * math.pi * first)
        return radius * math.cos(2 * math.pi * first)

    def integers(self, low: int, high: int, shape: Shape) -> np.ndarray:
        """Draw integers uniformly from low up to, not including, high."""
        span, count = int(high) - int(low), math.prod(shape)
        words = self._words(count) if span < 2**32 else self._long_words(count)
        drawn = (words % np.uint64(span)).astype(np.int64) + int(low)
        return drawn.reshape(shape)

    def permutation(self, n: int) -> np.ndarray:
        """Draw an order of 0 ... n - 1, by exchanging each element with a later one."""
        if n < 2:
            return np.arange(n)
        left = np.arange(n, 1, -1, dtype=np.uint64)
        partners = ((self._words(n - 1) % left).astype(np.int64) + np.arange(n - 1)).tolist()
        order = list(range(n))
        for i, j in enumerate(partners):
            order[i], order[j] = order[j], order[i]
        return np.array(order)

    def bernoulli(self, p: Any, shape: Shape, dtype: Any) -> np.ndarray:
        """Draw ones with probability p, and zeros."""
        drawn = self._unit(math.prod(shape), np.dtype(np.float32)).reshape(shape)
        return (drawn < p).astype(dtype)

    def multinomial(self, weights: Any, num_samples: int, replacement: bool) -> np.ndarray:
        """Draw indices with probabilities in proportion to weights, in the last dimension."""
        rows = np.asarray(weights, np.float64)
        flat = rows.reshape(-1, rows.shape[-1])
        if replacement:
            drawn = self._unit(len(flat) * num_samples, np.dtype(np.float64))
            ends = np.cumsum(flat, axis=1)
            chosen = [
                # The last index with a weight above 0 is where rounding may end.
                np.minimum(np.searchsorted(end, u * end[-1], side="right"), np.flatnonzero(row)[-1])
                for row, end, u in zip(flat, ends, drawn.reshape(len(flat), -1), strict=True)
            ]
            picked = np.array(chosen, np.int64)
        else:
            # The smallest of exponential times with these rates: a draw without replacement.
            unit = 1 - self._unit(flat.size, np.dtype(np.float64)).reshape(flat.shape)
            with np.errstate(divide="ignore"):
                times = -np.log(unit) / flat
            picked = np.argsort(times, axis=1)[:, :num_samples]
        return picked.reshape(*rows.shape[:-1], num_samples)


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


default_generator = Generator()
"""The generator of every random function that isn't given one."""
default_generator.seed()
