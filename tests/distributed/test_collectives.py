"""Collectives of real processes: what PyTorch's give, and what errors say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from distributed.several import PROGRAMS, by_hand, launch, needs_jax

pytestmark = needs_jax


def said(library: str, count: int, folder: Path) -> list[Any]:
    """Return what each process has written of all collectives."""
    folder.mkdir()
    ended = launch(count, PROGRAMS / "collectives.py", library, folder)
    assert ended.code == 0, ended.err
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(count)]


def assert_alike(mine: Any, theirs: Any) -> None:
    """Compare what is nested, numbers within rounding."""
    if isinstance(theirs, dict):
        assert list(mine) == list(theirs)
        mine, theirs = list(mine.values()), list(theirs.values())
    if isinstance(theirs, list):
        assert len(mine) == len(theirs)
        for a, b in zip(mine, theirs, strict=True):
            assert_alike(a, b)
        return
    try:
        a, b = float(mine), float(theirs)
    except (TypeError, ValueError):
        assert mine == theirs
    else:
        assert a == pytest.approx(b, rel=1e-4, abs=2e-5, nan_ok=True)


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_all_of_them_do_what_pytorchs_do(count: int, tmp_path: Path, torch: Any) -> None:
    mine = said("tinygrad_mnist", count, tmp_path / "mine")
    theirs = said("torch", count, tmp_path / "theirs")
    for a, b in zip(mine, theirs, strict=True):
        for one, two in zip(a, b, strict=True):
            assert_alike(one, two)


@pytest.mark.parametrize("kind", ["slurm", "mpi"])
def test_other_launchers_are_understood(kind: str) -> None:
    ended = by_hand(2, PROGRAMS / "sum.py", kind=kind)
    assert [e.code for e in ended] == [0, 0], ended[0].err
    assert [e.out for e in ended] == ["rank 0 of 2: 3.0\n", "rank 1 of 2: 3.0\n"]
