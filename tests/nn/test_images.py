"""Layers of images and normalisations beside PyTorch's: numbers, gradients, repr, state, errors."""

from __future__ import annotations

import re
import threading
import warnings
from typing import Any

import numpy as np
import pytest
from side_by_side import assert_same, compare, make_both

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist._runtime import threads
from tinygrad_mnist.autograd import gradcheck, gradgradcheck
from tinygrad_mnist.nn import functional as F
from tinygrad_mnist.ops import convolution

SOURCE = np.random.default_rng(0)
IMAGES = SOURCE.standard_normal((2, 4, 6, 7))
SIGNALS = SOURCE.standard_normal((2, 4, 9))
VOLUMES = SOURCE.standard_normal((2, 2, 4, 5, 4))

OF_IMAGES = [
    "Conv2d(4, 6, 3)", "Conv2d(4, 6, (2, 3), stride=(2, 1), padding=(1, 2))",
    "Conv2d(4, 6, 3, dilation=2, groups=2, bias=False)", "Conv2d(4, 8, 3, groups=4, padding='same')",
    "Conv2d(4, 2, (2, 4), padding='same', dilation=(3, 1))", "Conv2d(4, 2, 1, stride=3)",
    "Conv2d(4, 2, 3, padding='valid')", "Conv2d(4, 2, 3, padding=1, padding_mode='reflect')",
    "Conv2d(4, 2, 3, padding=(1, 2), padding_mode='circular')",
    "Conv2d(4, 2, (4, 3), padding='same', padding_mode='replicate')",
    "ConvTranspose2d(4, 2, 3)", "ConvTranspose2d(4, 6, (2, 3), stride=2, padding=1, bias=False)",
    "ConvTranspose2d(4, 6, 3, stride=(2, 3), padding=1, output_padding=(1, 2), groups=2)",
    "ConvTranspose2d(4, 2, 2, dilation=3, output_padding=2)",
    "MaxPool2d(2)", "MaxPool2d(3, stride=2, padding=1)", "MaxPool2d((3, 2), 1, dilation=2)",
    "MaxPool2d(2, ceil_mode=True)", "MaxPool2d(3, 2, 1, ceil_mode=True, return_indices=True)",
    "AvgPool2d(2)", "AvgPool2d(3, 2, 1)", "AvgPool2d(3, 2, 1, count_include_pad=False)",
    "AvgPool2d(2, 3, 1, ceil_mode=True)", "AvgPool2d((2, 3), ceil_mode=True, divisor_override=5)",
    "AvgPool2d(4, 3, 1, ceil_mode=True, count_include_pad=False)",
    "AdaptiveAvgPool2d(1)", "AdaptiveAvgPool2d((None, 3))", "AdaptiveAvgPool2d((5, 9))",
    "AdaptiveMaxPool2d((3, 7))", "AdaptiveMaxPool2d((4, None), return_indices=True)",
    "BatchNorm2d(4)", "BatchNorm2d(4, affine=False)", "BatchNorm2d(4, momentum=None, eps=0.1)",
    "BatchNorm2d(4, track_running_stats=False).eval()", "BatchNorm2d(4).eval()",
    "BatchNorm2d(4, bias=False)", "InstanceNorm2d(4)", "InstanceNorm2d(4, affine=True)",
    "InstanceNorm2d(4, track_running_stats=True).eval()", "GroupNorm(2, 4)",
    "GroupNorm(4, 4, affine=False)", "GroupNorm(2, 4, bias=False)", "LayerNorm(7)",
    "LayerNorm((4, 6, 7), eps=0.1)", "LayerNorm([6, 7], bias=False)",
    "LayerNorm(7, elementwise_affine=False)", "RMSNorm(7)",
    "RMSNorm((6, 7), eps=0.01, elementwise_affine=False)", "LocalResponseNorm(2)",
    "LocalResponseNorm(3, alpha=0.5, beta=0.6, k=2.0)",
    "Upsample(scale_factor=2)", "Upsample(scale_factor=1.7)", "Upsample(size=(5, 11))",
    "Upsample(scale_factor=(2.5, 0.6), mode='nearest-exact')", "Upsample((3, 4), mode='area')",
    "Upsample(scale_factor=1.6, mode='bilinear')", "Upsample((4, 15), mode='bilinear')",
    "Upsample((9, 1), mode='bilinear', align_corners=True)",
    "Upsample(scale_factor=1.6, mode='bilinear', recompute_scale_factor=True)",
    "UpsamplingNearest2d(scale_factor=2)", "UpsamplingBilinear2d(size=9)",
    "ZeroPad2d(1)", "ZeroPad2d((1, -2, 0, 3))", "ConstantPad2d((1, 2, 0, 1), 2.5)",
    "ReflectionPad2d((1, 2, 3, 0))", "ReflectionPad2d((2, -1, 1, 1))",
    "ReplicationPad2d((1, 0, 2, 3))", "ReplicationPad2d((1, 0, -2, 3))", "CircularPad2d((1, 3, 2, 0))",
    "CircularPad2d((-1, 3, 2, 0))", "PixelShuffle(2)", "ChannelShuffle(2)", "Unfold(3)",
    "Unfold((2, 3), dilation=2, padding=1, stride=(1, 2))",
]  # fmt: skip
OF_SIGNALS = [
    "Conv1d(4, 6, 3, stride=2, padding=1)", "Conv1d(4, 2, 2, padding='same', groups=2)",
    "Conv1d(4, 2, 3, padding=2, padding_mode='circular')",
    "ConvTranspose1d(4, 3, 3, stride=2, padding=1, output_padding=1)",
    "MaxPool1d(3, 2, padding=1)", "MaxPool1d(2, return_indices=True)", "AvgPool1d(2)",
    "AvgPool1d(3, 2, 1, ceil_mode=True, count_include_pad=False)", "AdaptiveAvgPool1d(4)",
    "AdaptiveMaxPool1d(4)", "BatchNorm1d(4)", "InstanceNorm1d(4, affine=True)", "GroupNorm(2, 4)",
    "Upsample(scale_factor=2.5, mode='linear')", "ZeroPad1d((1, 2))", "ConstantPad1d(2, -1.0)",
    "ReflectionPad1d(3)", "ReplicationPad1d((0, 4))", "CircularPad1d(2)",
]  # fmt: skip


