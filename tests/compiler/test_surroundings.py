"""Whatever a step reads in Python is watched: when it changes, the step's numbers change."""

from __future__ import annotations

import array
import copy
import dataclasses
import enum
import functools
import operator
import os
import sys
import types
import warnings
import weakref
from collections import ChainMap, OrderedDict, UserDict, UserList, deque, namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
import tinygrad_mnist.nn.functional as F
from tinygrad_mnist import nn
from tinygrad_mnist.compiler import Compiled

GLOBAL = 1.0
HELD: Any = None
TABLE: dict[Any, float] = {"a": 1.0, (0, 1): 1.0}
LIST = [1.0, 2.0]
LENGTHS = [3]
OTHER = types.ModuleType("settings_of_a_test")
OTHER.scale = 1.0  # type: ignore[attr-defined]  # as a script may
sys.modules["settings_of_a_test"] = OTHER

SCENES: list[Callable[[], tuple[Callable[[tg.Tensor], tg.Tensor], Callable[[float], None]]]] = []


def scene(function: Any) -> Any:
    """Register a scene: it makes a step, and what changes something that the step reads."""
    SCENES.append(function)
    return function


@scene
def a_global() -> Any:
    def change(to: float) -> None:
        global GLOBAL
        GLOBAL = to

    return lambda x: x * GLOBAL, change


@scene
def an_entry_of_a_dict() -> Any:
    return lambda x: x * TABLE["a"], lambda to: TABLE.update(a=to)


@scene
def an_entry_under_a_tuple() -> Any:
    held = {(0, 1): tg.ones(1), "n": 1.0}
    return lambda x: x * held[0, 1], lambda to: held.update({(0, 1): tg.ones(1) * to})


@scene
def an_item_of_a_list() -> Any:
    return lambda x: x * LIST[1], lambda to: LIST.__setitem__(1, to)


@scene
def an_item_of_a_nested_list() -> Any:
    nested = [[1.0, [1.0]], tg.ones(1)]
    return lambda x: x * nested[0][1][0], lambda to: nested[0][1].__setitem__(0, to)  # type: ignore[index]  # as a script may


@scene
def the_length_of_a_list() -> Any:
    layers = [nn.Tanh()]
    return lambda x: x * len(layers), lambda to: layers.append(nn.Tanh())


@scene
def layers_in_a_list() -> Any:
    layers: list[Any] = [nn.Linear(3, 3), nn.Tanh()]

    def step(x: tg.Tensor) -> tg.Tensor:
        for layer in layers:
            x = layer(x)
        return x.detach()

    return step, lambda to: layers.insert(0, nn.LeakyReLU(to))


@scene
def a_deque() -> Any:
    held = deque([1.0, 2.0])
    return lambda x: x * held[0], lambda to: held.appendleft(to)


@scene
def a_set() -> Any:
    held = {1.0}
    return lambda x: x * max(held), lambda to: held.add(to)


@scene
def a_bytearray() -> Any:
    held = bytearray([1])
    return lambda x: x * held[0], lambda to: held.__setitem__(0, int(to))


@scene
def an_array_of_python() -> Any:
    held = array.array("d", [1.0])
    return lambda x: x * held[0], lambda to: held.__setitem__(0, to)


@scene
def a_numpy_array_in_a_dict() -> Any:
    held = {"a": np.ones(3, np.float32)}
    return lambda x: x * tg.from_numpy(held["a"]), lambda to: held["a"].fill(to)


@scene
def a_numpy_scalar() -> Any:
    held = {"a": np.float32(1)}
    return lambda x: x * held["a"], lambda to: held.update(a=np.float32(to))


@scene
def a_variable_of_a_closure() -> Any:
    scale = 1.0

    def change(to: float) -> None:
        nonlocal scale
        scale = to

    return lambda x: x * scale, change


@scene
def a_closure_of_a_closure() -> Any:
    scale = 1.0

    def inner() -> float:
        return scale

    def outer() -> float:
        return inner() * 2

    def change(to: float) -> None:
        nonlocal scale
        scale = to

    return lambda x: x * outer(), change


@scene
def an_attribute_of_a_module_of_python() -> Any:
    return lambda x: x * OTHER.scale, lambda to: setattr(OTHER, "scale", to)


@scene
def a_module_imported_within() -> Any:
    def step(x: tg.Tensor) -> tg.Tensor:
        import settings_of_a_test

        return x * settings_of_a_test.scale

    return step, lambda to: setattr(OTHER, "scale", to)


@scene
def a_name_imported_within() -> Any:
    def step(x: tg.Tensor) -> tg.Tensor:
        from settings_of_a_test import scale

        return x * scale

    return step, lambda to: setattr(OTHER, "scale", to)


class Plain:
    scale = 1.0

    def __init__(self) -> None:
        self.own = 1.0
        self.history: list[float] = []

    def step(self, x: tg.Tensor) -> tg.Tensor:
        return x * self.own * self.scale * self.doubled() * self.computed

    def doubled(self) -> float:
        return self.own * 2

    @property
    def computed(self) -> float:
        return self._hidden + 1

    _hidden = 0.0

    def __call__(self, x: tg.Tensor) -> tg.Tensor:
        return self.step(x)

    def fit(self) -> None:
        self.history.append(1.0)


