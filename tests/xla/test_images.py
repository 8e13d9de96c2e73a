"""Images by XLA: convolutions with groups, pooling where several are largest, sums of many rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.ops import pooling

jax = pytest.importorskip("jax", reason="JAX isn't installed")
from tinygrad_mnist.compiler.xla import kernels  # noqa: E402  # they need JAX
from tinygrad_mnist.compiler.xla.versions import enable_x64  # noqa: E402


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("more", [1, 3])
@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "dilation"),
    [
        ((9,), (3,), (1,), ((1, 1),), (1,)),
        ((7, 8), (3, 2), (2, 3), ((1, 0), (2, 2)), (1, 2)),
        ((5, 4, 6), (2, 3, 2), (1, 2, 1), ((0, 0), (1, 1), (0, 1)), (2, 1, 1)),
    ],
)
def test_convolutions_are_the_same_on_a_cpu_and_elsewhere(
    groups: int, more: int, size: Any, kernel: Any, stride: Any, padding: Any, dilation: Any
) -> None:
    draw = np.random.default_rng(0).standard_normal
    x = draw((2, 4, *size), np.float32)
    weight = draw((4 * more, 4 // groups, *kernel), np.float32)
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}

    def all_of(conv: Any) -> Any:
        out, back = jax.vjp(lambda x, w: conv(x, w, **settings), x, weight)
        return out, *back(np.cos(np.arange(out.size, dtype=np.float32)).reshape(out.shape))

    found = jax.jit(lambda: all_of(kernels._conv_on_cpu))()
    expected = jax.jit(lambda: all_of(kernels._conv_anywhere))()
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
@pytest.mark.parametrize(
    ("shape", "kernel"), [((2, 3, 6, 4), (2, 2)), ((3, 2, 7, 8), (3, 2)), ((2, 2, 9), (4,))]
)
def test_the_largest_of_a_window_has_its_gradient(dtype: Any, shape: Any, kernel: Any) -> None:
    source = np.random.default_rng(0)
    x = source.integers(-2, 2, shape).astype(dtype)  # most windows have several that are largest
    if dtype is np.float32:
        x[source.random(shape) < 0.2] = np.nan
        x[source.random(shape) < 0.1] = -np.inf
    how = (kernel, kernel, (1,) * len(kernel))
    settings = dict(zip(("kernel", "stride", "dilation"), how, strict=True))
    out = pooling._max_pool(x, **settings)
    g = (10 * source.standard_normal(out.shape)).astype(dtype)
    with enable_x64(True):
        found = kernels._max_pool_rule(*map(jax.numpy.asarray, (g, out, x)), *how)
    np.testing.assert_array_equal(found, pooling._max_pool_rule(g, out, x, *how))


class Images:
    """A training with more rows of images than are added up at a time."""

    def __init__(self, compiled: bool) -> None:
        tg.manual_seed(0)
        self.x, self.y = tg.rand(16, 1, 12, 12), tg.randint(0, 5, (16,))
        model = nn.Sequential(
            nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(4, 8, 3, groups=2), nn.ReLU(), nn.Conv2d(8, 8, 3, groups=8), nn.Flatten(),
            nn.Linear(32, 5),
        )  # fmt: skip
        optimizer = tg.optim.SGD(model.parameters(), lr=0.1)

        def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
            loss = nn.functional.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        self.step: Any = tg.compile(step, backend="xla", fullgraph=True) if compiled else step

    def losses(self) -> list[float]:
        return [self.step(self.x, self.y).item() for _ in range(8)]


def test_a_network_for_images_trains_as_it_does_uncompiled() -> None:
    ours = Images(True)
    np.testing.assert_allclose(ours.losses(), Images(False).losses(), rtol=1e-4)


def test_convolutions_arent_left_to_ynnpack() -> None:
    tg.manual_seed(0)
    x, weight = tg.randn(8, 16, 20, 20), tg.randn(32, 16, 3, 3)
    convolved = tg.compile(nn.functional.conv2d, backend="xla", fullgraph=True)
    for _ in range(4):
        convolved(x, weight)
    (step,) = convolved.steps.values()
    (executable,) = step.built._executables.values()
    assert "convolution(" in executable.as_text()
    assert "__ynn_fusion" not in executable.as_text()
