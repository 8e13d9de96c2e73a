"""Nonsense for all that isn't a Tensor method: functions, modules, optimizers, data, files."""

from __future__ import annotations

import hashlib
import inspect
import io
import json
import random
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nonsense import argument, attempt, parameters

import tinygrad_mnist as tg
from tinygrad_mnist import linalg, nn, optim, safetensors
from tinygrad_mnist.datasets.idx import IDXError, read_idx, write_idx
from tinygrad_mnist.serialization import CheckpointError
from tinygrad_mnist.utils import data

PACKAGES = {
    module.__name__: module
    for module in (
        nn.functional, linalg, nn.init, nn.utils, nn.utils.rnn, tg.func, tg.autograd,
        tg.autograd.functional, data,
    )
}  # fmt: skip
HELPERS = {
    "apply", "apply_multi", "share", "wrap", "named", "detached", "stand_in", "vjp_of", "linearized",
    "sources_of", "zeros", "one_hot_rows", "warn", "deprecated", "NamedTuple", "get_worker_info",
}  # fmt: skip
"""Helpers that modules import, or share with their neighbours."""

FUNCTIONS = [
    (name, function)
    for module in PACKAGES.values()
    for name, function in vars(module).items()
    if inspect.isfunction(function) and not name.startswith("_") and name not in HELPERS
]


def _squares(*args: Any) -> Any:
    floats = [x for x in args if isinstance(x, tg.Tensor) and x.is_floating_point()]
    return sum(((x * x).sum() for x in floats), tg.zeros(()))


def first_of(name: str, source: random.Random) -> Any:
    """Return a first argument with which a call gets beyond its first check."""
    if name in vars(tg.func) or name in vars(tg.autograd.functional):
        return _squares
    if name in vars(nn.utils):
        return source.choice([[nn.Parameter(tg.ones(2, 3))], nn.Linear(2, 2)])
    if name in vars(nn.utils.rnn):
        return source.choice([[tg.ones(2, 3), tg.ones(1, 3)], tg.ones(3, 2, 4)])
    return tg.full((2, 3), 0.5)


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_functions_of_every_package(seed: int) -> None:
    source = random.Random(seed)
    for name, function in source.sample(FUNCTIONS, 100):
        args = [argument(source) for _ in range(source.randrange(5))]
        if source.random() < 0.6:
            args[:1] = [first_of(name, source)]
        named = [p for p in parameters(function)[len(args) :] if source.random() < 0.25]
        # A callback's own error is the caller's business, and so is an argument that isn't one.
        names = {name, name.removeprefix("remove_"), "not callable"}
        kwargs = {p: argument(source) for p in named}
        # A parameter that isn't there is an attribute that isn't there, as in PyTorch.
        also = (AttributeError,) if name in vars(nn.utils) else ()
        names |= {"object has no attribute"} if also else set()
        attempt(names, function, args, kwargs, also=also)