@scene
def an_attribute_of_self() -> Any:
    plain = Plain()
    return plain.step, lambda to: setattr(plain, "own", to)


@scene
def an_attribute_of_what_is_called() -> Any:
    plain = Plain()
    return plain, lambda to: setattr(plain, "own", to)


@scene
def an_attribute_of_the_class() -> Any:
    class Own(Plain):
        pass

    plain = Own()
    return plain.step, lambda to: setattr(Own, "scale", to)


@scene
def an_attribute_over_that_of_the_class() -> Any:
    plain = Plain()
    return plain.step, lambda to: setattr(plain, "scale", to)


@scene
def an_attribute_behind_a_property() -> Any:
    plain = Plain()
    return plain.step, lambda to: setattr(plain, "_hidden", to)


@scene
def another_method() -> Any:
    class Own(Plain):
        def doubled(self) -> float:
            return 2.0

    plain = Own()
    return plain.step, lambda to: setattr(Own, "doubled", lambda self: to)


@scene
def another_method_of_the_object() -> Any:
    plain = Plain()
    return plain.step, lambda to: setattr(plain, "doubled", lambda: to)


@scene
def another_code() -> Any:
    def inner() -> float:
        return 1.0

    def other() -> float:
        return 3.0

    return lambda x: x * inner(), lambda to: setattr(inner, "__code__", other.__code__)


@scene
def other_defaults() -> Any:
    def inner(scale: float = 1.0) -> float:
        return scale

    return lambda x: x * inner(), lambda to: setattr(inner, "__defaults__", (to,))


@scene
def an_attribute_found_by_name() -> Any:
    plain = Plain()
    return lambda x: x * getattr(plain, "o" + "wn"), lambda to: setattr(plain, "own", to)


@scene
def an_attribute_that_is_asked_for() -> Any:
    plain = Plain()
    return (
        lambda x: x * (2 if hasattr(plain, "late") else 1),
        lambda to: setattr(plain, "late", to),
    )


@scene
def a_namespace() -> Any:
    held = types.SimpleNamespace(scale=1.0)
    return lambda x: x * held.scale, lambda to: setattr(held, "scale", to)


@scene
def a_dataclass() -> Any:
    @dataclasses.dataclass
    class Config:
        scale: float = 1.0

    config = Config()
    return lambda x: x * config.scale, lambda to: setattr(config, "scale", to)


@scene
def a_dataclass_as_a_dict() -> Any:
    @dataclasses.dataclass
    class Config:
        scale: float = 1.0

    config = Config()
    return (
        lambda x: x * dataclasses.asdict(config)["scale"],
        lambda to: setattr(config, "scale", to),
    )


@scene
def slots() -> Any:
    class Slotted:
        __slots__ = ("scale",)

    held = Slotted()
    held.scale = 1.0
    return lambda x: x * held.scale, lambda to: setattr(held, "scale", to)


@scene
def an_enumeration() -> Any:
    class Kind(enum.Enum):
        ONE = 1.0
        TWO = 2.0

    held = [Kind.ONE]
    return lambda x: x * held[0].value, lambda to: held.__setitem__(0, Kind.TWO)


@scene
def a_partial_function() -> Any:
    settings = {"scale": 1.0}

    def inner(x: tg.Tensor, settings: dict[str, float]) -> tg.Tensor:
        return x * settings["scale"]

    return functools.partial(inner, settings=settings), lambda to: settings.update(scale=to)


@scene
def functions_in_a_dict() -> Any:
    functions = {"double": lambda x: x * 2}
    return (lambda x: functions["double"](x), lambda to: functions.update(double=lambda x: x * to))


@scene
def an_attribute_of_a_tensor() -> Any:
    w = tg.ones(3)
    w.scale = 1.0  # type: ignore[attr-defined]  # as a script may
    return lambda x: x * w * w.scale, lambda to: setattr(w, "scale", to)  # type: ignore[attr-defined]  # as a script may


@scene
def an_attribute_of_a_parameter_in_a_module() -> Any:
    layer = nn.Linear(3, 3)
    layer.weight.scale = 1.0  # type: ignore[attr-defined]  # as a script may

    def step(x: tg.Tensor) -> tg.Tensor:
        return sum((x * p.scale).sum() for p in layer.parameters() if hasattr(p, "scale")) + x * 0

    return step, lambda to: setattr(layer.weight, "scale", to)


@scene
def an_ordered_dict_of_tensors() -> Any:
    held = OrderedDict(a=tg.ones(3), b=tg.ones(3))
    return lambda x: x * held["a"], lambda to: held.update(a=tg.ones(3) * to)


@scene
def what_a_pattern_asks_for() -> Any:
    plain = Plain()

    def step(x: tg.Tensor) -> tg.Tensor:
        match plain:
            case Plain(own=1.0):
                return x
        return x * 5

    return step, lambda to: setattr(plain, "own", to)


