"""Trained models are kept between runs: a checkpoint each, named by all that it depends on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.datasets.sample import cache_folder

FORMAT = 1
"""To be raised when the same settings mean another model."""

LARGEST = 2**24
"""The largest file that is read, in bytes; the largest that is written has half a million."""


def path(name: str, digits: Digits, settings: Any) -> Path:
    """Return where a model is kept that was trained on these digits with these settings."""
    total = hashlib.sha256()
    total.update(json.dumps([FORMAT, tg.__version__, name, settings]).encode())
    for array in digits:
        total.update(array.tobytes())
    return cache_folder() / "playground" / f"{name}-{total.hexdigest()[:16]}.npz"


def read(file: Path, model: nn.Module) -> bool:
    """Fill a model with what is kept; return whether there is any that fits it.

    A file that is damaged, too large or of another model counts as none. Nothing in it is run.
    """
    try:
        if file.stat().st_size > LARGEST:
            return False
        state = tg.load(file)
        wanted = model.state_dict()
        if not isinstance(state, dict) or state.keys() != wanted.keys():
            return False
        for name, value in wanted.items():
            kept = state[name]
            if not isinstance(kept, tg.Tensor) or kept.dtype != value.dtype:
                return False
            if kept.shape != value.shape or not bool(tg.isfinite(kept).all()):
                return False
        model.load_state_dict(state)
    except Exception:  # whatever the readers of zip and arrays make of a damaged file
        return False
    return True


def write(file: Path, model: nn.Module) -> None:
    """Keep a model, in whole, or not at all where the folder can't be written to."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        tg.save(model.state_dict(), file)
    except OSError:
        pass
