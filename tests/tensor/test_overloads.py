"""Every overload of PyTorch's stub files, with arguments in likely and unlikely forms."""

from __future__ import annotations

import random
import re
from typing import Any

import pytest
from overloads import Case, cases, run, same
from sweeps import IS_LONG

import tinygrad_mnist as tg

DIFFERENT = {
    "a result that is not determined": "svd new kthvalue searchsorted median mode isin",
    "functions of another module, here under its signature": (
        "binary_cross_entropy_with_logits embedding layer_norm group_norm dropout alpha_dropout "
        "feature_alpha_dropout rms_norm batch_norm instance_norm"
    ),
    "forms that only the stub knows: 0-d tensors for beta or a dimension, bools as tensors": (
        "addmm addmv addbmm baddbmm addr max min std var std_mean var_mean result_type "
        "repeat_interleave scatter scatter_ scatter_add scatter_reduce scatter_reduce_ expand to "
        "normal randint_like rsub hamming_window"
    ),
    "numbers that an integer tensor can't hold": (
        "threshold threshold_ index_add index_add_ addcmul addcmul_ subtract subtract_ sub sub_"
    ),
    "an interval that is empty": "logit logit_",
    "no elements to draw, a base of 0, no number of observations": "randn rand logspace cov diff",
    "read beyond a view's own elements": "as_strided take_along_dim",
    "distances and averages of integers": "pairwise_distance avg_pool1d",
    "one point for all of x, which is no distance": "trapezoid trapz cumulative_trapezoid",
    "running sums of bools": "cumsum cumprod cumsum_ cumprod_",
}
"""Why some functions are not compared: each kind with its functions."""
KNOWN = {name for names in DIFFERENT.values() for name in names.split()}


def compare(
    torch: Any, seed: int, bases: int, most: int, part: int = 1
) -> tuple[list[str], int, int]:
    """Return what differs where PyTorch accepts; how many calls there were; how many only we take."""
    wrong, calls, ours_only = [], 0, 0
    for case in cases(torch, tg, random.Random(seed), bases, most, part):
        ours, theirs = run(case, tg), run(case, torch)
        calls += 1
        if same(ours, theirs):
            continue
        if isinstance(theirs, Exception):
            ours_only += 1
        elif name_of(case) not in KNOWN:
            wrong.append(f"{case}: {ours!r:.90} instead of {theirs!r:.90}")
    return wrong, calls, ours_only


def name_of(case: Case) -> str:
    found = re.match(r"[xt]\.(\w+)", case.call)
    assert found
    return found[1]


def test_calls_that_pytorch_accepts_are_answered_as_by_pytorch(torch: Any) -> None:
    wrong, calls, ours_only = compare(torch, seed=0, bases=1, most=1, part=6)
    assert calls > 400
    assert not wrong, "\n".join(wrong)
    assert ours_only < 0.08 * calls  # numbers for tensors, dtypes by name: what we take besides


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 3 if IS_LONG else 2))
def test_many_calls_that_pytorch_accepts_are_answered_as_by_pytorch(seed: int, torch: Any) -> None:
    wrong, calls, ours_only = compare(torch, seed, bases=2, most=3)
    print(f"{calls} calls, of which {len(wrong)} differ and {ours_only} are accepted only here")
    assert not wrong, "\n".join(wrong)
    assert ours_only < 0.08 * calls