@pytest.mark.parametrize("call", OF_IMAGES)
def test_layer_of_images_is_pytorchs(call: str, torch: Any) -> None:
    compare(torch, f"nn.{call}", IMAGES)


@pytest.mark.parametrize("call", OF_SIGNALS)
def test_layer_of_signals_is_pytorchs(call: str, torch: Any) -> None:
    compare(torch, f"nn.{call}", SIGNALS)


@pytest.mark.parametrize(
    ("call", "array"),
    [
        ("Conv3d(2, 3, (2, 3, 1), stride=(1, 2, 1), padding=1)", VOLUMES),
        ("BatchNorm1d(4)", SIGNALS[:, :, 0]),
        ("Conv2d(4, 2, 3)", IMAGES[0]),
        ("MaxPool2d(2, return_indices=True)", IMAGES[0]),
        ("AvgPool2d(2)", IMAGES[0]),
        ("AdaptiveAvgPool2d(2)", IMAGES[0]),
        ("InstanceNorm2d(4)", IMAGES[0]),
        ("ConvTranspose1d(4, 2, 3)", SIGNALS[0]),
        ("Fold((3, 4), 2, stride=(1, 2), padding=(0, 1))", SOURCE.standard_normal((2, 8, 6))),
        ("Fold((5, 5), (2, 2), dilation=2, stride=2)", SOURCE.standard_normal((8, 4))),
        ("PixelUnshuffle(2)", IMAGES[:, :, :, 1:]),
        ("Conv2d(4, 2, 3)", IMAGES[:0]),
        ("MaxPool2d(2)", IMAGES[:0]),
    ],
    ids=str,
)
def test_layer_of_another_shape_is_pytorchs(call: str, array: np.ndarray, torch: Any) -> None:
    compare(torch, f"nn.{call}", array)


