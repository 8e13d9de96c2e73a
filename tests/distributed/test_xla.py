"""Steps that XLA runs in several processes: what they exchange, and when one of them is lost."""

from __future__ import annotations

import pytest
from distributed.several import PROGRAMS, launch, needs_jax

pytestmark = needs_jax


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_compiled_steps_exchange_what_uncompiled_ones_do(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_force_host_platform_device_count=2")
    ended = launch(count, PROGRAMS / "xla.py")
    assert (ended.code, ended.out.count("the same")) == (0, count), ended.err
    assert f"{2 * count - 2} of the {2 * count} devices are those of other processes" in ended.out