@scene
def a_decorated_function() -> Any:
    held = {"scale": 1.0}

    def logged(function: Any) -> Any:
        @functools.wraps(function)
        def call(*args: Any) -> Any:
            return function(*args) * held["scale"]

        return call

    @logged
    @tg.no_grad()
    def step(x: tg.Tensor) -> tg.Tensor:
        return x * 2

    return step, lambda to: held.update(scale=to)


@scene
def a_cached_function() -> Any:
    held = {"scale": 1.0}

    @functools.lru_cache
    def scale(key: str) -> float:
        return held[key]

    def change(to: float) -> None:
        held.update(scale=to)
        scale.cache_clear()

    return lambda x: x * scale("scale"), change


@scene
def a_function_of_functions() -> Any:
    held = {"scale": 1.0}
    each = tg.vmap(lambda row: row * held["scale"])
    return lambda x: each(x[None])[0], lambda to: held.update(scale=to)


@scene
def settings_of_an_optimizer() -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=1.0)
    return (
        lambda x: x * optimizer.param_groups[0]["lr"],
        lambda to: optimizer.param_groups[0].update(lr=to),
    )


@scene
def the_rate_of_a_schedule() -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=1.0)
    schedule = tg.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)

    def change(to: float) -> None:
        optimizer.step()
        schedule.step()

    return lambda x: x * schedule.get_last_lr()[0], change


@scene
def what_a_method_of_a_schedule_returns() -> Any:
    w = tg.ones(3, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=1.0)
    rate = tg.optim.lr_scheduler.StepLR(optimizer, 1, 0.5).get_last_lr

    def change(to: float) -> None:
        rate.__self__._last_lr[0] = to

    return lambda x: x * rate()[0], change


@scene
def the_state_of_a_schedule() -> Any:
    class Factor:
        held = 1.0

        def __init__(self) -> None:
            self.own = 1.0

        def __call__(self, epoch: int) -> float:
            return 1.0

    factor = Factor()
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)], lr=1.0)
    schedule = tg.optim.lr_scheduler.LambdaLR(optimizer, factor)

    def step(x: tg.Tensor) -> tg.Tensor:
        return x * schedule.state_dict()["lr_lambdas"][0]["own"]

    return step, lambda to: setattr(factor, "own", to)


@scene
def settings_found_by_a_name_that_is_put_together() -> Any:
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)], lr=1.0)
    name = "_groups"
    return (
        lambda x: x * getattr(optimizer, "param" + name)[0]["lr"],
        lambda to: optimizer.param_groups[0].update(lr=to),
    )


@scene
def the_text_of_an_optimizer() -> Any:
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)], lr=1.0)
    return (
        lambda x: x * len(str(optimizer)),
        lambda to: optimizer.param_groups[0].update(lr=to / 1000),
    )


@scene
def groups_of_a_scripts_own_optimizer() -> Any:
    class Own(tg.optim.Optimizer):
        pass

    w, v = (tg.ones(3, requires_grad=True) for _ in range(2))
    optimizer = Own([w], {"lr": 0.1})

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        (x * w * v).sum().backward()
        return v.grad * 1  # type: ignore[operator]  # it is there

    return step, lambda to: optimizer.add_param_group({"params": [v]})


@scene
def an_attribute_in_a_format() -> Any:
    plain = Plain()
    text = "{0.own}"
    return lambda x: x * len(text.format(plain)), lambda to: setattr(plain, "own", 100 * to)


@scene
def an_attribute_of_a_class_in_a_format() -> Any:
    class Own(Plain):
        factor = 1.0

    held = Own()
    text = "{0.factor}"
    return lambda x: x * len(text.format(held)), lambda to: setattr(Own, "factor", 100 * to)


@scene
def a_method_in_a_format() -> Any:
    class Own(Plain):
        @property
        def text(self) -> str:
            return "a" * LENGTHS[0]

    held = Own()
    text = "{0.text}"
    return lambda x: x * len(text.format(held)), lambda to: LENGTHS.__setitem__(0, int(5 * to))


@scene
def an_attribute_among_all() -> Any:
    import inspect

    plain = Plain()

    def step(x: tg.Tensor) -> tg.Tensor:
        return x * dict(inspect.getmembers(plain, lambda member: type(member) is float))["own"]

    return step, lambda to: setattr(plain, "own", to)


@scene
def an_attribute_around_its_class() -> Any:
    import inspect

    plain = Plain()
    return lambda x: x * inspect.getattr_static(plain, "own"), lambda to: setattr(plain, "own", to)


@scene
def an_attribute_of_a_copy() -> Any:
    plain = Plain()
    return lambda x: x * copy.copy(plain).own, lambda to: setattr(plain, "own", to)


@scene
def an_attribute_by_its_descriptor() -> Any:
    class Own:
        __slots__ = ("own",)

    held = Own()
    held.own = 1.0

    def step(x: tg.Tensor) -> tg.Tensor:
        return x * Own.own.__get__(held)

    return step, lambda to: setattr(held, "own", to)


@scene
def an_attribute_of_a_decorator() -> Any:
    class Scaled:
        def __init__(self, function: Any) -> None:
            functools.update_wrapper(self, function)
            self.function, self.own = function, 1.0

        def __call__(self, x: tg.Tensor) -> Any:
            return self.function(x) * self.own

    scaled = Scaled(lambda x: x + 1)
    return lambda x: scaled(x), lambda to: setattr(scaled, "own", to)