@pytest.mark.parametrize(
    "call",
    ["Conv2d(3, 8, (3, 5), groups=1)", "Conv1d(4, 6, 3, groups=2)", "ConvTranspose2d(4, 6, 3)",
     "Conv3d(1, 2, 2, bias=False)", "BatchNorm2d(3)", "LayerNorm(4)"],
)  # fmt: skip
def test_initial_weights_are_pytorchs(call: str, torch: Any) -> None:
    tg.manual_seed(3)
    torch.manual_seed(3)
    mine, theirs = eval(f"nn.{call}"), eval(f"torch.nn.{call}", {"torch": torch})
    for (a, x), (b, y) in zip(mine.state_dict().items(), theirs.state_dict().items(), strict=True):
        assert a == b
        assert repr(x.dtype) == repr(y.dtype)
        np.testing.assert_array_equal(x.numpy(), y.numpy())


@pytest.mark.parametrize(
    "call",
    [
        "F.conv2d(x, w, None, 2, 1)", "F.conv2d(x, w[:2, :1], None, 1, 0, 2, 2)",
        "F.conv_transpose2d(x, w[:2].transpose(0, 1), None, 2, 1, 1)",
        "F.max_pool2d(x, 3, 2, 1)", "F.avg_pool2d(x, 3, 2, 1, True, False)",
        "F.adaptive_avg_pool2d(x, (3, 2))", "F.adaptive_max_pool2d(x, 3)",
        "F.batch_norm(x, None, None, b, b, True)", "F.batch_norm(x, M, M * M, b, b)",
        "F.instance_norm(x)", "F.group_norm(x, 1, b, b)", "F.layer_norm(x, (4,))",
        "F.rms_norm(x, (4,))", "F.local_response_norm(x, 2, 0.5)",
        "F.pad(x, (1, 2, 3, 1), 'reflect')", "F.pad(x, (1, 2, 3, 1), 'replicate')",
        "F.pad(x, (1, 2, 3, 1), 'circular')", "F.pad(x, (1, -2), value=2.0)",
        "F.interpolate(x, scale_factor=1.5, mode='bilinear')", "F.interpolate(x, (7, 3))",
        "F.pixel_shuffle(x.reshape(1, 4, 2, 5), 2)", "F.unfold(x, 2, 1, 1, 2)",
        "F.fold(x.reshape(1, 8, 5), (2, 6), 2)",
    ],
)  # fmt: skip
def test_function_has_first_and_second_derivatives(call: str) -> None:
    """The derivatives of image functions agree with finite differences in all their inputs."""
    source = np.random.default_rng(4)
    shapes = {"x": (1, 2, 5, 4), "w": (3, 2, 3, 2), "b": (2,)}
    names = [name for name in shapes if re.search(rf"\b{name}\b", call)]
    tensors = [tg.tensor(source.standard_normal(shapes[n]), requires_grad=True) for n in names]

    def function(*args: Any) -> Any:
        return eval(
            call,
            {"F": F, "M": tg.tensor([1.0, 2.0]).double(), **dict(zip(names, args, strict=True))},
        )

    assert gradcheck(function, tensors)
    assert gradgradcheck(function, tensors)


