"""Things that scripts written for PyTorch meet here besides numbers: settings, memory, names, files."""

from __future__ import annotations

import math
import pickle
import random
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.nn import functional as F


def test_weights_of_linear_layers_can_be_viewed_in_other_shapes() -> None:
    layer = nn.Linear(3, 4)
    layer(tg.ones(2, 3)).sum().backward()
    flat = layer.weight.detach().numpy().reshape(-1)
    for x in (layer.weight, layer.weight.data, layer.weight.detach(), layer.weight * 1):
        np.testing.assert_array_equal(x.view(-1).detach().numpy(), flat)
        assert x.view(2, -1).shape == (2, 6)
    np.testing.assert_array_equal(layer.weight.grad.view(12).numpy(), np.ones(12) * 2)
    (g,) = tg.autograd.grad(layer.weight.view(-1)[1], layer.weight)
    assert g.tolist() == [[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]]


def test_writing_to_another_shape_of_a_weight_is_seen() -> None:
    layer = nn.Linear(3, 4)
    layer.weight.data.view(-1)[0] = 9.0
    assert layer.weight[0, 0] == 9
    own = layer.weight.data.abs()
    own.view(-1)[1] = 7.0
    assert own[0, 1] == 7


def test_memory_that_another_tensor_has_is_not_rearranged() -> None:
    layer = nn.Linear(3, 4)
    doubled = (layer.weight * 2).detach()
    other = doubled.detach()
    doubled.view(-1)
    doubled.fill_(1.0)
    assert (other == 1).all()


@pytest.mark.parametrize(
    "call",
    [
        "F.max_pool2d(x, 2)", "x / w", "(x / w).unsqueeze(0)", "t.sinc(x)", "t.logaddexp(x, w)",
        "t.erfinv(x * 0.1)", "t.nn.LSTM(4, 3).double()(x[0])[0]",
        "F.scaled_dot_product_attention(x, x, x, is_causal=True)",
    ],
)  # fmt: skip
def test_outputs_may_be_overwritten_where_pytorch_allows_it(call: str, torch: Any) -> None:
    results = []
    source = np.random.default_rng(0)
    arrays = [source.uniform(0.5, 2.0, (2, 4, 4)) for _ in range(2)]
    for t in (tg, torch):
        t.manual_seed(0)
        x, w = (t.tensor(a, requires_grad=True) for a in arrays)
        out = eval(call, {"t": t, "F": t.nn.functional, "x": x, "w": w})
        out[0].mul_(3.0)
        out -= 1
        t.nn.functional.relu(out, inplace=True)
        (out * out).sum().backward()
        results.append([g if g is None else g.numpy() for g in (x.grad, w.grad)])
    for mine, theirs in zip(*results, strict=True):
        if theirs is not None:
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)


def test_mixed_precision_is_off() -> None:
    model = nn.Linear(2, 1)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    with pytest.warns(UserWarning, match="disabled"):
        scaler = tg.cuda.amp.GradScaler()
    with pytest.warns(UserWarning, match="disabled"):
        context = tg.autocast("cuda", dtype=tg.bfloat16)
    with context, tg.cuda.amp.autocast(enabled=False), tg.amp.autocast("cpu", enabled=False):
        loss = model(tg.ones(1, 2)).sum()
    before = model.weight.tolist()
    scaler.scale(loss).backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    scaler.load_state_dict(scaler.state_dict())
    np.testing.assert_allclose(model.weight.tolist(), np.array(before) - 0.1, rtol=1e-6)
    assert scaler.get_scale() == 1
    assert not scaler.is_enabled()
    assert tg.autocast("cpu", enabled=False)(math.sqrt)(4.0) == 2
    for enabled in (lambda: tg.autocast("cpu"), lambda: tg.amp.GradScaler("cpu")):
        with pytest.raises(NotImplementedError, match="enabled=False"):
            enabled()


def test_dtypes_that_numpy_lacks_can_be_named_but_not_used(torch: Any) -> None:
    for name in ("bfloat16", "complex64", "complex128"):
        ours, theirs = getattr(tg, name), getattr(torch, name)
        assert repr(ours) == repr(theirs)
        assert ours.itemsize == theirs.itemsize
        assert (ours.is_complex, ours.is_floating_point) == (
            theirs.is_complex, theirs.is_floating_point)  # fmt: skip
        assert ours != tg.float32
        assert {ours: 1}[pickle.loads(pickle.dumps(ours))] == 1
        for use in (lambda d=ours: tg.zeros(2, dtype=d), lambda d=ours: tg.ones(2).to(d)):
            with pytest.raises(TypeError, match=f"torch.{name}"):
                use()
        with pytest.raises(AttributeError):
            _ = ours.foo


def test_well_known_names_that_are_absent_say_what_to_use() -> None:
    assert not hasattr(tg, "imag")
    with pytest.raises(AttributeError, match="no complex numbers"):
        _ = tg.imag
    with pytest.raises(AttributeError, match=r"no attribute 'foo'$"):
        _ = tg.foo