@scene
def an_attribute_behind_a_cache() -> Any:
    class Own:
        def __init__(self) -> None:
            self.own = 1.0

        @functools.cache  # noqa: B019  # as a script may
        def scale(self) -> float:
            return self.own

    held = Own()

    def change(to: float) -> None:
        held.own = to
        Own.scale.cache_clear()

    return lambda x: x * held.scale(), change


@scene
def a_setting_behind_a_cache() -> Any:
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)], lr=1.0)

    @functools.cache
    def rate() -> float:
        return optimizer.param_groups[0]["lr"]  # type: ignore[no-any-return]  # a number

    def change(to: float) -> None:
        optimizer.param_groups[0]["lr"] = to
        rate.cache_clear()

    return lambda x: x * rate(), change


@scene
def an_attribute_of_a_class_whose_class_refuses_changes() -> Any:
    class Closed(type):
        def __setattr__(cls, name: str, value: Any) -> None:
            raise AttributeError(name)

    class Own(metaclass=Closed):
        def __init__(self) -> None:
            self.own = 1.0

    held = Own()
    return lambda x: x * held.own, lambda to: setattr(held, "own", to)


@scene
def attributes_of_a_class_and_its_base() -> Any:
    class Own(Plain):
        pass

    first, second = Plain(), Own()
    return lambda x: x * first.own * second.own, lambda to: setattr(second, "own", to)


@scene
def what_a_weak_reference_leads_to() -> Any:
    import weakref

    plain = Plain()
    reference = weakref.ref(plain)

    def change(to: float) -> None:
        plain.own = to

    return lambda x: x * reference().own, change  # type: ignore[union-attr]  # as a script may


@scene
def the_length_of_a_loader() -> Any:
    data = [(tg.zeros(1), 0)] * 30_000
    loaders = [tg.utils.data.DataLoader(data, batch_size=10)]
    return lambda x: x / len(loaders[0]), lambda to: data.extend(data)


@scene
def the_environment() -> Any:
    os.environ["COMPILE_SCALE"] = "1"
    return (
        lambda x: x * float(os.environ.get("COMPILE_SCALE", "2")),
        lambda to: os.environ.update(COMPILE_SCALE=str(to)),
    )


@scene
def an_attribute_of_a_function() -> Any:
    def inner(x: tg.Tensor) -> tg.Tensor:
        return x * inner.scale  # type: ignore[attr-defined, no-any-return]  # as a script may

    inner.scale = 1.0  # type: ignore[attr-defined]  # as a script may
    return inner, lambda to: setattr(inner, "scale", to)


@scene
def other_defaults_by_name() -> Any:
    def inner(*, scale: float = 1.0) -> float:
        return scale

    return lambda x: x * inner(), lambda to: setattr(inner, "__kwdefaults__", {"scale": to})


@scene
def a_function_for_each_type() -> Any:
    held = {"scale": 1.0}

    @functools.singledispatch
    def scaled(x: Any) -> Any:
        return x

    @scaled.register
    def _(x: tg.Tensor) -> Any:
        return x * held["scale"]

    return lambda x: scaled(x), lambda to: held.update(scale=to)


@scene
def a_dict_written_in_python() -> Any:
    held = UserDict(scale=1.0)
    return lambda x: x * held["scale"], lambda to: held.update(scale=to)


@scene
def a_chain_of_dicts() -> Any:
    inner = {"scale": 1.0}
    held = ChainMap({}, inner)
    return lambda x: x * held["scale"], lambda to: inner.update(scale=to)


@scene
def a_list_written_in_python() -> Any:
    held = UserList([1.0])
    return lambda x: x * held[0], lambda to: held.__setitem__(0, to)


@scene
def what_a_weak_dict_leads_to() -> Any:
    plain = Plain()
    held = weakref.WeakValueDictionary(a=plain)

    def change(to: float) -> None:
        plain.own = to

    return lambda x: x * held["a"].own, change


def collections_of_a_script() -> list[Any]:
    """Return scenes of what a script derives from Python's types: methods and attributes."""
    found = []
    for made in (
        lambda kind: type("Own", (dict,), kind)(a=1),
        lambda kind: type("Own", (list,), kind)([1]),
        lambda kind: type("Own", (set,), kind)([1]),
        lambda kind: type("Own", (namedtuple("Own", "a"),), kind)(1),
        lambda kind: type("Own", (str,), kind)("1"),
        lambda kind: type("Own", (float,), kind)(1.0),
        lambda kind: type("Own", (tg.Tensor,), kind)([1.0]),
        lambda kind: enum.Enum("Own", {"A": 1}, type=type("Base", (), kind)).A,  # type: ignore[attr-defined]  # a member
    ):

        def method(made: Any = made) -> Any:
            held = [1.0]
            own = made({"factor": lambda self: held[0]})
            return lambda x: x * own.factor(), lambda to: held.__setitem__(0, to)

        def attribute(made: Any = made) -> Any:
            own = made({"factor": 1.0})
            return lambda x: x * own.factor, lambda to: setattr(type(own), "factor", to)

        found += [method, attribute]
    return found