def test_max_pool_gives_the_gradient_of_a_tie_to_the_first(torch: Any) -> None:
    """Among equal values, and among NaNs, max pooling chooses the element that PyTorch chooses."""
    array = np.zeros((1, 1, 5, 5))
    array[0, 0, 2, 2] = np.nan
    array[0, 0, 1, 3] = np.nan
    results = []
    for library, functional in ((tg, F), (torch, torch.nn.functional)):
        x = library.tensor(array, requires_grad=True)
        out, index = functional.max_pool2d(x, 2, 1, 1, return_indices=True)
        functional.max_pool2d(x, 2, 1, 1).sum().backward()
        (again,) = (
            library.autograd.grad(functional.max_pool2d(x, 2, 1, 1).sum(), x, create_graph=True)
            if library is tg
            else (x.grad,)
        )
        results.append((out, index, x.grad, again))
    assert_same(results[0], results[1])


def test_trailing_pixels_that_no_window_reaches_get_no_gradient() -> None:
    """A stride of 2 over 5 pixels leaves out the last row and column; their gradient is zero."""
    for function in (
        lambda x: F.conv2d(x, tg.ones(1, 1, 2, 2), stride=2),
        lambda x: F.max_pool2d(x, 2),
        lambda x: F.avg_pool2d(x, 2),
    ):
        x = tg.rand(1, 1, 5, 5, requires_grad=True)
        function(x).sum().backward()
        assert (x.grad[..., 4, :] == 0).all()
        assert (x.grad[..., :, 4] == 0).all()
        assert x.grad[..., :4, :4].sum() > 0


@pytest.mark.parametrize(
    "call", ["BatchNorm2d(4)", "BatchNorm2d(4, momentum=None)", "BatchNorm2d(4, momentum=0.7)",
             "InstanceNorm2d(4, track_running_stats=True)"],
)  # fmt: skip
def test_running_statistics_are_pytorchs(call: str, torch: Any) -> None:
    """Running means, variances and counts over three steps of training are PyTorch's."""
    mine, theirs = (module.double() for module in make_both(torch, f"nn.{call}"))
    for step in range(3):
        for module, library in ((mine, tg), (theirs, torch)):
            module(library.tensor(IMAGES * (step + 1) + step))
        assert_same(list(mine.buffers()), list(theirs.buffers()))
    assert mine.num_batches_tracked.dtype == tg.int64
    results = []
    for module, library in ((mine, tg), (theirs, torch)):
        x = library.tensor(IMAGES, requires_grad=True)
        out = module.eval()(x)
        (out * out).sum().backward()
        results.append((out, x.grad, list(module.buffers())))
    assert_same(results[0], results[1])


def test_batch_norm_keeps_float32(torch: Any) -> None:
    """Output, running statistics and gradients of float32 images are float32."""
    norm = nn.BatchNorm2d(4)
    out = norm(tg.tensor(IMAGES, dtype=tg.float32))
    out.sum().backward()
    for x in (out, norm.running_mean, norm.running_var, norm.weight.grad):
        assert x.dtype == tg.float32


def test_a_failed_batch_norm_changes_nothing() -> None:
    norm = nn.BatchNorm1d(3)
    with pytest.raises(ValueError, match="more than 1 value per channel when training"):
        norm(tg.ones(1, 3))
    with pytest.raises(RuntimeError, match=r"num_features is|must have shape \[2\]"):
        norm(tg.ones(5, 2))
    assert norm.running_mean.tolist() == [0, 0, 0]
    assert norm.num_batches_tracked == 0


@pytest.mark.parametrize("size", [(10, 10), (9, 10)])
def test_transposed_convolution_reaches_a_size(size: tuple[int, int], torch: Any) -> None:
    both = make_both(torch, "nn.ConvTranspose2d(4, 2, 3, stride=2)")
    mine, theirs = (module.double() for module in both)
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in mine.state_dict().items()})
    array = IMAGES[:, :, :4, :4]
    assert_same(mine(tg.tensor(array), size), theirs(torch.tensor(array), size))


