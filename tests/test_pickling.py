"""Things that pickle in PyTorch pickle here: functions by their names, modules that hold them, tensors."""

from __future__ import annotations

import copy
import inspect
import pickle
import warnings
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import ops

PLACES = ["", "nn", "nn.functional", "nn.init", "nn.utils", "optim", "optim.lr_scheduler", "linalg",
          "special", "utils.data", "autograd", "func", "Tensor", "nn.utils.rnn", "distributions",
          "nn.Module", "optim.Optimizer", "fft", "random", "testing"]  # fmt: skip


def names(t: Any, place: str) -> dict[str, Any]:
    for part in place.split(".") if place else ():
        t = getattr(t, part)
    found = {}
    for name in dir(t):
        if not name.startswith("_") and hasattr(t, name) and not inspect.ismodule(getattr(t, name)):
            found[name] = getattr(t, name)
    return found


def pickles(x: Any) -> bool:
    try:
        return pickle.loads(pickle.dumps(x)) is x
    except Exception:
        return False


@pytest.mark.parametrize("place", PLACES)
def test_names_that_pickle_in_pytorch_pickle_here(place: str, torch: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ours, theirs = names(tg, place), names(torch, place)
        refused = [
            n for n in ours.keys() & theirs.keys() if pickles(theirs[n]) and not pickles(ours[n])
        ]
    assert sorted(refused) == []


@pytest.mark.parametrize("place", PLACES)
def test_functions_and_classes_come_back(place: str) -> None:
    own = {
        name: value for name, value in names(tg, place).items()
        if inspect.isfunction(value) or (inspect.isclass(value) and "tinygrad" in value.__module__)
    }  # fmt: skip
    assert [name for name, value in own.items() if not pickles(value)] == []
    assert own


def test_methods_of_a_tensor_and_operations_come_back() -> None:
    x = tg.ones(2, 2)
    for name in dir(x):
        method = getattr(x, name, None)
        if name[0] != "_" and inspect.ismethod(method):
            assert pickle.loads(pickle.dumps(method)).__func__ is method.__func__, name
    assert [name for name, op in tg.ops.TABLE.items() if not pickles(op)] == []


class Holder(tg.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.act, self.loss, self.reduce = tg.tanh, tg.nn.functional.mse_loss, tg.Tensor.sum
        self.kinds = [tg.FloatTensor, tg.add, tg.special.expit]
        self.layer = tg.nn.Linear(2, 2)

    def forward(self, x: tg.Tensor) -> Any:
        return self.reduce(self.act(self.layer(x)))


def test_module_that_holds_functions_comes_back() -> None:
    net = Holder()
    x = tg.randn(3, 2)
    for other in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
        assert tg.equal(other(x), net(x))
        assert other.act is tg.tanh
        assert other.kinds == net.kinds


class Marked(tg.Tensor):
    def __new__(cls, data: Any, mark: str) -> Any:
        out = tg.as_tensor(data).clone().as_subclass(cls)
        out.mark = mark
        return out

    def __init__(self, data: Any, mark: str) -> None: ...


@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
def test_subclass_of_tensor_with_its_own_new_comes_back(protocol: int) -> None:
    x: Any = Marked([1.0, 2.0], "a")
    for other in (pickle.loads(pickle.dumps(x, protocol)), copy.deepcopy(x), copy.copy(x)):
        assert type(other) is Marked
        assert other.mark == "a"
        assert other.tolist() == [1.0, 2.0]


def test_an_operation_that_is_not_declared_here_is_named() -> None:
    made = ops.Op("of_elsewhere", np.negative, ("x",), (), {})
    with pytest.raises(KeyError, match="no operation 'of_elsewhere'; import the module"):
        pickle.loads(pickle.dumps(made))