SCENES += collections_of_a_script()


@scene
def a_module_of_python_in_a_variable() -> Any:
    held = types.ModuleType("held")
    held.scale = 1.0  # type: ignore[attr-defined]  # as a script may
    return lambda x: x * held.scale, lambda to: setattr(held, "scale", to)


@scene
def a_module_of_python_in_a_list() -> Any:
    held = [types.ModuleType("held")]
    held[0].scale = 1.0  # type: ignore[attr-defined]  # as a script may
    return lambda x: x * held[0].scale, lambda to: setattr(held[0], "scale", to)


@scene
def another_module_of_python() -> Any:
    global HELD
    HELD = types.SimpleNamespace(scale=1.0)
    other = types.ModuleType("other")

    def change(to: float) -> None:
        global HELD
        other.scale = to  # type: ignore[attr-defined]  # as a script may
        HELD = other

    return lambda x: x * HELD.scale, change


@scene
def a_function_of_the_library() -> Any:
    F.softplus = SOFTPLUS
    return lambda x: F.softplus(x), lambda to: setattr(F, "softplus", lambda x: x * to)


SOFTPLUS = F.softplus


@scene
def an_attribute_found_by_a_getter() -> Any:
    plain, get = Plain(), operator.attrgetter("own")
    return lambda x: x * get(plain), lambda to: setattr(plain, "own", to)


@scene
def an_attribute_found_by_getattr_of_another_name() -> Any:
    plain, get = types.SimpleNamespace(very_own=1.0), getattr
    return lambda x: x * get(plain, "very_own"), lambda to: setattr(plain, "very_own", to)


@scene
def a_property_of_a_metaclass() -> Any:
    held = [1.0]

    class Meta(type):
        @property
        def scale(cls) -> float:
            return held[0]

    class Own(metaclass=Meta):
        pass

    return lambda x: x * Own.scale, lambda to: held.__setitem__(0, to)


@scene
def the_class_of_an_object() -> Any:
    class Own(Plain):
        scale = 5.0

    plain = Plain()
    return plain.step, lambda to: setattr(plain, "__class__", Own)


@scene
def the_bases_of_a_class() -> Any:
    class First:
        scale = 1.0

    class Second:
        scale = 2.0

    class Own(First):
        pass

    own = Own()
    return lambda x: x * own.scale, lambda to: setattr(Own, "__bases__", (Second,))


@scene
def private_slots() -> Any:
    class Slotted:
        __slots__ = ("__scale",)

        def put(self, to: float) -> None:
            self.__scale = to

        def scale(self) -> float:
            return self.__scale

    held = Slotted()
    held.put(1.0)
    return lambda x: x * held.scale(), held.put


@scene
def a_private_attribute_of_a_tensor() -> Any:
    w = tg.ones(3)
    w._scale = 1.0  # type: ignore[attr-defined]  # as a script may
    return lambda x: x * w * w._scale, lambda to: setattr(w, "_scale", to)  # type: ignore[attr-defined]  # as a script may


@scene
def an_attribute_that_a_tensor_gets() -> Any:
    w = tg.ones(3)
    return lambda x: x * w * getattr(w, "scale", 1.0), lambda to: setattr(w, "scale", to)


@scene
def the_type_of_a_number() -> Any:
    held = [1]
    return lambda x: (x.long() * held[0]) / 2, lambda to: held.__setitem__(0, 1.0 + 1e-3 * to)


@scene
def the_type_of_an_equal_number() -> Any:
    held = [3]
    return (
        lambda x: x + (x.long() * held[0]).dtype.is_floating_point,
        lambda to: held.__setitem__(0, to),  # type: ignore[call-overload]  # 3.0
    )


@scene
def the_sign_of_a_zero() -> Any:
    held = {"zero": 0.0}
    return lambda x: (x + 1) / held["zero"], lambda to: held.update(zero=-0.0)


ZERO = 0.0


@scene
def the_sign_of_a_global_zero() -> Any:
    global ZERO
    ZERO = 0.0

    def change(to: float) -> None:
        global ZERO
        ZERO = -0.0

    return lambda x: (x + 1) / ZERO, change


@scene
def the_order_of_numbers_in_a_dict() -> Any:
    held = {"a": 2.0, "b": 3.0}

    def step(x: tg.Tensor) -> tg.Tensor:
        for name, number in held.items():
            x = x * number if name == "a" else x + number
        return x

    return step, lambda to: held.update(a=held.pop("a"))


@scene
def the_order_of_layers() -> Any:
    layers = nn.ModuleDict({"a": nn.Linear(3, 3), "b": nn.Tanh()})

    def step(x: tg.Tensor) -> tg.Tensor:
        for layer in layers.values():
            x = layer(x)
        return x.detach()

    return step, lambda to: layers.update({"a": layers.pop("a")})


@scene
def the_order_of_layers_in_a_dict() -> Any:
    layers = {"a": nn.Linear(3, 3), "b": nn.Tanh()}

    def step(x: tg.Tensor) -> tg.Tensor:
        for layer in layers.values():
            x = layer(x)
        return x.detach()

    return step, lambda to: layers.update(a=layers.pop("a"))