def test_unpooling_puts_back_what_pooling_picked(torch: Any) -> None:
    results = []
    for library, functional in ((tg, F), (torch, torch.nn.functional)):
        x = library.tensor(IMAGES, requires_grad=True)
        out = functional.max_unpool2d(
            *functional.max_pool2d(x, 2, return_indices=True), 2, output_size=IMAGES.shape
        )
        (out * library.tensor(np.cos(IMAGES))).sum().backward()
        results.append((out, x.grad))
    assert_same(results[0], results[1])


X = tg.ones(1, 4, 5, 5)
W = tg.ones(6, 4, 3, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("F.conv2d(X, W[:, :3])", r"expects 3 input channels, but the input has 4"),
        ("F.conv2d(X, W, groups=5)", "groups=5"),
        ("F.conv2d(X, W, groups=2)", "expects 8 input channels"),
        ("F.conv2d(X, tg.ones(6, 4, 7, 3))", r"\[7, 3\] elements, which is more than the \[5, 5\]"),
        ("F.conv2d(X, W, stride=0)", "must all be positive"),
        ("F.conv2d(X, W, dilation=(1, -1))", "must all be positive"),
        ("F.conv2d(X, W, padding=-1)", "negative padding"),
        ("F.conv2d(X, W, padding='full')", "'full'"),
        ("F.conv2d(X, W, stride=2, padding='same')", "not supported for strided"),
        ("F.conv2d(X, W, stride=(1, 2, 3))", "stride is an integer or 2 of them"),
        ("F.conv2d(X.double(), W)", "same dtype"),
        ("F.conv2d(X, W, tg.ones(5))", r"bias must have shape \[6\], but has \[5\]"),
        ("F.conv2d(X[0, 0], W)", r"\(N, C, H, W\) or \(C, H, W\), got \[5, 5\]"),
        ("F.conv1d(X[0], W)", "weight of 3 dimensions"),
        ("F.conv_transpose2d(X, W)", "channels"),
        ("F.conv_transpose2d(X, W[:4], output_padding=1)", "output_padding 1 must be smaller"),
        ("F.conv_transpose2d(X, W[:4], padding=4)", "leaves nothing"),
        ("F.max_pool2d(X, 2, padding=2)", "half of the kernel"),
        ("F.max_pool2d(X, 6)", "don't fit into a size of 5"),
        ("F.max_pool2d(X, 2, 0)", "must be positive"),
        ("F.avg_pool2d(X, 2, divisor_override=0)", "must not be zero"),
        ("F.adaptive_avg_pool2d(X, (2, 2, 2))", "output_size is an integer or 2"),
        ("F.max_unpool2d(X, tg.full((1, 4, 5, 5), 999), 2)", "999"),
        ("F.pad(X, (1,))", "two numbers for each dimension"),
        ("F.pad(X, (1,) * 10)", "the input has 4"),
        ("F.pad(X, (-3, -3))", "negative length"),
        ("F.pad(X, (5, 0, 0, 0), 'reflect')", "at most 4"),
        ("F.pad(X, (6, 0, 0, 0), 'circular')", "at most 5"),
        ("F.fold(tg.ones(1, 4, 3), (2, 3), 2)", "1 x 2 windows"),
        ("F.unfold(X, 0)", "kernel_size 0 is too small"),
        ("F.pixel_shuffle(X, 3)", "divisible by upscale_factor² = 9"),
        ("F.pixel_unshuffle(X, 2)", "divisible by downscale_factor"),
        ("F.layer_norm(X, (4,))", r"must be \[4\] \(normalized_shape\)"),
        ("F.group_norm(X, 3)", "divisible by num_groups=3"),
        ("F.batch_norm(X, None, None)", "needs running_mean"),
        ("F.batch_norm(X, None, None, tg.ones(4).double(), training=True)", "dtype torch.float32"),
        ("F.layer_norm(X, (5,), tg.ones(5).double())", "dtype torch.float32"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input_is_a_runtime_error_with_a_sentence(call: str, words: str) -> None:
    with pytest.raises(RuntimeError, match=words):
        eval(call, {"F": F, "tg": tg, "X": X, "W": W})


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("nn.Conv2d(3, 4, 3, groups=2)", ValueError),
        ("nn.Conv2d(4, 4, 3, groups=0)", ValueError),
        ("nn.Conv2d(4, 4, 3, padding='full')", ValueError),
        ("nn.Conv2d(4, 4, 3, padding='same', stride=2)", ValueError),
        ("nn.Conv2d(4, 4, 3, padding_mode='mirror')", ValueError),
        ("nn.ConvTranspose2d(4, 4, 3, padding_mode='reflect')", ValueError),
        ("nn.ConvTranspose2d(4, 4, 3, stride=2)(X, output_size=(13, 11))", ValueError),
        ("nn.GroupNorm(3, 4)", ValueError),
        ("nn.GroupNorm(4, 4)(X[:, :, 0, 0])", ValueError),
        ("nn.BatchNorm2d(4)(X[0])", ValueError),
        ("nn.InstanceNorm2d(4)(X[:, :, :1, :1])", ValueError),
        ("F.interpolate(X)", ValueError),
        ("F.interpolate(X, size=2, scale_factor=2)", ValueError),
        ("F.interpolate(X, size=2, align_corners=True)", ValueError),
        ("F.interpolate(X, size=2, mode='bicubic')", NotImplementedError),
        ("F.interpolate(X[0], size=2, mode='bilinear')", NotImplementedError),
        ("F.pad(X, (1, 1), 'mirror')", NotImplementedError),
        ("F.conv2d(X.numpy(), W)", TypeError),
        ("F.max_pool2d(X, 2.5)", TypeError),
        ("nn.init.dirac_(tg.empty(3, 3))", ValueError),
        ("nn.init.sparse_(tg.empty(3, 3, 3), 0.1)", ValueError),
    ],
    ids=str,
)  # fmt: skip
def test_bad_input_is_an_error_of_pytorchs_type(call: str, error: type, torch: Any) -> None:
    names = {"F": F, "nn": nn, "tg": tg, "X": X, "W": W}
    with pytest.raises(error):
        eval(call, names)
    if error is NotImplementedError and "bicubic" in call:
        return
    names = {"F": torch.nn.functional, "nn": torch.nn, "tg": torch}
    with pytest.raises(error), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        eval(call, {**names, "X": torch.ones(1, 4, 5, 5), "W": torch.ones(6, 4, 3, 3)})


