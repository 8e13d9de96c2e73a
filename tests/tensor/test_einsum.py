"""einsum and tensordot beside PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_mnist as tg
from tinygrad_mnist.autograd import grad, gradcheck, gradgradcheck

EQUATIONS: list[tuple[str, tuple[tuple[int, ...], ...]]] = [
    ("ij,jk->ik", ((2, 3), (3, 4))),
    ("ij,jk", ((2, 3), (3, 4))),
    ("ij,kj->ki", ((2, 3), (4, 3))),
    ("ij->", ((2, 3),)),
    ("ij", ((2, 3),)),
    ("ji", ((2, 3),)),
    ("bA,aB", ((2, 3), (3, 4))),
    ("ii", ((3, 3),)),
    ("ii->i", ((3, 3),)),
    ("iij->ij", ((2, 2, 3),)),
    ("iji->j", ((2, 3, 2),)),
    ("iii->i", ((2, 2, 2),)),
    ("...ii->...i", ((4, 3, 3),)),
    ("ii,ij->j", ((3, 3), (3, 2))),
    ("bij,bjk->bik", ((2, 3, 4), (2, 4, 2))),
    ("bij,bkj->bki", ((2, 3, 4), (2, 2, 4))),
    ("bqhd,bkhd->bhqk", ((2, 3, 2, 4), (2, 5, 2, 4))),
    ("bhqk,bkhd->bqhd", ((2, 2, 3, 5), (2, 5, 2, 4))),
    ("i,j->ij", ((2,), (3,))),
    ("i,i->i", ((3,), (3,))),
    ("i,i", ((3,), (3,))),
    ("ij,ij->i", ((2, 3), (2, 3))),
    ("ij,j->...", ((2, 3), (3,))),
    ("i,ij,j", ((2,), (2, 3), (3,))),
    ("bn,anm,bm->ba", ((2, 3), (4, 3, 2), (2, 2))),
    ("i,j,k->kji", ((2,), (3,), (4,))),
    ("ij,jk,kl,l->i", ((2, 3), (3, 4), (4, 2), (2,))),
    ("ijk,jil,k->l", ((2, 3, 4), (3, 2, 2), (4,))),
    ("ik,jk,lk->ijl", ((2, 3), (2, 3), (4, 3))),
    ("...ij,...jk->...ik", ((2, 1, 3, 2), (5, 2, 3))),
    ("...ij,jk", ((2, 2, 3), (3, 4))),
    ("...ij,...jk->ik", ((5, 2, 3), (5, 3, 2))),
    ("...ij->ij", ((5, 2, 3),)),
    ("i...->...", ((2, 3),)),
    ("i...j->j...i", ((2, 3, 4),)),
    ("...a,...a->...", ((5, 2, 3), (3,))),
    ("...,...->...", ((2, 1), (3,))),
    ("ij,jk->ik...", ((2, 3), (3, 4))),
    ("ij,jk->ik", ((2, 1), (3, 4))),
    ("ij,ij->ij", ((1, 3), (2, 1))),
    ("ij,ij->", ((1, 3), (2, 3))),
    ("ij , jk -> ik", ((2, 3), (3, 4))),
    (",ij", ((), (2, 3))),
    (",->", ((), ())),
    ("->", ((),)),
    ("i,i", ((0,), (0,))),
    ("ij,jk->ik", ((2, 0), (0, 3))),
    ("ij,jk->ik", ((0, 2), (2, 3))),
]


def leaves(library: Any, shapes: Any, dtype: str = "float64") -> list[Any]:
    source = np.random.default_rng(0)
    arrays = [source.standard_normal(shape).astype(dtype) for shape in shapes]
    return [library.tensor(a).requires_grad_() for a in arrays]


@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum_and_its_gradients_of_two_orders_are_those_of_pytorch(
    equation: str, shapes: Any, torch: Any
) -> None:
    results = []
    for library, differentiate in ((tg, grad), (torch, torch.autograd.grad)):
        xs = leaves(library, shapes)
        out = library.einsum(equation, *xs)
        source = np.random.default_rng(1)
        g = library.tensor(source.standard_normal(tuple(out.shape))).requires_grad_()
        first = differentiate(out, xs, g, create_graph=True)
        total = sum((a * a).sum() for a in first)
        second = differentiate(total, [*xs, g], allow_unused=True)
        results.append([out, *first, *second])
    for a, b in zip(*results, strict=True):
        zero = np.zeros(1)
        assert a is None or b is None or tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(
            zero if a is None else a.detach().numpy(),
            zero if b is None else b.detach().numpy(),
            rtol=1e-10, atol=1e-12,
        )  # fmt: skip


@pytest.mark.parametrize("equation", ["iij,...j->i...", "bij,kj,bk->ki", "...ij,...j->..."])
def test_einsum_agrees_with_differences(equation: str) -> None:
    shapes = {
        "iij,...j->i...": ((2, 2, 3), (2, 3)),
        "bij,kj,bk->ki": ((2, 2, 3), (2, 3), (2, 2)),
        "...ij,...j->...": ((2, 2, 3), (1, 3)),
    }[equation]
    xs = leaves(tg, shapes)
    assert gradcheck(lambda *a: tg.einsum(equation, *a), xs)
    assert gradgradcheck(lambda *a: tg.einsum(equation, *a), xs)


def test_einsum_keeps_dtypes_and_takes_lists_and_integers() -> None:
    x, y = leaves(tg, ((2, 3), (3, 2)), "float32")
    assert tg.einsum("ij,jk", [x, y]).dtype == tg.float32
    n = tg.arange(6).reshape(2, 3)
    assert tg.einsum("ij,kj->ik", n, n).tolist() == [[5, 14], [14, 50]]
    assert tg.einsum("ij->j", n).dtype == tg.int64


def test_einsum_of_one_operand_is_a_new_tensor() -> None:
    x = tg.ones(2, requires_grad=True)
    assert tg.einsum("i", x) is not x


@pytest.mark.parametrize(
    ("equation", "shapes", "words"),
    [
        ("ij,jk->ik", ((2, 3), (2, 3)), "subscript j has size 2 for tensor 1"),
        ("ij->ijk", ((2, 3),), "output subscript k does not appear"),
        ("ij->ii", ((2, 3),), "output subscript i appears more than once"),
        ("i1->i", ((2, 3),), "invalid subscript '1'"),
        ("ij,jk", ((2, 3),), "fewer tensors"),
        ("ij", ((2, 3), (3, 2)), "more tensors"),
        ("ijk->i", ((2, 3),), r"number of subscripts in 'ijk' does not match .* \(2\)"),
        ("i->i", ((2, 3),), "does not match"),
        ("ij->i->", ((2, 3),), "invalid subscript"),
        ("ij-i", ((2, 3),), "invalid subscript"),
        (".ij", ((2, 3),), "invalid subscript"),
        ("...i...", ((2, 3),), "invalid subscript"),
        ("ii->i", ((2, 3),), "subscript i is repeated for tensor 0"),
        ("ii->i", ((1, 3),), "subscript i is repeated for tensor 0"),
    ],
)
def test_malformed_equations_are_refused_with_a_sentence(
    equation: str, shapes: Any, words: str, torch: Any
) -> None:
    with pytest.raises(RuntimeError, match=words):
        tg.einsum(equation, *leaves(tg, shapes))
    with pytest.raises(RuntimeError):
        torch.einsum(equation, *leaves(torch, shapes))


def test_einsum_without_operands_or_with_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one tensor"):
        tg.einsum("ij")
    with pytest.raises(TypeError, match="tensor 0 must be a Tensor"):
        tg.einsum("ij", [[1.0]])
    with pytest.raises(RuntimeError, match="same dtype"):
        tg.einsum("ij,jk", tg.ones(2, 2), tg.ones(2, 2, dtype=tg.float64))


@pytest.mark.parametrize(
    ("shapes", "dims"),
    [
        (((2, 3), (3, 4)), 1),
        (((2, 3), (2, 3)), 2),
        (((2, 3), (4,)), 0),
        (((2, 3, 4), (4, 2, 5)), ([2, 0], [0, 1])),
        (((2, 3, 4), (4, 2, 5)), [[-1], [-3]]),
        (((2, 1), (3, 4)), 1),
        (((2, 0), (0, 4)), 1),
    ],
)
def test_tensordot_and_its_gradients_are_those_of_pytorch(
    shapes: Any, dims: Any, torch: Any
) -> None:
    results = []
    for library in (tg, torch):
        xs = leaves(library, shapes)
        out = library.tensordot(*xs, dims)
        g = np.random.default_rng(1).standard_normal(tuple(out.shape))
        out.backward(library.tensor(g))
        results.append([out.detach(), *(x.grad for x in xs)])
    for a, b in zip(*results, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("dims", "error"),
    [
        (2, RuntimeError), (-1, RuntimeError), (3, RuntimeError), ([1, 0], TypeError),
        (([1], [1]), RuntimeError), (([1], [0, 1]), RuntimeError), (([5], [0]), IndexError),
        (([1, 1], [0, 1]), RuntimeError),
    ],
)  # fmt: skip
def test_tensordot_refuses_dimensions_that_do_not_fit(dims: Any, error: Any, torch: Any) -> None:
    for library in (tg, torch):
        with pytest.raises(error):
            library.tensordot(library.ones(2, 3), library.ones(3, 4), dims=dims)