@scene
def a_name_that_is_there_later() -> Any:
    globals().pop("LATER", None)

    def step(x: tg.Tensor) -> tg.Tensor:
        try:
            return x * LATER  # type: ignore[name-defined, no-any-return]  # later
        except NameError:
            return x

    return step, lambda to: globals().update(LATER=to)


@scene
def a_variable_that_is_there_later() -> Any:
    def step(x: tg.Tensor) -> tg.Tensor:
        try:
            return x * later
        except NameError:
            return x

    def change(to: float) -> None:
        nonlocal later
        later = to

    if GLOBAL is None:
        later = 0.0
    return step, change


@pytest.mark.parametrize("zero", [0.0, np.float32(0)], ids=["float", "numpy"])
def test_a_number_that_is_given_has_a_sign(zero: Any) -> None:
    step = Compiled(lambda x, y: x / y)
    found = [step(tg.ones(1), z).item() for z in [zero] * 5 + [-zero] * 5]
    assert found == [np.inf] * 5 + [-np.inf] * 5


@pytest.mark.parametrize("kept", [lambda x: x, lambda x: x.detach()], ids=["itself", "its memory"])
@pytest.mark.parametrize("numpy", [False, True], ids=["tensor", "array"])
def test_an_argument_that_is_reached_otherwise_is_not_taken_for_any(kept: Any, numpy: bool) -> None:
    first: Any = np.arange(3, dtype=np.float32) if numpy else tg.arange(3.0)
    other: Any = np.ones(3, np.float32) if numpy else tg.ones(3)
    held = [first if numpy else kept(first)]

    def step(x: Any) -> tg.Tensor:
        return tg.as_tensor(x) + tg.as_tensor(held[0]) * 2

    run = Compiled(step)
    for x in [first] * 5 + [other] * 5 + [first] * 2:
        assert run(x).tolist() == step(x).tolist()
    assert sum(s.runs for s in run.steps.values()) >= 3


def test_an_argument_may_be_asked_whether_it_is_something() -> None:
    first, other = tg.ones(3), tg.ones(3)
    held: dict[Any, Any] = {"a": first, first: 1}

    def step(x: tg.Tensor) -> tg.Tensor:
        return x * (2 if x is held["a"] else 3) * (5 if x in held else 7)

    run = Compiled(step)
    for x in [first] * 5 + [other] * 5 + [first] * 2:
        assert run(x).tolist() == step(x).tolist()


@pytest.mark.parametrize(
    "make", [tg.ones, np.ones, lambda n: [tg.ones(n)], lambda n: {"x": tg.ones(n)}]
)
def test_an_argument_that_is_kept_is_the_last_one(make: Any) -> None:
    kept: list[Any] = [None]

    @Compiled
    def step(x: Any) -> tg.Tensor:
        kept[0] = x
        x = x[0] if isinstance(x, list) else x["x"] if isinstance(x, dict) else x
        return tg.as_tensor(x) * 2

    first, other = make(3), make(3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for x in [first] * 5 + [other] * 3 + [first] * 2:
            step(x)
            assert kept[0] is x


def test_an_attribute_that_an_argument_gets_is_seen() -> None:
    def step(x: tg.Tensor) -> tg.Tensor:
        return x * getattr(x, "scale", 1.0)

    plain, scaled = tg.ones(3), tg.ones(3)
    scaled.scale = 5.0  # type: ignore[attr-defined]  # as a script may
    run = Compiled(step)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert [run(x)[0].item() for x in [plain] * 5 + [scaled] * 3] == [1.0] * 5 + [5.0] * 3


def test_a_dict_of_another_kind_is_an_argument() -> None:
    @Compiled
    def step(batch: Any) -> tg.Tensor:
        return batch["x"] * batch["scale"]

    batch: Any = OrderedDict(x=tg.ones(3), scale=1.0)
    for i in range(12):
        if i > 4 and i % 2:
            batch.update(scale=float(i))
        elif i > 4:
            batch.update(x=tg.ones(3) * i)
        assert step(batch).tolist() == (batch["x"] * batch["scale"]).tolist()


def test_the_order_of_named_arguments_counts() -> None:
    def step(x: tg.Tensor, **numbers: float) -> tg.Tensor:
        for name, number in numbers.items():
            x = x * number if name == "a" else x + number
        return x

    run = Compiled(step)
    for kwargs in [{"a": 2.0, "b": 3.0}] * 5 + [{"b": 3.0, "a": 2.0}] * 2:
        assert run(tg.ones(1), **kwargs).item() == step(tg.ones(1), **kwargs).item()


@scene
def default_dtype() -> Any:
    def step(x: tg.Tensor) -> tg.Tensor:
        return x.double() * tg.full((1,), 1 / 3)

    def change(to: float) -> None:
        tg.set_default_dtype(tg.float64 if to else tg.float32)

    return step, change


@pytest.fixture(autouse=True)
def _usual_dtype() -> Any:
    yield
    tg.set_default_dtype(tg.float32)
    F.softplus = SOFTPLUS


def values(change: Callable[[float], None], run: Any, at: int = 4) -> list[Any]:
    found = []
    for i in range(at + 4):
        if i == at:
            change(3.0)
        found.append(run(tg.arange(3.0) + i).tolist())
    return found


@pytest.mark.parametrize("make", SCENES, ids=lambda make: make.__name__)
def test_a_change_of_what_a_step_reads_is_seen(make: Any) -> None:
    global GLOBAL
    outcomes = []
    for compiled in (False, True):
        GLOBAL, TABLE["a"], LIST[1], LENGTHS[0] = 1.0, 1.0, 1.0, 3
        OTHER.scale = 1.0  # type: ignore[attr-defined]  # as a script may
        tg.set_default_dtype(tg.float32)
        tg.manual_seed(0)
        step, change = make()
        run = Compiled(step) if compiled else step
        outcomes.append(values(change, run))
        if compiled:
            assert not run.uncompiled
            assert [s.built is not None for s in run.steps.values()][-1:] == [True]
            assert sum(s.runs for s in run.steps.values()) >= 1
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][-1] != outcomes[0][0]