def test_convolution_in_small_blocks_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> list[np.ndarray]:
        x, w = tg.tensor(IMAGES, requires_grad=True), tg.ones(2, 4, 3, 3).double().requires_grad_()
        out = F.conv2d(x, w, padding=1)
        out.backward(tg.tensor(np.sin(np.arange(168.0)).reshape(2, 2, 6, 7)))
        return [out.detach().numpy(), x.grad.numpy(), w.grad.numpy()]

    whole = run()
    for size in (1, 60, 600, 4000):  # parts of a line, lines, images
        monkeypatch.setattr(convolution, "WINDOW_BLOCK", size)
        for a, b in zip(whole, run(), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def test_convolution_on_two_threads_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    before = threads.get_num_threads()
    results = []
    try:
        for number in (1, 2):
            tg.set_num_threads(number)
            monkeypatch.setattr(threads, "WORTHWHILE", 0)
            x = tg.tensor(IMAGES, requires_grad=True)
            conv = nn.Conv2d(4, 2, 3, dtype=tg.float64)
            nn.init.ones_(conv.weight)
            nn.init.ones_(conv.bias)
            out = conv(x)
            (out * out).sum().backward()
            results.append((out, x.grad, conv.weight.grad))
            assert threads.get_num_threads() == number
    finally:
        tg.set_num_threads(before)
    for a, b in zip(*results, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)


def test_an_error_on_a_second_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "WORTHWHILE", 0)
    monkeypatch.setattr(threads, "_wanted", [2])
    seen: list[str] = []

    def fail(part: slice) -> None:
        seen.append(threading.current_thread().name)
        if part.start:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        threads.in_parts(fail, 4, 1)
    assert len(set(seen)) == 2