SETTINGS: dict[str, tuple[Any, ...]] = {
    "Linear": (4, 3), "Bilinear": (4, 4, 2), "Conv1d": (4, 2, 2), "Conv2d": (4, 2, 2),
    "Conv3d": (4, 2, 2), "ConvTranspose1d": (4, 2, 2), "ConvTranspose2d": (4, 2, 2),
    "BatchNorm1d": (4,), "BatchNorm2d": (4,), "BatchNorm3d": (4,), "LayerNorm": (4,), "GroupNorm": (2, 4),
    "InstanceNorm1d": (4,), "InstanceNorm2d": (4,), "RMSNorm": (4,), "LocalResponseNorm": (2,),
    "Embedding": (5, 3), "EmbeddingBag": (5, 3), "RNN": (4, 3), "LSTM": (4, 3), "GRU": (4, 3), "RNNCell": (4, 3),
    "LSTMCell": (4, 3), "GRUCell": (4, 3), "MultiheadAttention": (4, 2),
    "TransformerEncoderLayer": (4, 2, 8), "TransformerDecoderLayer": (4, 2, 8),
    "Transformer": (4, 2, 1, 1, 8), "MaxPool1d": (2,), "MaxPool2d": (2,), "AvgPool1d": (2,),
    "AvgPool2d": (2,), "MaxUnpool1d": (2,), "MaxUnpool2d": (2,), "AdaptiveAvgPool1d": (2,),
    "AdaptiveAvgPool2d": (2,), "AdaptiveMaxPool1d": (2,), "AdaptiveMaxPool2d": (2,),
    "Threshold": (0.5, 0.1), "Softmax": (1,), "LogSoftmax": (1,), "Softmin": (1,),
    "Unflatten": (1, (2, 2)), "PixelShuffle": (2,), "PixelUnshuffle": (2,), "ChannelShuffle": (2,),
    "Upsample": (None, 2), "UpsamplingNearest2d": (None, 2), "UpsamplingBilinear2d": (None, 2),
    "Fold": ((4, 4), 2), "Unfold": (2,), "ZeroPad1d": (1,), "ZeroPad2d": (1,),
    "ReflectionPad1d": (1,), "ReflectionPad2d": (1,), "ReplicationPad1d": (1,),
    "ReplicationPad2d": (1,), "CircularPad1d": (1,), "CircularPad2d": (1,),
    "ConstantPad1d": (1, 0.0), "ConstantPad2d": (1, 0.0), "ConstantPad3d": (1, 0.0),
    "ConvTranspose3d": (4, 2, 2), "InstanceNorm3d": (4,), "SyncBatchNorm": (4,), "MaxPool3d": (2,),
    "AvgPool3d": (2,), "MaxUnpool3d": (2,), "AdaptiveAvgPool3d": (2,), "AdaptiveMaxPool3d": (2,),
    "LPPool1d": (2, 2), "LPPool2d": (2, 2), "LPPool3d": (2, 2), "ZeroPad3d": (1,),
    "ReflectionPad3d": (1,), "ReplicationPad3d": (1,), "CircularPad3d": (1,),
}  # fmt: skip
CONTAINERS = {"Module", "DataParallel", "Sequential", "ModuleList", "ModuleDict", "ParameterList", "ParameterDict",
              "TransformerEncoder", "TransformerDecoder", "RNNBase", "RNNCellBase"}  # fmt: skip
LAYERS = [
    (name, cls)
    for name, cls in vars(nn).items()
    if inspect.isclass(cls) and issubclass(cls, nn.Module) and name not in CONTAINERS
]
IMAGES = [(2, 4), (2, 4, 4), (2, 4, 4, 4), (4,), (0, 4), (3, 7), ()]


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_every_layer(seed: int) -> None:
    source = random.Random(seed)
    for name, cls in source.sample(LAYERS, 40):
        settings = [source.choice([argument(source), 2, 3]) for _ in range(source.randrange(5))]
        if name != "Transformer":  # whose default is large
            attempt({name, "embed_dim"}, cls, settings, also=(AssertionError,))
        layer = cls(*SETTINGS.get(name, ()))
        inputs = [argument(source) for _ in range(source.randrange(4))]
        if source.random() < 0.7:
            dtype = source.choice([tg.float32, tg.float32, tg.float64, tg.int64])
            inputs[:1] = [tg.ones(source.choice(IMAGES), dtype=dtype)]
        random_state, watched = tg.get_rng_state(), [*layer.parameters(), *layer.buffers()]
        out = attempt(
            {name, "query", "unbatched", "_mask"}, layer, inputs, None, watched, (AssertionError,)
        )
        if out is None and "Transformer" not in name:  # with dropout in each of several stages
            assert tg.equal(tg.get_rng_state(), random_state), name


OPTIMIZERS = [
    (name, cls)
    for name, cls in vars(optim).items()
    if inspect.isclass(cls) and issubclass(cls, optim.Optimizer) and cls is not optim.Optimizer
]
SCHEDULES = [
    (name, cls)
    for name, cls in vars(optim.lr_scheduler).items()
    if inspect.isclass(cls) and name not in ("LRScheduler", "_LRScheduler", "Optimizer")
]


