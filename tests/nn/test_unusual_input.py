"""Layers at the edges of what they take: empty batches, odd scales, other dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg


@pytest.mark.parametrize(
    ("call", "shape"),
    [
        ("nn.BatchNorm1d(3)", (0, 3)),
        ("nn.BatchNorm1d(3, momentum=None)", (0, 3, 5)),
        ("nn.BatchNorm2d(3)", (0, 3, 4, 4)),
        ("nn.BatchNorm2d(3, affine=False)", (2, 3, 0, 4)),
        ("nn.InstanceNorm1d(3, track_running_stats=True)", (2, 3, 0)),
        ("nn.BatchNorm1d(3, track_running_stats=False)", (0, 3)),
    ],
)
def test_an_empty_batch_leaves_running_statistics_alone(
    torch: Any, call: str, shape: tuple[int, ...]
) -> None:
    states = []
    for t in (tg, torch):
        layer = eval(call, {"nn": t.nn})
        x = t.zeros(*shape, requires_grad=True)
        out = layer(x)
        out.sum().backward()
        assert tuple(out.shape) == tuple(x.grad.shape) == shape
        states.append({name: value.tolist() for name, value in layer.state_dict().items()})
        states[-1] |= {name: p.grad.tolist() for name, p in layer.named_parameters()}
    assert states[0] == states[1]


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (0, 3, 5, 4), (3, 5, 4)])
@pytest.mark.parametrize("size", [0, 1, 2, 7, (0, 2), (None, 3)])
@pytest.mark.parametrize("name", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
def test_adaptive_pooling_of_nothing_and_into_nothing(
    torch: Any, name: str, size: Any, shape: tuple[int, ...]
) -> None:
    data = np.random.default_rng(1).standard_normal(shape).astype(np.float32)
    results = []
    for t in (tg, torch):
        x = t.tensor(data, requires_grad=True)
        out = getattr(t.nn.functional, name)(x, size)
        if 0 not in out.shape[-2:]:  # PyTorch refuses to go back from there
            out.sum().backward()
        results.append((out.detach().numpy(), (x if x.grad is None else x.grad).detach().numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_an_instance_norm_of_no_images_keeps_its_statistics() -> None:
    layer = tg.nn.InstanceNorm1d(3, track_running_stats=True)
    layer(tg.zeros(0, 3, 5))
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]


SCALES = [0.3, 0.5, 0.7, 0.99, 1.0, 1.1, 1.24, 1.7, 2, 2.2, 2.45, 3]


@pytest.mark.parametrize(
    ("mode", "shape"),
    [
        ("nearest", (2, 1, 5)),
        ("nearest", (1, 2, 4, 5)),
        ("nearest-exact", (2, 1, 5)),
        ("nearest-exact", (1, 2, 4, 5)),
        ("area", (1, 2, 4, 5)),
        ("linear", (2, 1, 5)),
        ("bilinear", (1, 2, 4, 5)),
    ],
)
def test_interpolate_by_any_factor_is_that_of_pytorch(
    torch: Any, mode: str, shape: tuple[int, ...]
) -> None:
    array = np.random.default_rng(0).standard_normal(shape)
    settings: list[dict[str, Any]] = [{}, {"recompute_scale_factor": True}]
    if mode in ("linear", "bilinear"):
        settings.append({"align_corners": True})
    for dtype in (np.float32, np.float64):
        for factor in SCALES:
            for more in settings:
                mine, theirs = (
                    t.nn.functional.interpolate(
                        t.tensor(array.astype(dtype)), scale_factor=factor, mode=mode, **more
                    ).numpy()
                    for t in (tg, torch)
                )
                np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-6, err_msg=f"{factor}")


def test_a_scale_that_keeps_the_size_keeps_the_image() -> None:
    image = tg.arange(16.0).reshape(1, 1, 4, 4)
    for mode in ("nearest", "bilinear"):
        out = tg.nn.functional.interpolate(image, scale_factor=1.1, mode=mode)
        assert out[0, 0, 0].tolist() == [0, 1, 2, 3]
    row = tg.arange(4.0).reshape(1, 1, 4)
    assert tg.nn.functional.interpolate(row, scale_factor=1.1, mode="linear").flatten().tolist() == [
        0, 1, 2, 3,
    ]  # fmt: skip


@pytest.mark.parametrize("size", [(3, 3), (6, 7), (8, 10), (7, 3)])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear"])
def test_bytes_are_interpolated_as_in_pytorch(torch: Any, mode: str, size: tuple[int, int]) -> None:
    array = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5)).astype(np.uint8)
    mine, theirs = (
        t.nn.functional.interpolate(t.tensor(array), size=size, mode=mode).numpy()
        for t in (tg, torch)
    )
    np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("dtype", ["int64", "int32", "int16", "bool"])
@pytest.mark.parametrize("mode", ["nearest", "nearest-exact", "bilinear", "area"])
def test_integers_are_not_interpolated(torch: Any, mode: str, dtype: str) -> None:
    for t in (tg, torch):
        image = t.ones(1, 1, 4, 4, dtype=getattr(t, dtype))
        with pytest.raises((NotImplementedError, RuntimeError), match=r"not implemented for|Long"):
            t.nn.functional.interpolate(image, size=2, mode=mode)


def test_a_size_has_no_scale_to_recompute() -> None:
    with pytest.raises(ValueError, match="recompute_scale_factor"):
        tg.nn.functional.interpolate(tg.ones(1, 1, 4), 3, recompute_scale_factor=True)


@pytest.mark.parametrize("mode", ["max", "mean", "sum"])
@pytest.mark.parametrize(
    "bags",
    [
        "t.zeros(2, 3, dtype=t.int64), w, padding_idx=0",
        "t.zeros(0, 3, dtype=t.int64), w",
        "t.zeros(0, dtype=t.int64), w, t.tensor([0, 0])",
        "t.zeros(0, dtype=t.int64), w, t.zeros(0, dtype=t.int64)",
        "t.tensor([[0, 1], [0, 0]]), w, padding_idx=0",
        "t.tensor([1, 2]), w, t.tensor([0, 0, 2])",
    ],
)
def test_empty_bags_are_differentiable(torch: Any, bags: str, mode: str) -> None:
    results = []
    for t in (tg, torch):
        w = t.arange(6.0).reshape(3, 2).requires_grad_()
        out = eval(f"t.nn.functional.embedding_bag({bags}, mode={mode!r})", {"t": t, "w": w})
        assert out.requires_grad
        (out * out).sum().backward()
        results.append((out.tolist(), tuple(out.shape), w.grad.tolist()))
    assert results[0] == results[1]


@pytest.mark.parametrize("call", ["scatter(0, i, s)", "scatter_reduce(0, i, s, 'amax')"])
def test_what_nothing_is_scattered_into_keeps_the_sources_gradient(call: str) -> None:
    s = tg.ones(0, 2, requires_grad=True)
    index = tg.zeros(0, 2, dtype=tg.int64)
    out = eval(f"x.{call}", {"x": tg.ones(3, 2), "i": index, "s": s})
    out.sum().backward()
    assert tuple(s.grad.shape) == (0, 2)


def test_the_median_of_nothing_keeps_the_graph() -> None:
    x = tg.ones(0, requires_grad=True)
    out = x.median()
    assert out.isnan()
    assert out.requires_grad


@pytest.mark.parametrize(
    "call",
    [
        "F.elu_(x(), 2.0, 3.0, 0.5)",
        "F.elu_(x(), alpha=1, input_scale=2)",
        "F.hardtanh_(x(), 1, -1)",
        "nn.InstanceNorm1d(3, device='cuda')(x())",
        "nn.InstanceNorm1d('any')(x())",
        "nn.InstanceNorm2d(-1)(x()[None])",
        "F.adaptive_avg_pool1d(x(), 1000001)",
        "F.adaptive_max_pool1d(x(), 1000001)",
        "F.adaptive_avg_pool2d(x(), (7, 5))",
    ],
)
@pytest.mark.filterwarnings("ignore:input's size")
def test_what_pytorch_takes_is_taken(torch: Any, call: str) -> None:
    array = np.random.default_rng(4).standard_normal((2, 3, 4)).astype(np.float32)
    ours, theirs = (
        eval(call, {"nn": t.nn, "F": t.nn.functional, "x": lambda t=t: t.tensor(array)})
        for t in (tg, torch)
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["avg", "max"])
def test_more_tiles_than_memory_holds_are_refused(kind: str) -> None:
    pool = getattr(tg.nn.functional, f"adaptive_{kind}_pool1d")
    with pytest.raises(RuntimeError, match="needs more memory than there is"):
        pool(tg.ones(1, 1, 5), 2**50)


def test_the_size_of_a_grid_may_be_a_tensor() -> None:
    affine_grid, theta = tg.nn.functional.affine_grid, tg.eye(2, 3)[None]
    assert tg.equal(affine_grid(theta, tg.tensor([1, 1, 2, 3])), affine_grid(theta, [1, 1, 2, 3]))