def test_a_view_of_a_convolutions_output_is_pytorchs(torch: Any) -> None:
    """The memory order of images is our own affair: ``view`` works where it does in PyTorch."""
    results = []
    for library, layers in ((tg, nn), (torch, torch.nn)):
        library.manual_seed(0)
        conv = layers.Conv2d(4, 2, 3).double()
        out = (
            torch.nn.functional.relu(conv(library.tensor(IMAGES)))
            if library is torch
            else F.relu(conv(library.tensor(IMAGES)))
        )
        flat = out.view(-1, 2 * 4 * 5)
        (flat * flat).sum().backward()
        results.append((flat, conv.weight.grad))
        with library.no_grad():
            flat[0] = 7
            assert out[0].sum() == 7 * 40
    assert_same(results[0], results[1], 1e-6)


def test_dirac_and_sparse_values(torch: Any) -> None:
    results = []
    for library, init in ((tg, nn.init), (torch, torch.nn.init)):
        library.manual_seed(0)
        results.append(
            (
                init.dirac_(library.empty(6, 2, 3, 4)), init.dirac_(library.empty(6, 2, 3), 3),
                init.sparse_(library.empty(10, 4), 0.3),
            )
        )  # fmt: skip
    assert_same(results[0], results[1], 1e-5)


RARE_LAYERS = {
    "nn.LPPool1d(2, 3)": (2, 3, 8), "nn.LPPool1d(1, 2, 1, True)": (2, 3, 5),
    "nn.LPPool2d(2, 2)": (2, 2, 4, 5), "nn.LPPool2d(3, (2, 1), stride=(1, 2))": (2, 2, 4, 5),
    "nn.LPPool3d(2, 2)": (1, 2, 4, 4, 4), "nn.RReLU()": (3, 4), "nn.RReLU(0.1, 0.5)": (2, 3, 4),
    "nn.RReLU(inplace=False).eval()": (3, 4), "nn.SyncBatchNorm(3)": (4, 3, 2, 2),
    "nn.SyncBatchNorm(3, 1e-3, None)": (4, 3), "nn.SyncBatchNorm(3).eval()": (4, 3, 2),
}  # fmt: skip


@pytest.mark.parametrize("call", RARE_LAYERS)
def test_rare_layer_is_pytorchs(call: str, torch: Any) -> None:
    array = np.random.default_rng(0).standard_normal(RARE_LAYERS[call])
    compare(torch, call, np.abs(array) if "LPPool" in call else array)


def test_older_names_of_interpolation_warn(torch: Any) -> None:
    for name in ("upsample_nearest", "upsample_bilinear"):
        results = []
        for m in (tg, torch):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                x = m.arange(8.0).reshape(1, 2, 2, 2)
                results.append(getattr(m.nn.functional, name)(x, scale_factor=2).numpy())
            assert caught
        np.testing.assert_allclose(*results, rtol=1e-6)


def test_batch_normalisations_are_converted(torch: Any) -> None:
    results = []
    for m in (tg, torch):
        m.manual_seed(0)
        net = m.nn.Sequential(m.nn.Conv2d(1, 2, 1), m.nn.BatchNorm2d(2), m.nn.ReLU())
        out = m.nn.SyncBatchNorm.convert_sync_batchnorm(net)
        results.append((repr(out), list(out.state_dict()), out(m.ones(2, 1, 2, 2)).tolist()))
        assert out[1].weight is not None and len(list(out.parameters())) == 4
    assert results[0][:2] == results[1][:2]
    np.testing.assert_allclose(results[0][2], results[1][2], atol=1e-5)
