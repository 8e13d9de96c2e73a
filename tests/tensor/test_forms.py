"""Forms of calls that PyTorch's users write, and forms that it refuses, in both libraries."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg

SNIPPETS = """
w = t.ones(2, requires_grad=True); r = w.numpy()
w = t.ones(2, requires_grad=True); r = np.asarray(w)
w = t.ones(2, requires_grad=True); t.set_grad_enabled(False); r = w.numpy(); t.set_grad_enabled(True)
w = t.ones(2, requires_grad=True) * 2; t.set_grad_enabled(False); r = np.asarray(w); t.set_grad_enabled(True)
w = t.ones(2, requires_grad=True); r = t.no_grad(lambda: w.numpy())()
w = t.ones(2, requires_grad=True); r = t.inference_mode(lambda: np.asarray(w))()
r = t.zeros(2, 3, 4, 5).is_contiguous(memory_format=t.channels_last)
r = t.zeros(2, 4, 5, 3).permute(0, 3, 1, 2).is_contiguous(memory_format=t.channels_last)
r = t.zeros(2, 3, 4).is_contiguous(memory_format=t.channels_last)
r = t.zeros(2, 3, 4).is_contiguous(memory_format=t.preserve_format)
r = t.zeros(2, 3, 4, 5, 6).is_contiguous(memory_format=t.channels_last_3d)
r = t.zeros(2, 3).is_contiguous(t.channels_last)
r = t.zeros(2, 3, 4, 5).to(memory_format=t.channels_last).is_contiguous(memory_format=t.channels_last)
r = t.zeros(2, 3, 4, 5).contiguous(memory_format=t.channels_last).stride()
r = t.zeros(2, 3, 4, 5).clone(memory_format=t.channels_last).contiguous().stride()
r = t.zeros(2, 3, 4).contiguous(memory_format=t.channels_last)
r = t.zeros(1, 2, 3, 4, 5).to(t.float64, memory_format=t.channels_last_3d).stride()
r = t.arange(4.0).sum(0, 1)
r = t.ones(2, 2).max(0, 1)
r = t.ones(2, 2).max(keepdim=True)
r = t.ones(2, 2).any(())
r = t.ones(2, 2).movedim(np.int64(0), 1).chunk(np.int64(1))
r = t.ones(4).split(split_size=2), t.ones(4).hsplit(sections=2), t.ones(2, 2).swapaxes(axis0=0, axis1=1)
r = t.ones(2, 2).matrix_power(np.int64(2)), t.ones(2, 2).roll(np.int64(1), np.int64(0))
r = t.ones(2, 2).clamp_min(np.int64(2)), t.ones(2, dtype=t.int64).clamp_max(np.float32(0.5))
r = t.ones(2, dtype=t.int32).view(dtype=t.float32)
r = t.ones(3).maximum(2)
r = t.ones(3).logical_and(True)
r = t.ones(2, 2).tril(1.5)
r = t.ones(2, 2).select(0, 0.5)
r = t.ones(3).cross(t.ones(3, dtype=t.float64), dim=0)
r = t.ones(2, 3).scatter_add(0, t.zeros(2, 3, dtype=t.int64), t.ones(2, 2))
r = t.bitwise_left_shift(1, t.arange(3)), t.mul(2, 3), t.pow(self=2, exponent=t.arange(3))
r = t.arange(1.5, dtype=t.int64), t.linspace(0.5, 1.5, 3, dtype=t.int64)
r = t.tril_indices(2, 2, requires_grad=False), t.randperm(1, requires_grad=False)
r = t.ones(4).std(0, correction=None), t.aminmax(t.ones(2, 2), keepdim=True)
r = nn.functional.celu(t.ones(2), np.float64(0.5)), nn.functional.softplus(t.ones(2), np.float64(2))
r = nn.functional.elu(t.ones(2), np.float64(0.5)), nn.functional.leaky_relu(t.ones(2), np.float64(2))
r = t.device("cpu").__enter__()
r = t.enable_grad(t.is_grad_enabled)(), t.no_grad(t.is_grad_enabled)()
r = t.no_grad(t.enable_grad(t.is_grad_enabled))(), t.inference_mode(t.is_grad_enabled)()
r = t.no_grad()(lambda: t.enable_grad()(t.is_grad_enabled)())()
r = t.inference_mode(lambda: t.inference_mode(False)(t.is_grad_enabled)())()
r = t.inference_mode(mode=True).mode, t.inference_mode(False).mode
r = t.set_grad_enabled(1)
r = t.set_grad_enabled(False)(t.is_grad_enabled)(), t.is_grad_enabled()
r = t.tensor([2**64], dtype=t.float64)
r = t.tensor(2**64, dtype=t.float32)
r = t.tensor([[2**64, -(2**70)]], dtype=t.bool)
r = t.tensor([2**64, 1.5])
r = t.tensor([2**64])
r = t.tensor([2**64], dtype=t.int64)
r = t.ones(2, dtype=t.int64) + 2**64
r = t.cat([t.empty(0), t.empty(0)], 1)
r = t.cat([t.empty(0), t.empty(0)], -2)
r = t.cat([t.empty(0)], 1)
r = t.cat([t.empty(0), t.empty(0, 2)], 1)
r = t.cat([t.empty(0), t.ones(2, 2)], 2)
r = t.cat([t.empty(0), t.ones(3)], 1)
r = t.cat([t.empty(0, dtype=t.float64), t.ones(2, 2)], 1)
r = t.ones(2).gather(0, t.tensor([0]), sparse_grad=False)
r = t.gather(t.ones(2), 0, t.tensor([0]), sparse_grad=True)
r = t.tensor([1.25, 2.36]).round_(decimals=1)
r = t.tensor([125.0, 2.36]).round_(decimals=-1)
r = nn.LayerNorm(t.Size([])).weight
r = nn.LayerNorm([])(t.ones(3))
r = nn.RMSNorm(())(t.ones(3))
r = t.ones(2).flip()
r = t.flip(t.ones(2))
r = t.ones(2).flip([])
r = t.ones(2, 2).permute()
r = t.ones(()).permute()
r = t.ones(()).permute([])
r = t.ones(()).expand()
r = t.ones(()).repeat()
r = t.ones(()).tile()
r = t.ones(1).view()
r = t.ones(1).view([])
r = t.ones(1).reshape()
r = t.ones(()).sum_to_size()
r = t.ones(()).broadcast_to()
r = t.ones(()).new_zeros()
r = t.zeros(())
r = t.ones(2, 2).roll((1, 2))
r = t.arange(4).reshape(2, 2).roll((1,))
r = t.arange(4).reshape(2, 2).roll(())
r = t.arange(4).reshape(2, 2).roll(1, ())
r = t.arange(4).reshape(2, 2).roll((1, 1), (0, 0))
r = t.ones(2, 3).movedim((0, 1), (0, 0))
r = t.ones(2, 3).movedim((0, 0), (0, 1))
r = t.ones(2, 3).scatter_add_(0, t.zeros(2, 3, dtype=t.int64), t.ones(2, 3, dtype=t.float64))
r = t.ones(2, 3).scatter_add(0, t.zeros(2, 3, dtype=t.int64), t.ones(2, 3, dtype=t.int64))
r = t.ones(2).take_along_dim(t.tensor([0], dtype=t.int32), 0)
r = t.zeros(3, dtype=t.int8).random_(0, 1000)
r = t.zeros(3, dtype=t.int8).random_(1000)
r = t.zeros(3, dtype=t.int8).random_(-128, 128).dtype
r = t.zeros(3, dtype=t.bool).random_(0, 5)
r = t.zeros(3, dtype=t.uint8).random_(-1, 5)
r = t.zeros(3, dtype=t.int32).random_(0, 2**31 + 1)
r = t.zeros(3, dtype=t.float16).random_(0, 5000).dtype
r = t.zeros(3, dtype=t.float16).random_(0, 70000)
r = t.zeros(3).random_(0, 2**24).dtype
r = t.zeros(3, dtype=t.int64).normal_()
r = t.zeros(3, dtype=t.int64).uniform_()
r = nn.ModuleList([nn.ReLU(), nn.Tanh()]).pop(slice(0, 1))
r = nn.ModuleList([nn.ReLU(), nn.Tanh()]).pop(key=0)
L = nn.ModuleList([nn.ReLU()]); L[0] = 3
r = nn.Sequential(nn.ReLU()) + [nn.GELU()]
r = nn.Sequential(nn.ReLU()) + nn.Sequential(nn.GELU())
s = nn.Sequential(nn.ReLU()); s += nn.Sequential(nn.GELU()); r = s
r = nn.Sequential(nn.ReLU(), nn.GELU()).pop(slice(1, None))
r = nn.Sequential(nn.ReLU(), nn.GELU()).insert(1, nn.Tanh())
r = nn.Sequential(nn.ReLU()).insert(5, nn.Tanh())
r = nn.Sequential({"a": nn.ReLU()})
m = nn.ModuleDict({"a": nn.ReLU()}); m.update(nn.ModuleDict({"b": nn.Tanh()})); r = m
m = nn.ModuleDict([["a", nn.ReLU()]]); m.update([("b", nn.Tanh())]); m.update({"c": nn.ReLU()}.items()); r = m
r = nn.ModuleDict(nn.ModuleDict({"z": nn.ReLU(), "a": nn.Tanh()}))
m = nn.ModuleDict(); m.update(3)
m = nn.ModuleDict(); m.update([3])
m = nn.ModuleDict(); m.update([(1, 2, 3)])
r = nn.ModuleDict([(1, nn.ReLU())])
r = nn.ParameterList([t.ones(2), 3, nn.ReLU(), nn.ParameterList([t.ones(1)])])
r = nn.ParameterList([t.ones(2)])
r = nn.ParameterList(t.ones(2, 2))
p = nn.ParameterList(); p.extend(nn.ParameterList([t.ones(1)])); r = p
r = nn.ParameterDict(nn.ParameterDict({"z": t.ones(1), "a": 3}))
r = nn.ParameterDict({"a": t.ones(1)}) | {"b": t.ones(1)}
r = {"b": t.ones(1)} | nn.ParameterDict({"a": t.ones(1)})
p = nn.ParameterDict(); p["keys"] = t.ones(1)
p = nn.ParameterDict(); p["a.b"] = t.ones(1)
p = nn.ParameterDict(); p.update([(1, 2, 3)])
m = nn.Linear(1, 1); m.forward = nn.Parameter(t.ones(1))
"""


def outcome(snippet: str, library: Any) -> tuple[Any, bool]:
    """Return what a snippet leaves in r, in words, or the kind of its error; and a warning."""
    names: dict[str, Any] = {"t": library, "nn": library.nn, "np": np}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            exec(snippet, names)
            result: Any = repr(names.get("r"))
        except Exception as error:
            result = Exception if isinstance(error, AssertionError) else type(error)
        finally:
            library.set_grad_enabled(True)
    ours = [w for w in caught if "__array__" not in str(w.message)]  # PyTorch's, of NumPy 2
    return result, bool(ours)


def same_kind(ours: Any, theirs: Any) -> bool:
    """Errors count as the same where one kind contains the other."""
    if isinstance(ours, type) and isinstance(theirs, type):
        pair = (OverflowError, RuntimeError)  # numbers that are too large
        return issubclass(ours, theirs) or issubclass(theirs, ours) or (theirs, ours) == pair
    return bool(ours == theirs)


@pytest.mark.parametrize("snippet", SNIPPETS.strip().splitlines())
def test_form_is_answered_as_by_pytorch(snippet: str, torch: Any) -> None:
    ours, theirs = outcome(snippet, tg), outcome(snippet, torch)
    assert same_kind(ours[0], theirs[0]), f"{ours[0]!r} instead of {theirs[0]!r}"
    assert ours[1] == theirs[1], "a warning here and not there"


def test_a_block_on_the_cpu_makes_tensors_there() -> None:
    with tg.device("cpu") as where:
        x = tg.ones(2)
    assert x.device == where

    @tg.device("cpu")
    def make() -> Any:
        return tg.zeros(1)

    assert make().device == where
    with pytest.raises(RuntimeError, match="device 'cuda' is not available"), tg.device("cuda"):
        pass


def test_modes_decorate_generators_and_warn_of_classes() -> None:
    @tg.enable_grad
    def pieces() -> Any:
        yield tg.is_grad_enabled()
        yield tg.is_grad_enabled()

    with tg.no_grad():
        seen = []
        for enabled in pieces():
            seen.append((enabled, tg.is_grad_enabled()))
    assert seen == [(True, False)] * 2
    for mode in (tg.no_grad, tg.no_grad(), tg.inference_mode()):
        with pytest.warns(FutureWarning, match="decorating a class is deprecated"):
            mode(type("A", (), {}))
    with pytest.raises(TypeError, match="enable_grad"):
        tg.enable_grad(3)


def test_meshgrid_without_indexing_warns() -> None:
    with pytest.warns(UserWarning, match="meshgrid: name the indexing"):
        grids = tg.meshgrid(tg.arange(2), tg.arange(3))
    assert [tuple(g.shape) for g in grids] == [(2, 3)] * 2


def test_parameters_plot_where_nothing_is_recorded() -> None:
    axes = pytest.importorskip("matplotlib.figure").Figure().subplots()
    w = tg.arange(3.0).requires_grad_()
    with tg.no_grad():
        (line,) = axes.plot(w)
        axes.bar(range(3), w)
        axes.hist(w)
        axes.scatter(w, w)
        axes.imshow(w.reshape(1, 3))
    assert line.get_ydata().tolist() == [0.0, 1.0, 2.0]
    with pytest.raises((RuntimeError, TypeError), match="requires grad"):
        axes.plot(w)
