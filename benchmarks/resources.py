"""Figures besides ratios of times: import, memory, cost against size, allocations.

Import and memory are measured in processes of their own, since a process can't forget.
"""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import tinygrad_mnist as tg
from benchmarks.measure import Conditions, Effort, time_steps, verdict


def import_time(effort: Effort) -> dict[str, Any]:
    """Compare importing us with importing NumPy alone, in new processes, in turns."""
    # What was compiled is kept, as it is where the package is installed.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}

    def once(module: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", f"import {module}"], check=True, env=environment)
        return (time.perf_counter() - start) * 1e3

    rounds = max(3, effort.rounds)
    once("tinygrad_mnist")
    extra = [once("tinygrad_mnist") - once("numpy") for _ in range(rounds)]
    low, middle, high = np.quantile(extra, [0.25, 0.5, 0.75])
    said = verdict(middle, 80)
    print(f"import  {middle:.0f} ms more than NumPy ({low:.0f} to {high:.0f}){said}", flush=True)
    return {"milliseconds more than NumPy": float(middle), "quartiles": [float(low), float(high)]}


_MEMORY = """
import ctypes, gc, json, sys
from contextlib import nullcontext
import tinygrad_mnist as tg
from benchmarks import training
from benchmarks.measure import Conditions, set_threads

# Freed memory goes back at once, from whichever library: so what is resident is what is in use.
libc = ctypes.CDLL(None)
libc.mallopt(-3, 32768)  # M_MMAP_THRESHOLD
libc.mallopt(-1, 0)  # M_TRIM_THRESHOLD

def status(key):
    for line in open("/proc/self/status"):
        if line.startswith(key):
            return int(line.split()[1])

who, name = sys.argv[1:]
framework = "PyTorch" if who == "PyTorch" else "ours"
training.FRAMEWORKS = {framework: training.FRAMEWORKS[framework]}
benchmark = next(b for b in training.BENCHMARKS if b.name == name)
set_threads(2)
step = benchmark.make(Conditions())[who]

def take_steps():
    for _ in range(5):
        step()
    gc.collect()
    libc.malloc_trim(0)

# A program's buffers stay from step to step: what is resting is what it is without any.
with tg.compiler.set_stance("force_eager") if who == "compiled" else nullcontext():
    take_steps()
resting = status("VmRSS")
if who == "compiled":
    take_steps()
open("/proc/self/clear_refs", "w").write("5")
for _ in range(10):
    step()
print(json.dumps([resting, status("VmHWM")]))
"""


def memory(effort: Effort) -> dict[str, Any]:
    """Compare the peak of a training step over the resting size: ours, compiled and PyTorch's."""
    from benchmarks.training import FRAMEWORKS

    contestants = ["ours", "compiled", *(x for x in FRAMEWORKS if x != "ours")]
    results: dict[str, Any] = {}
    for name in ("W3", "W5"):
        peaks: dict[str, float] = {}
        for who in contestants:
            runs = []
            for _ in range(min(3, effort.rounds)):
                command = [sys.executable, "-c", _MEMORY, who, name]
                out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                resting, peak = json.loads(out)
                runs.append((peak - resting) / 1024)
            peaks[who] = statistics.median(runs)
        shown = ", ".join(f"{who} {peak:.1f} MiB" for who, peak in peaks.items())
        times = peaks["compiled"] / peaks["ours"]
        ratio = f"; compiled / ours {times:.2f}{verdict(times, 1.0)}"
        if peaks.get("PyTorch"):
            times = peaks["ours"] / peaks["PyTorch"]
            ratio += f"; ours / PyTorch {times:.2f}{verdict(times, 1.1)}"
        print(f"memory  {name}: peak of a step over the resting size: {shown}{ratio}", flush=True)
        results[name] = peaks
    return results


def nodes(effort: Effort) -> dict[str, Any]:
    """Time backward over chains of different lengths: the time per node must not grow."""
    times: dict[int, float] = {}
    lengths = (1_000, 10_000, 100_000) if effort.rounds < 5 else (1_000, 10_000, 100_000, 1_000_000)
    for length in lengths:
        rounds = max(1, min(effort.rounds, 100_000 // length))
        each = []
        for _ in range(rounds):
            x = tg.tensor([1.0], requires_grad=True)
            y = x
            for _ in range(length):
                y = y + 1.0
            each.append(time_steps(y.backward, 1) / length)
            del y
        times[length] = statistics.median(each)
    growth = times[lengths[-1]] / times[lengths[0]]
    shown = ", ".join(f"{length:,}: {t:.2f} µs" for length, t in times.items())
    said = verdict(growth, 1.3)
    print(f"nodes   backward per node, by chain length: {shown}; growth {growth:.2f}{said}")
    return {"microseconds per node": times, "growth": growth}


class _Allocator(ctypes.Structure):
    """NumPy's ``PyDataMemAllocator``."""

    _fields_ = [
        ("ctx", ctypes.c_void_p), ("malloc", ctypes.c_void_p), ("calloc", ctypes.c_void_p),
        ("realloc", ctypes.c_void_p), ("free", ctypes.c_void_p),
    ]  # fmt: skip


class _Handler(ctypes.Structure):
    """NumPy's ``PyDataMem_Handler``."""

    _fields_ = [
        ("name", ctypes.c_char * 127), ("version", ctypes.c_uint8), ("allocator", _Allocator),
    ]  # fmt: skip


@contextmanager
def counted_allocations() -> Iterator[list[int]]:
    """Count the arrays whose memory NumPy asks for, and their bytes, by a handler of our own."""
    from numpy._core import _multiarray_umath as core

    libc = ctypes.CDLL(None)
    libc.malloc.restype = libc.calloc.restype = ctypes.c_void_p
    libc.malloc.argtypes = [ctypes.c_size_t]
    libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
    total = [0, 0]

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    def malloc(_: Any, size: int) -> int:
        total[0] += 1
        total[1] += size
        return libc.malloc(size)  # type: ignore[no-any-return]

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t)
    def calloc(_: Any, count: int, size: int) -> int:
        total[0] += 1
        total[1] += count * size
        return libc.calloc(count, size)  # type: ignore[no-any-return]

    @ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    def realloc(_: Any, pointer: int, size: int) -> int:
        libc.realloc.restype = ctypes.c_void_p
        libc.realloc.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
        return libc.realloc(pointer, size)  # type: ignore[no-any-return]

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t)
    def free(_: Any, pointer: int, size: int) -> None:
        libc.free.argtypes = [ctypes.c_void_p]
        libc.free(pointer)

    functions = [ctypes.cast(f, ctypes.c_void_p) for f in (malloc, calloc, realloc, free)]
    handler = _Handler(b"counting", 1, _Allocator(None, *functions))
    # Kept for ever: arrays made under this handler are freed by it, whenever that is.
    _KEPT.append((handler, malloc, calloc, realloc, free))
    api = ctypes.pythonapi
    api.PyCapsule_New.restype = ctypes.py_object
    api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    table = ctypes.cast(
        api.PyCapsule_GetPointer(core._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p)
    )
    set_handler = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(table[_SET_HANDLER])
    capsule = api.PyCapsule_New(ctypes.addressof(handler), b"mem_handler", None)
    before = set_handler(capsule)
    try:
        yield total
    finally:
        set_handler(before)


_SET_HANDLER = 304
"""The place of ``PyDataMem_SetHandler`` in NumPy's table of C functions."""
_KEPT: list[Any] = []


def allocations(effort: Effort) -> dict[str, Any]:
    """Count the arrays that a training step allocates."""
    from benchmarks.training import DENSE

    results = {}
    for name, dense in DENSE.items():
        step = dense.steps(Conditions())["ours"]
        for _ in range(3):
            step()
        with counted_allocations() as total:
            for _ in range(10):
                step()
        count, size = total[0] / 10, total[1] / 10 / 2**20
        print(f"arrays  {name}: {count:.0f} allocations of {size:.2f} MiB in a step", flush=True)
        results[name] = {"allocations": count, "MiB": size}
    return results


RESOURCES = {"import": import_time, "memory": memory, "nodes": nodes, "arrays": allocations}
