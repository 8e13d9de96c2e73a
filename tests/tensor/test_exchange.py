"""Memory and states exchanged with PyTorch and NumPy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import safetensors
from tinygrad_mnist.utils import dlpack

DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int16", "int32", "int64", "bool"]


def test_memory_is_shared_with_pytorch_both_ways(torch: Any) -> None:
    """DLPack passes memory between the libraries; tensor() and copy=True copy it."""
    ours, theirs = tg.zeros(2, 3), torch.zeros(2, 3)
    given = [torch.from_dlpack(ours), torch.as_tensor(ours), torch.utils.dlpack.from_dlpack(ours.T)]
    taken = [tg.from_dlpack(theirs), tg.as_tensor(theirs), dlpack.from_dlpack(theirs.T)]
    ours[0, 0] = theirs[0, 0] = 7
    assert [x[0, 0].item() for x in (*given, *taken)] == [7.0] * 6
    given[0][0, 0] = taken[0][0, 0] = 8
    assert ours[0, 0].item() == theirs[0, 0].item() == 8.0
    assert given[2].stride() == taken[2].stride() == (1, 3)
    copies = [torch.tensor(ours), tg.tensor(theirs), tg.from_dlpack(theirs, copy=True)]
    ours.zero_(), theirs.zero_()
    assert [x[0, 0].item() for x in copies] == [8.0] * 3


@pytest.mark.parametrize("name", DTYPES)
def test_every_dtype_and_shape_goes_both_ways(name: str, torch: Any) -> None:
    for shape in ((), (0, 2), (2, 3)):
        ours = tg.ones(shape).to(getattr(tg, name))
        theirs = torch.ones(shape).to(getattr(torch, name))
        assert torch.equal(torch.from_dlpack(ours), theirs)
        back = tg.from_dlpack(theirs)
        assert back.dtype == ours.dtype and back.shape == ours.shape and tg.equal(back, ours)
        assert tg.tensor(theirs).dtype == ours.dtype


def test_capsules_and_expanded_tensors_are_exchanged(torch: Any) -> None:
    assert torch.utils.dlpack.from_dlpack(dlpack.to_dlpack(tg.ones(2))).tolist() == [1.0, 1.0]
    assert tg.from_dlpack(torch.utils.dlpack.to_dlpack(torch.ones(2))).tolist() == [1.0, 1.0]
    assert torch.from_dlpack(tg.ones(1).expand(3)).stride() == (0,)
    assert tg.from_dlpack(torch.ones(1).expand(3)).stride() == (0,)
    assert tg.ones(1).__dlpack_device__() == (1, 0)


def test_what_cannot_be_exchanged_is_refused_as_in_pytorch(torch: Any) -> None:
    for give, take in ((tg, torch), (torch, tg)):
        with pytest.raises(BufferError, match=r"export tensors that require gradient.*detach"):
            take.from_dlpack(give.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="bfloat16"):
        tg.from_dlpack(torch.ones(2, dtype=torch.bfloat16))
    with pytest.raises(TypeError, match="__dlpack__"):
        tg.from_dlpack([1.0])


def test_numpy_shares_memory_and_copies_only_when_it_may() -> None:
    """np.asarray and np.from_dlpack share memory; a conversion with copy=False is refused."""
    x = tg.zeros(2)
    assert np.shares_memory(np.asarray(x), x.numpy())
    assert np.shares_memory(np.from_dlpack(x), x.numpy())
    assert not np.shares_memory(np.array(x), x.numpy())
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="avoid copy"):
        np.array(x, dtype=np.float64, copy=False)


def models(t: Any) -> Any:
    nn = t.nn
    t.manual_seed(0)
    return nn.Sequential(
        nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4, bias=False), nn.Tanh(),
        nn.ModuleDict({"out": nn.Linear(4, 3)})["out"],
    )  # fmt: skip


def test_state_of_a_module_gives_pytorch_the_same_outputs(torch: Any, tmp_path: Path) -> None:
    theirs, ours = models(torch), models(tg)
    x = np.random.default_rng(0).standard_normal((7, 6)).astype(np.float32)
    with torch.no_grad():
        for p in theirs.parameters():
            p.copy_(torch.randn_like(p))
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    ours.load_state_dict(theirs.state_dict())
    np.testing.assert_allclose(ours(tg.from_numpy(x)).detach().numpy(), expected, atol=1e-5)
    library = pytest.importorskip("safetensors.torch")
    library.save_file(theirs.state_dict(), tmp_path / "theirs.safetensors")
    ours = models(tg)
    ours.load_state_dict(safetensors.load_file(tmp_path / "theirs.safetensors"))
    np.testing.assert_allclose(ours(tg.from_numpy(x)).detach().numpy(), expected, atol=1e-5)
    safetensors.save_file(ours.state_dict(), tmp_path / "ours.safetensors")
    back = models(torch)
    back.load_state_dict(library.load_file(tmp_path / "ours.safetensors"))
    assert np.array_equal(back(torch.from_numpy(x)).detach().numpy(), expected)


def test_files_keep_every_dtype_and_layout(torch: Any, tmp_path: Path) -> None:
    library = pytest.importorskip("safetensors.torch")
    path = tmp_path / "x.safetensors"
    state = {name: tg.arange(6).reshape(2, 3).to(getattr(tg, name)) for name in DTYPES}
    state |= {
        "0-d": tg.tensor(2.0),
        "empty": tg.zeros(0, 3),
        "columns": tg.arange(6.0).view(2, 3).T,
    }
    state |= {"strided": tg.arange(8.0)[::2], "expanded": tg.ones(1).expand(3)}
    safetensors.save_file(state, path)
    theirs = library.load_file(path)
    assert set(theirs) == set(state)
    for name, x in state.items():
        assert str(theirs[name].dtype) == str(x.dtype)
        assert theirs[name].tolist() == x.tolist() and tuple(theirs[name].shape) == tuple(x.shape)
    library.save_file({k: v.contiguous() for k, v in theirs.items()}, path)
    for name, x in safetensors.load_file(path).items():
        assert x.dtype == state[name].dtype and tg.equal(x, state[name])