def described(optimizer: optim.Optimizer) -> str:
    return repr((optimizer.state_dict(), [sorted(group) for group in optimizer.param_groups]))


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_every_optimizer_and_changes_none(seed: int) -> None:
    source = random.Random(seed)
    for name, cls in OPTIMIZERS:
        p = nn.Parameter(tg.ones(2, 2))
        settings = {k: argument(source) for k in parameters(cls)[1:] if source.random() < 0.2}
        params = source.choice(
            [[p], argument(source), [], [{"params": [p], "lr": argument(source)}], [{"lr": 1}],
             [{"params": argument(source)}], [{"params": [p]}, {"params": [p]}], [p * 2]]
        )  # fmt: skip
        attempt({name}, cls, [params], settings, also=(KeyError,))
        optimizer = cls([p], lr=0.1)
        before, groups = described(optimizer), optimizer.state_dict()["param_groups"]
        for state in (
            {}, 5, None, {"state": 5, "param_groups": groups}, {"state": {}, "param_groups": [5]},
            {"state": {}, "param_groups": []}, {"state": {}, "param_groups": [{"params": [0, 1]}]},
        ):  # fmt: skip
            with pytest.raises((KeyError, TypeError, ValueError), match="load_state_dict"):
                optimizer.load_state_dict(state)
        for group in ({"params": [p]}, {}, {"params": 5}, argument(source)):
            attempt({"add_param_group"}, optimizer.add_param_group, [group], also=(KeyError,))
        if len(optimizer.param_groups) == 1:
            assert described(optimizer) == before


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_every_schedule_and_changes_no_optimizer(seed: int) -> None:
    source = random.Random(seed)
    for name, cls in SCHEDULES:
        optimizer = optim.SGD([nn.Parameter(tg.ones(2))], lr=0.1, momentum=0.9)
        before = described(optimizer)
        args = [optimizer if source.random() < 0.8 else argument(source)]
        args += [argument(source) for _ in range(source.randrange(4))]
        named = [p for p in parameters(cls)[len(args) :] if source.random() < 0.3]
        kwargs = {p: argument(source) for p in named}
        if attempt({name, "scheduler"}, cls, args, kwargs, also=(KeyError,)) is None:
            assert described(optimizer) == before, (name, args, kwargs)


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_nonsense_gets_a_sentence_from_datasets_samplers_and_loaders(seed: int) -> None:
    source = random.Random(seed)
    for name, cls in vars(data).items():
        if not inspect.isclass(cls) or name in ("Dataset", "IterableDataset", "Sampler"):
            continue
        first = source.choice([data.TensorDataset(tg.ones(4, 2)), [1, 2, 3], argument(source)])
        args = [first, *(argument(source) for _ in range(source.randrange(3)))]
        attempt({name}, cls, args)
    for method in (tg.Generator().manual_seed, tg.Generator().set_state, tg.set_rng_state):
        attempt({method.__name__}, method, [argument(source)])


# Files


def signed(content: bytes) -> io.BytesIO:
    """Give a checkpoint its checksum, so that what is wrong lies deeper."""
    content = content[:-64]
    return io.BytesIO(content + hashlib.sha256(content).hexdigest().encode())


def damaged(content: bytes, source: random.Random, head: int) -> bytes:
    """Change, cut out, and put in bytes, most of them near the beginning."""
    made = bytearray(content)
    for _ in range(source.choice([1, 2, 5])):
        i = source.randrange(min(head, len(made)))
        kind = source.randrange(4)
        if kind == 0:
            made[i] ^= 1 << source.randrange(8)
        elif kind == 1:
            del made[i : i + source.randrange(1, 9)]
        elif kind == 2:
            made[i:i] = source.randbytes(source.randrange(1, 9))
        else:
            made[i : i + 4] = source.choice([b"\xff" * 4, b"\0" * 4, b"9999", b"[[[[", b"1e99"])
    return bytes(made)