def test_attributes_that_no_code_has_a_name_for_may_change() -> None:
    """A list of losses in the trainer, that the loop outside fills, is no concern of the step."""
    plain = Plain()
    run = Compiled(plain.step)
    for _ in range(8):
        run(tg.ones(3))
        plain.fit()
    assert sum(s.runs for s in run.steps.values()) == 5
    assert not run.again


def test_classes_are_as_they_were_when_a_step_was_recorded() -> None:
    class Own(Plain):
        def __setattr__(self, name: str, value: Any) -> None:
            super().__setattr__(name, value)

    held = Own()
    before = {kind: dict(vars(kind)) for kind in (Own, Plain, tg.optim.SGD)}
    optimizer = tg.optim.SGD([tg.ones(3, requires_grad=True)])
    run = Compiled(lambda x: (held.step(x), optimizer.zero_grad())[0])
    for _ in range(4):
        run(tg.ones(3))
    assert sum(s.runs for s in run.steps.values()) == 1
    assert before == {kind: dict(vars(kind)) for kind in before}


def test_two_threads_do_not_record_at_once() -> None:
    """While one step is recorded, another thread runs its own as it is."""
    import threading

    class Own(Plain):
        def pause(self) -> float:
            entered.set()
            going_on.wait(10)
            return 1.0

    held, other = Own(), Own()
    entered, going_on = threading.Event(), threading.Event()
    before = dict(vars(Own))
    first = Compiled(lambda x: x * held.own * held.pause())
    second, made = (Compiled(lambda x: x * other.own) for _ in range(2))
    for _ in range(5):
        made(tg.ones(3))
    going_on.set()
    first(tg.ones(3))
    going_on.clear(), entered.clear()
    with pytest.warns(UserWarning, match="Event"):
        thread = threading.Thread(target=first, args=(tg.ones(3),))
        thread.start()
        entered.wait(10)
        for _ in range(12):
            assert second(tg.ones(3)).tolist() == made(tg.ones(3)).tolist() == [1, 1, 1]
        assert not any(s.recorded for s in second.steps.values())
        going_on.set()
        thread.join()
    assert dict(vars(Own)) == before
    for _ in range(5):
        second(tg.ones(3)), made(tg.ones(3))
    assert not made.again and sum(s.runs for s in made.steps.values()) > 5
    other.own = 3.0
    assert second(tg.ones(3)).tolist() == [3, 3, 3]


def test_an_effect_behind_a_property_is_seen() -> None:
    class Held:
        _count = 0

        @property
        def count(self) -> int:
            return 0

        @count.setter
        def count(self, value: int) -> None:
            self._count = self._count + value

    held = Held()

    def step(x: tg.Tensor) -> tg.Tensor:
        held.count = 1
        return x + 1

    run = Compiled(step)
    with pytest.warns(UserWarning, match="_count|attributes of the variable held"):
        for _ in range(6):
            run(tg.ones(3))
    assert held._count == 6


def test_the_next_of_an_iterator_is_never_frozen() -> None:
    following = iter(range(100)).__next__
    run = Compiled(lambda x: x * following())
    with pytest.warns(UserWarning, match="iterator"):
        assert [run(tg.ones(1)).item() for _ in range(6)] == [0, 1, 2, 3, 4, 5]


Batch = namedtuple("Batch", "x y")


def test_batches_may_be_named_tuples_and_dicts() -> None:
    @Compiled
    def step(batch: Any, more: Any, *rest: Any, key: Any = None, **others: Any) -> Any:
        return Batch(batch.x * batch.y, more["x"] + rest[0][0]), others["last"] - key

    for i in range(6):
        one = tg.ones(2) * i
        out = step(Batch(one, one), {"x": one}, [one], one, key=one, last=one * 3)
        assert isinstance(out[0], Batch)
        assert (out[0].x[0].item(), out[0].y[0].item(), out[1][0].item()) == (i * i, 2 * i, 2 * i)
    assert sum(s.runs for s in step.steps.values()) == 3
    assert step(Batch(one, one), {"x": one}, (one,), key=one, last=one)[1].tolist() == [0, 0]


