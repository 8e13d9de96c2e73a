"""Stub, being replaced."""
import numpy as np
class Generator:
    def __init__(self, device="cpu"):
        self.manual_seed(0)
    def manual_seed(self, seed):
        self._seed = seed; self._rng = np.random.default_rng(seed); return self
    def uniform(self, shape, dtype, low, high): return self._rng.uniform(low, high, shape).astype(dtype)
    def normal(self, shape, dtype, mean, std): return self._rng.normal(mean, std, shape).astype(dtype)
    def integers(self, low, high, shape): return self._rng.integers(low, high, shape)
    def permutation(self, n): return self._rng.permutation(n)
    def bernoulli(self, p, shape, dtype): return (self._rng.random(shape) < p).astype(dtype)
default_generator = Generator()
