"""Element types: PyTorch's names and PyTorch's rule for mixing them."""

from __future__ import annotations

import copy
import itertools
import pickle
from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.ops import dtypes

NAMES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "bool"]
NUMBERS = [
    (True, True), (3, 3), (2.5, 2.5), (np.bool_(True), True), (np.int8(2), 2), (np.int64(2), 2),
    (np.float32(2), 2.0), (np.float64(2), 2.0),
]  # fmt: skip


@pytest.fixture(params=["float32", "float64", "float16"])
def default(request: Any, torch: Any) -> Any:
    """Every default dtype in turn, in both libraries."""
    tg.set_default_dtype(getattr(dtypes, request.param))
    torch.set_default_dtype(getattr(torch, request.param))
    yield request.param
    tg.set_default_dtype(tg.float32)
    torch.set_default_dtype(torch.float32)


@pytest.mark.usefixtures("default")
def test_all_mixtures_have_the_dtype_that_pytorch_gives_them(torch: Any) -> None:
    """dtypes.result_type of every pair of dtypes, dimensions and numbers is PyTorch's."""
    operands = [
        (np.ones(shape, name), torch.ones(shape, dtype=getattr(torch, name)))
        for name in NAMES
        for shape in ((2,), ())
    ] + NUMBERS
    for (a, a_theirs), (b, b_theirs) in itertools.product(operands, repeat=2):
        found = dtypes.of(dtypes.result_type(a, b))
        assert repr(found) == repr(torch.result_type(a_theirs, b_theirs)), (a, b)


def test_mixture_of_three_does_not_depend_on_their_order() -> None:
    operands = [np.ones(shape, name) for name in NAMES for shape in ((2,), ())] + [True, 3, 2.5]
    for three in itertools.combinations(operands, 3):
        assert len({dtypes.result_type(*order) for order in itertools.permutations(three)}) == 1


def test_tensors_come_before_0d_tensors_and_these_before_numbers() -> None:
    """Within a category, a 0-d tensor and a number adapt to a tensor that has dimensions."""
    vector, number = np.ones(2, np.float32), np.float64(2)
    assert dtypes.result_type(vector, np.array(2.0), number) == np.float32
    assert dtypes.result_type(np.ones(2, np.uint8), np.array(2), 3) == np.uint8
    assert dtypes.result_type(np.ones(2, np.int64), np.array(2.0, np.float16), 2.5) == np.float16
    assert dtypes.result_type(np.ones(2, np.int64), 2.5) == np.float32


@pytest.mark.parametrize("operand", ["text", None, np.array("a"), np.ones(2, complex)], ids=repr)
def test_operand_that_is_no_number_is_an_error(operand: Any) -> None:
    with pytest.raises(TypeError):
        dtypes.result_type(np.ones(2), operand)


@pytest.mark.parametrize("name", NAMES)
def test_attributes_and_names_are_those_of_pytorch(name: str, torch: Any) -> None:
    ours, theirs = getattr(tg, name), getattr(torch, name)
    assert repr(ours) == repr(theirs)
    for attribute in ("is_floating_point", "is_complex", "is_signed", "itemsize"):
        assert getattr(ours, attribute) == getattr(theirs, attribute)


def test_short_names_are_the_same_objects() -> None:
    assert tg.half is tg.float16 and tg.float is tg.float32 and tg.double is tg.float64
    assert tg.short is tg.int16 and tg.int is tg.int32 and tg.long is tg.int64


@pytest.mark.parametrize("name", NAMES)
def test_there_is_one_object_of_each(name: str) -> None:
    one = getattr(tg, name)
    assert dtypes.of(np.dtype(name)) is one
    assert dtypes.as_numpy(one) is one.numpy
    for duplicate in (copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))):
        assert duplicate(one) is one


def test_dtypes_are_equal_to_those_of_numpy_and_hash_alike() -> None:
    assert tg.float32 == np.float32 and np.float32 == tg.float32
    assert tg.float32 == np.dtype("float32") and hash(tg.float32) == hash(np.dtype("float32"))
    for other in (tg.float64, np.float64, np.dtype("float64"), None, "float32", 4):
        assert tg.float32 != other
    assert len(set(dtypes.dtype._all.values())) == len(NAMES)
    assert np.zeros(2, tg.int16).dtype == np.int16


@pytest.mark.parametrize(
    "given, name",
    [("float64", "float64"), (np.int32, "int32"), (np.dtype("uint8"), "uint8"), (int, "int64"),
     (bool, "bool"), (float, "float64"), (dtypes.float16, "float16")],
    ids=repr,
)  # fmt: skip
def test_dtypes_are_taken_in_all_forms(given: Any, name: str) -> None:
    assert dtypes.as_numpy(given) == np.dtype(name)


@pytest.mark.parametrize("given", [object, str, complex, np.uint64, "no such", 3.5], ids=repr)
def test_what_is_no_dtype_of_tensors_is_an_error(given: Any) -> None:
    with pytest.raises(TypeError, match="expected a dtype such as float32, got"):
        dtypes.as_numpy(given)


@pytest.mark.parametrize("kind", ["O", "U3", "c16", "u8", ">f4", "M8[s]"])
def test_unsupported_dtype_of_numpy_is_an_error_that_lists_the_supported(kind: str) -> None:
    with pytest.raises(TypeError, match="the supported ones are float16, float32"):
        dtypes.of(np.dtype(kind))


def test_default_dtype_is_that_of_new_tensors_and_must_be_floating() -> None:
    try:
        for kind in (tg.float64, "float16", np.float32):
            tg.set_default_dtype(kind)
            assert tg.get_default_dtype() == dtypes.of(np.dtype(getattr(kind, "numpy", kind)))
            assert dtypes.default_float() == tg.zeros(1).numpy().dtype
            assert dtypes.as_numpy(float) == np.float64  # whatever the default is
        with pytest.raises(TypeError, match="only floating-point types"):
            tg.set_default_dtype(tg.int32)
        assert tg.get_default_dtype() is tg.float32
    finally:
        tg.set_default_dtype(tg.float32)


def test_named_dtype_has_all_of_its_digits(torch: Any) -> None:
    for t in (tg, torch):
        assert t.tensor([0.1], dtype=t.float64).item() == 0.1
        assert t.as_tensor([0.1, 1], dtype=t.float64)[0].item() == 0.1
        assert t.tensor(0.1).item() != 0.1