def test_settings_are_read_back_as_they_were_set() -> None:
    tg.use_deterministic_algorithms(True)
    assert tg.are_deterministic_algorithms_enabled()
    tg.use_deterministic_algorithms(False)
    tg.set_float32_matmul_precision("highest")
    assert tg.get_float32_matmul_precision() == "highest"
    with pytest.raises(RuntimeError, match="medium"):
        tg.set_float32_matmul_precision("low")
    tg.set_default_device("cpu")
    assert tg.get_default_device() == tg.device("cpu")
    with pytest.raises(RuntimeError, match="not available"):
        tg.set_default_device("cuda")
    try:
        tg.set_default_tensor_type(tg.DoubleTensor)
        assert tg.ones(1).dtype == tg.float64
    finally:
        tg.set_default_tensor_type("torch.FloatTensor")
    tg.backends.cuda.matmul.allow_tf32 = True
    assert not tg.backends.cuda.is_built()
    assert not tg.cuda.is_bf16_supported()
    assert tg.cuda.max_memory_allocated() == tg.cuda.memory_allocated() == 0


def test_names_of_the_folder_of_layers() -> None:
    from tinygrad_mnist.nn.modules import Linear
    from tinygrad_mnist.nn.modules.batchnorm import _BatchNorm
    from tinygrad_mnist.nn.modules.conv import _ConvNd
    from tinygrad_mnist.nn.modules.loss import _Loss
    from tinygrad_mnist.nn.modules.sparse import Embedding, EmbeddingBag
    from tinygrad_mnist.nn.modules.utils import _pair

    assert Linear is nn.Linear
    assert (Embedding, EmbeddingBag) == (nn.Embedding, nn.EmbeddingBag)
    assert isinstance(nn.BatchNorm2d(1), _BatchNorm)
    assert isinstance(nn.Conv2d(1, 1, 1), _ConvNd)
    assert isinstance(nn.MSELoss(), _Loss)
    assert _pair(2) == _pair((2, 2)) == (2, 2)
    assert nn.init._calculate_fan_in_and_fan_out(tg.ones(2, 3, 4)) == (12, 8)
    with pytest.raises(AttributeError):
        _ = nn.modules.Nothing


def test_assert_close() -> None:
    close = tg.testing.assert_close
    x = tg.tensor([1.0, math.nan], requires_grad=True)
    close({"a": [x, 2]}, {"a": [x.detach() + 1e-7, 2]}, equal_nan=True)
    close(tg.ones(1), tg.ones(1) * 1.1, rtol=0.2, atol=0.0)
    for bad in (
        (x, x), (tg.ones(1), tg.ones(2)), (tg.ones(1), tg.ones(1).double()),
        ([1.0], [1.0, 2.0]), ({"a": 1}, {"b": 1}), (tg.tensor(1), tg.tensor(2)),
    ):  # fmt: skip
        with pytest.raises(AssertionError):
            close(*bad)
        with pytest.raises(AssertionError, match=r"^why$"):
            close(*bad, msg="why")
    with pytest.raises(ValueError, match="both"):
        close(1.0, 1.0, rtol=1.0)


def test_loader_lives_as_long_as_its_epoch() -> None:
    data = list(range(8))
    found = []
    for batch in tg.utils.data.DataLoader(data, 2, num_workers=2, persistent_workers=True):
        found += batch.tolist()
    assert found == data


def test_workers_that_seed_leave_the_streams_of_the_program_alone() -> None:
    def seed(number: int) -> None:
        random.seed(0)
        np.random.seed(0)

    random.seed(5)
    np.random.seed(5)
    wanted = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    list(tg.utils.data.DataLoader(range(4), num_workers=2, worker_init_fn=seed))
    assert (random.random(), np.random.rand()) == wanted


@pytest.mark.parametrize(
    "data",
    [
        "[t.tensor(1.0), 2]", "[t.tensor(1), 2.5]", "[t.tensor([1.0]), t.tensor([2.0])]",
        "[[1.0], [np.float64(2)]]", "[np.float32(1), 2.5]", "[]", "[[], []]", "[True, 2.5]",
        "[t.tensor(1.0, dtype=t.float64), 2]", "[np.ones(2), np.ones(2)]", "[[[t.tensor([[1]])]]]",
        "(np.ones(2, np.float32), [1.0, 2.0])", "[t.tensor(True), 2]", "[np.int64(3), 2.5]",
    ],
)  # fmt: skip
def test_sequences_of_numbers_and_tensors_have_the_dtype_of_pytorch(data: str, torch: Any) -> None:
    results = []
    for t in (tg, torch):
        with warnings.catch_warnings(action="ignore"):
            made = t.tensor(eval(data, {"t": t, "np": np}))
        results.append((repr(made.dtype), tuple(made.shape), made.tolist()))
    assert results[0] == results[1]


def test_tensors_of_several_elements_in_a_sequence_are_refused() -> None:
    with pytest.raises(ValueError, match=r"one element tensors.*stack"):
        tg.tensor([tg.ones(2), tg.ones(2)])


@pytest.mark.parametrize("start", [b"PK..data.pkl", b"\x80\x02", b""])
def test_files_of_pytorch_are_told_by_what_they_seem(start: bytes, tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(start + b" " * 80 if start else b"")
    with pytest.raises(tg.serialization.CheckpointError, match=r"pickle|empty"):
        tg.load(path)


def test_stochastic_layers_draw_what_they_draw_in_pytorch(torch: Any) -> None:
    results = []
    for t in (tg, torch):
        t.manual_seed(0)
        x = t.zeros(2, 3)
        seen = [t.randint(9, size=(4,)), t.randint(high=9, size=(2,))]
        with t.random.fork_rng():
            seen.append(t.rand(2))
        seen += [t.rand(2), t.nn.functional.gumbel_softmax(x, hard=True)]
        results.append([s.tolist() for s in seen])
    assert results[0] == results[1]
    assert F.alpha_dropout(tg.ones(2), 1.0, training=True).tolist() == [0, 0]