def test_many_arguments_are_told_from_one_another() -> None:
    @Compiled
    def total(parts: list[tg.Tensor]) -> tg.Tensor:
        result = parts[0] * 0
        for i, part in enumerate(parts):
            result = result + part * i
        return result

    parts = [tg.ones(1) * i for i in range(20)]
    expected = sum(i * i for i in range(20))
    for _ in range(6):
        assert total(parts).item() == expected
    assert sum(s.runs for s in total.steps.values()) == 3
    parts[19] = parts[1]
    assert total(parts).item() == expected - 19 * 19 + 19


def test_a_written_argument_counts_its_version() -> None:
    @Compiled
    def step(x: tg.Tensor) -> None:
        x.mul_(2)

    w = tg.ones(2, requires_grad=True)
    for _ in range(6):
        x = tg.ones(2)
        y = w * x
        step(x)
        assert x.tolist() == [2, 2]
        with pytest.raises(RuntimeError, match="modified by an inplace operation"):
            y.sum().backward()
    assert sum(s.runs for s in step.steps.values()) == 3


def test_an_argument_that_is_the_memory_written_to_is_run_as_it_is() -> None:
    w = tg.arange(4.0)

    def step(x: tg.Tensor) -> tg.Tensor:
        w.mul_(2)
        return x + w[:2]

    run = Compiled(step)
    for _ in range(5):
        run(tg.ones(2))
    expected = w.clone()
    for part in (w[:2], w[1:3], w.detach()[2:], w[:2]):
        found = run(part)
        expected = expected * 2
        assert w.tolist() == expected.tolist()
        assert found.tolist() == (part + w[:2]).tolist()


def test_arguments_that_are_parts_of_one_another_are_written_to() -> None:
    w = tg.arange(4.0)

    def step(x: tg.Tensor, y: tg.Tensor) -> tg.Tensor:
        x.mul_(2)
        y.add_(x[0])
        return x + y + w[:2]

    run = Compiled(step)
    for _ in range(5):
        run(tg.ones(2), tg.ones(2))
    for make in (
        lambda: (tg.ones(2), tg.ones(2)),
        lambda: (base := tg.arange(3.0), base[:2], base[1:])[1:],
        lambda: (base := tg.arange(3.0), base, base)[1:],
        lambda: (w[:2], tg.ones(2)),
        lambda: (tg.ones(2), w[1:3]),
    ):
        for _ in range(4):
            w.copy_(tg.arange(4.0))
            one = make()
            if one[0].shape != (2,):
                one = one[0][:2], one[1][:2]
            expected = step(*one).tolist(), one[0].tolist(), one[1].tolist(), w.tolist()
            w.copy_(tg.arange(4.0))
            two = make()
            if two[0].shape != (2,):
                two = two[0][:2], two[1][:2]
            found = run(*two).tolist(), two[0].tolist(), two[1].tolist(), w.tolist()
            assert found == expected


def test_nothing_of_a_call_is_kept() -> None:
    import gc
    import weakref

    @Compiled
    def step(x: tg.Tensor) -> tg.Tensor:
        return (x * 2).exp() + 1

    kept = []
    for _ in range(6):
        x = tg.ones(1000)
        y = step(x)
        kept += [weakref.ref(x), weakref.ref(y)]
    del x, y
    gc.collect()
    assert [ref() is None for ref in kept] == [True] * 12


def test_a_program_keeps_its_buffers_and_no_recording() -> None:
    import tracemalloc

    w = tg.ones(200, 200, requires_grad=True)
    optimizer = tg.optim.SGD([w], lr=0.1)

    def step(x: tg.Tensor) -> tg.Tensor:
        optimizer.zero_grad()
        h = x
        for _ in range(5):
            h = (h @ w).tanh() * 0.1
        loss = h.mean()
        loss.backward()
        optimizer.step()
        return loss

    def bytes_of(function: Any) -> int:
        """Return the most that a step needs, with what is kept of earlier ones."""
        tracemalloc.start()
        for _ in range(5):
            function(x)
        tracemalloc.reset_peak()
        function(x)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    x = tg.randn(200, 200)
    step(x)
    eager = bytes_of(step)
    w.grad = None
    compiled = Compiled(step)
    assert bytes_of(compiled) < 1.25 * eager
    assert "np.tanh" in compiled.source()


def test_other_threads_are_left_alone_while_a_step_is_recorded() -> None:
    import threading

    w = tg.ones(3, requires_grad=True)
    over = threading.Event()
    wrong: list[Any] = []

    def train() -> None:
        v = tg.ones(3, requires_grad=True)
        while not over.is_set():
            v.grad = None
            ((v * 2).sum() + w.detach().sum() * 0).backward()
            if v.grad.tolist() != [2, 2, 2]:
                wrong.append(v.grad)

    thread = threading.Thread(target=train)
    thread.start()
    try:
        for _ in range(10):
            run = Compiled(lambda x: ((x * w).exp() + w).sum())
            for _ in range(5):
                assert run(tg.zeros(3)).item() == 6
            assert sum(s.runs for s in run.steps.values()) == 2
    finally:
        over.set()
        thread.join()
    assert not wrong