HOSTILE: list[Any] = [
    1e99, -1, 2**70, "x", None, [], {}, True, {"dict": [[{"list": []}, 1]]}, {"tensor": 99},
    {"tensor": -1}, {"int": "9" * 5000}, {"float": "0x1p999999"}, {"list": 5}, {"scalar": "a"},
    {"dtype": "O"}, "<f16", "|O", "<U4", [2**62, 0], [2**40, 2**40], [-1],
]  # fmt: skip


def distorted(value: Any, source: random.Random) -> Any:
    """Replace some parts of a JSON value by hostile ones."""
    if source.random() < 0.15:
        return source.choice(HOSTILE)
    if isinstance(value, dict):
        return {key: distorted(item, source) for key, item in value.items()}
    if isinstance(value, list):
        return [distorted(item, source) for item in value]
    return value


def hostile_checkpoint(content: bytes, source: random.Random) -> io.BytesIO:
    """Write a checkpoint anew, with a structure, names and arrays that mean harm."""
    archive, out = zipfile.ZipFile(io.BytesIO(content)), io.BytesIO()
    with zipfile.ZipFile(out, "w", source.choice([0, 0, zipfile.ZIP_DEFLATED])) as new:
        new.comment = b"0" * 64
        for info in archive.infolist():
            entry, name = archive.read(info), info.filename
            if name == "structure.json":
                entry = json.dumps(distorted(json.loads(entry), source)).encode()
                entry = source.choice([entry] * 9 + [b"[" * 100_000])
            elif source.random() < 0.4:
                entry = damaged(entry, source, 100)
            if source.random() < 0.05:
                name = source.choice(["../../x", "/etc/passwd", "9.npy"])
            new.writestr(name, entry)
    return signed(out.getvalue())


@pytest.mark.filterwarnings("ignore")
@given(seed=st.integers(0, 2**32 - 1))
def test_hostile_files_are_refused_with_a_sentence(seed: int, tmp_path: Path) -> None:
    source = random.Random(seed)
    buffer = io.BytesIO()
    tg.save({"a": tg.ones(2, 3), "b": [1, 2.5, None, (True, np.float32(2))]}, buffer)
    checkpoint = buffer.getvalue()
    plain = safetensors.save({"x": tg.ones(2, 2), "y": tg.tensor([1, 2])}, {"made": "here"})
    length = int.from_bytes(plain[:8], "little")
    path = tmp_path / "images"
    write_idx(path, np.arange(6, dtype=np.uint8).reshape(2, 3))
    images = path.read_bytes()
    for _ in range(10):
        text = json.dumps(distorted(json.loads(plain[8 : 8 + length]), source)).encode()
        text = source.choice([text] * 9 + [b'{"a":' * 5000])
        hostile = len(text).to_bytes(8, "little") + text + plain[8 + length :]
        path.write_bytes(damaged(images, source, 12))
        for error, load, content in (
            (CheckpointError, tg.load, io.BytesIO(damaged(checkpoint, source, 2000))),
            (CheckpointError, tg.load, signed(damaged(checkpoint, source, 2000))),
            (CheckpointError, tg.load, hostile_checkpoint(checkpoint, source)),
            (safetensors.SafetensorError, safetensors.load, damaged(plain, source, 120)),
            (safetensors.SafetensorError, safetensors.load, hostile),
            (IDXError, read_idx, path),
        ):
            try:
                load(content)
            except error as refusal:
                assert re.search(r"\w+ \w+", str(refusal))


def test_a_dataset_that_raises_stop_iteration_does_not_end_the_epoch_silently() -> None:
    class Ending(data.Dataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> int:
            if index == 5:
                raise StopIteration
            return index

    for workers in (0, 2):
        with pytest.raises(RuntimeError, match="StopIteration"):
            list(data.DataLoader(Ending(), batch_size=2, num_workers=workers))
