"""Names of PyTorch's that aren't offered: every form of access says what to use in their place."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types
import warnings
from typing import Any

import pytest

import tinygrad_mnist as tg
from tinygrad_mnist import nn
from tinygrad_mnist.compat import unsupported_names as names

OFFERED_IN_PART = [
    "", "nn", "nn.functional", "nn.init", "nn.utils", "nn.utils.rnn", "optim", "optim.lr_scheduler",
    "utils", "utils.data", "linalg", "special", "autograd", "func", "distributions", "random",
    "testing", "backends", "amp", "Tensor", "nn.Module",
]  # fmt: skip
OTHERS = ("torch", "TYPE_CHECKING")
IMPORTED = """
distributed distributed.fsdp distributed.optim distributed.rpc distributed.checkpoint
distributed.algorithms.join distributed.elastic.multiprocessing.errors multiprocessing jit fft
profiler hub fx onnx sparse nested masked quantization ao.quantization ao.nn.quantized compiler
_dynamo _dynamo.config _inductor.config version __config__ accelerator cpu mps xpu cuda.amp
cuda.nvtx backends.mkl backends.mkldnn backends.openmp backends.cuda backends.cudnn backends.mps
backends.opt_einsum nn.parallel nn.parallel.distributed nn.attention utils.data.distributed
utils.cpp_extension utils.model_zoo utils.benchmark utils.checkpoint autograd.profiler testing
futures library overrides export package types nn.quantized nn.utils.stateless
"""


def public(torch: Any, path: str) -> list[str]:
    """Return the public names that PyTorch has at a path, but for those of other libraries."""
    owner, found = torch, []
    for part in path.split(".") if path else ():
        owner = getattr(owner, part)
    for name in dir(owner):
        thing = None if name.startswith("_") else getattr(owner, name, None)
        if isinstance(thing, types.ModuleType):
            home = thing.__name__
        else:
            home = (getattr(thing, "__module__", None) or "torch").replace("builtins", "torch")
        if thing is not None and home.split(".")[0] == "torch" and name not in OTHERS:
            found.append(name)
    return found


@pytest.mark.parametrize("path", OFFERED_IN_PART)
def test_every_public_name_is_offered_or_has_a_hint(path: str, torch: Any) -> None:
    owner: Any = nn.Linear(1, 1) if path == "nn.Module" else tg.ones(2, 2)
    if path not in ("nn.Module", "Tensor"):
        owner = importlib.import_module(f"tinygrad_mnist.{path}".rstrip("."))
    importlib.import_module("torch.distributions"), importlib.import_module("torch.testing")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = public(torch, path)
        lacking = [name for name in theirs if not hasattr(owner, name)]
        for name in lacking:
            with pytest.raises(AttributeError, match="not offered here"):
                getattr(owner, name)
            if isinstance(owner, types.ModuleType):
                with pytest.raises(ImportError, match="not offered here"):
                    exec(f"from {owner.__name__} import {name}")


def test_names_in_the_table_are_not_offered() -> None:
    for path, listed in names.NAMES.items():
        for name in listed.split():
            full = f"{path}.{name}".lstrip(".")
            owner: Any = tg
            for part in {"Module": "nn.Module"}.get(path, path).split(".") if path else ():
                owner = getattr(owner, part)
            assert not hasattr(owner, name), full
    assert not [hint for hint in names.HINTS.values() if hint.endswith(".") or not hint]


@pytest.mark.parametrize("path", IMPORTED.split())
def test_module_that_scripts_leave_alone_can_be_imported(path: str) -> None:
    scope: dict[str, Any] = {}
    parent, _, last = f"tinygrad_mnist.{path}".rpartition(".")
    exec(f"import {parent}.{last} as a\nfrom {parent} import {last} as b", scope)
    assert scope["a"] is scope["b"] is sys.modules[f"{parent}.{last}"]
    assert scope["a"].__doc__
    assert not hasattr(scope["a"], "_nothing")


def test_modules_are_found_as_attributes_without_an_import() -> None:
    code = """
import tinygrad_mnist as torch
print(torch.distributed.is_initialized(), torch.jit.is_scripting(), torch.version.cuda,
      torch.backends.mkl.is_available(), torch.accelerator.is_available(), torch.fft.fftfreq(2))
print(hasattr(torch, "compile"), hasattr(torch, "distributed"), hasattr(torch.fft, "foo"))
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == [
        "False False None False False tensor([ 0.0000, -0.5000])", "True True False"]  # fmt: skip


def test_importing_the_package_does_not_read_the_table() -> None:
    code = (
        "import sys, tinygrad_mnist; "
        "print([m for m in sys.modules if m.startswith('tinygrad_mnist') and m.split('.')[1:2] "
        "and m.split('.')[1] in ('jit', 'fft', 'distributed', 'multiprocessing', 'profiler') "
        "or m == 'tinygrad_mnist.compat.unsupported_names'])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


CALLED = {
    "distributed.send(x, 1)": "all_reduce",
    "distributed.fsdp.FullyShardedDataParallel(x)": "DistributedDataParallel",
    "distributed.rpc.init_rpc('worker')": "all_reduce",
    "nn.parallel.replicate(x, [0])": "no GPU",
    "fft.fft(x)": "numpy.fft",
    "fft.rfft(x).abs()": "numpy.fft",
    "hub.load('pytorch/vision', 'resnet18')": "safetensors",
    "onnx.export(x, x, 'f')": "safetensors",
    "profiler.profile()": "cProfile",
    "autograd.profiler.profile()": "cProfile",
    "jit.save(x, 'f')": "state_dict",
    "jit.load('f')": "state_dict",
    "multiprocessing.spawn(print)": "multiprocessing.Process",
    "sparse.mm(x, x)": "dense",
    "quantization.quantize_dynamic(x)": "int8",
    "cuda.synchronize()": "no GPU",
    "cuda.Event()": "no GPU",
    "utils.cpp_extension.load('x')": "autograd.Function",
    "compiler.wrap_numpy(len)": "NumPy program",
}


@pytest.mark.parametrize("call", CALLED)
def test_what_stands_in_raises_when_it_is_called(call: str) -> None:
    importlib.import_module("tinygrad_mnist.utils.cpp_extension")
    with pytest.raises(NotImplementedError, match=CALLED[call]) as caught:
        eval(f"torch.{call}", {"torch": tg, "x": tg.ones(2)})
    assert call.split("(")[0] in str(caught.value)


def test_what_stands_in_can_be_named_inherited_from_and_asked_about() -> None:
    scope: dict[str, Any] = {}
    code = """
import warnings
import tinygrad_mnist as torch
import tinygrad_mnist.distributed as dist
from tinygrad_mnist.distributed.fsdp import FullyShardedDataParallel as FSDP, ShardingStrategy
from tinygrad_mnist.nn.parallel import DistributedDataParallel as DDP
from tinygrad_mnist.profiler import profile, record_function, ProfilerActivity
from tinygrad_mnist.multiprocessing import Process, Queue, set_sharing_strategy
from tinygrad_mnist.ao.quantization import QuantStub

set_sharing_strategy("file_system")
warnings.filterwarnings("ignore", category=torch.jit.TracerWarning)

def reduce(x: torch.Tensor, op: dist.ReduceOp = dist.ReduceOp.SUM) -> "DDP | None":
    with record_function("reduce"):
        return x

class Scripted(torch.jit.ScriptModule):
    @torch.jit.script_method
    def forward(self, x):
        return x

@torch.jit.script
def gelu(x):
    return x * torch.sigmoid(1.702 * x)

@torch.jit.ignore
def a(x): return x

@torch.jit.ignore(drop=True)
def b(x): return x

@torch.compiler.disable
@torch.compiler.disable(recursive=False)
@torch._dynamo.disable
@torch.amp.custom_fwd
@torch.amp.custom_fwd(device_type="cuda")
@torch.cuda.amp.custom_bwd
@record_function("c")
def c(x): return x

torch._dynamo.config.suppress_errors = True
unwrapped = isinstance(torch.nn.Linear(1, 1), (DDP, FSDP))
try:
    raise ValueError("mine")
except (torch.cuda.OutOfMemoryError, ValueError) as error:
    caught = error
y = gelu(reduce(a(b(c(torch.ones(1))))))
t = torch.jit.trace(torch.nn.Identity(), torch.ones(1))
v = torch.jit.annotate(list, [])
"""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, scope)
    assert scope["unwrapped"] is False and str(scope["caught"]) == "mine"
    assert scope["y"].item() == pytest.approx(0.8458, abs=1e-4)
    assert scope["dist"].ReduceOp.SUM is scope["dist"].ReduceOp.SUM
    assert scope["dist"].ReduceOp.SUM is not scope["dist"].ReduceOp.MAX
    with pytest.raises(NotImplementedError, match=r"jit\.ScriptModule isn't offered"):
        scope["Scripted"]()
    with pytest.warns(DeprecationWarning, match="no TorchScript"):
        assert tg.__getattr__("jit").script(len) is len


def test_frequencies_are_arranged_as_pytorch_does(torch: Any) -> None:
    calls = """fftfreq(5); fftfreq(6, 0.5); rfftfreq(5); rfftfreq(6, d=2.0); fftshift(m.arange(5));
    fftshift(m.arange(12).reshape(3, 4)); ifftshift(m.arange(5)); fftfreq(4, dtype=m.float64);
    ifftshift(m.arange(12).reshape(3, 4), dim=1); fftshift(m.arange(6).reshape(2, 3), (0,))"""
    for call in calls.split(";"):
        ours, theirs = (repr(eval(f"m.fft.{call.strip()}", {"m": m})) for m in (tg, torch))
        assert ours == theirs, call


def test_methods_that_need_another_device_or_dtype_say_so() -> None:
    x, model = tg.ones(2), nn.Linear(1, 1)
    for call in (
        lambda: x.cuda(),
        lambda: x.to("cuda"),
        lambda: model.cuda(),
        lambda: model.to("cuda"),
        lambda: tg.ones(2, device="cuda"),
        lambda: x.to(tg.device("mps")),
    ):
        with pytest.raises(RuntimeError, match="not available"):
            call()
    for call in (lambda: x.bfloat16(), lambda: model.bfloat16(), lambda: x.to(tg.complex64)):
        with pytest.raises(TypeError, match=r"bfloat16|complex64"):
            call()
    with pytest.raises(NotImplementedError, match="share_memory"):
        model.share_memory()
    for call, hint in ((lambda: x.to_sparse(), "dense"), (lambda: model.xpu(), "no attribute")):
        with pytest.raises(AttributeError, match=hint):
            call()


def test_writers_for_tensorboard_are_missing_as_where_it_is_not_installed() -> None:
    with pytest.raises(ImportError, match="tensorboardX"):
        exec("from tinygrad_mnist.utils.tensorboard import SummaryWriter")


def test_names_that_pytorch_lacks_too_have_no_hint() -> None:
    for owner in (tg, nn, nn.functional, tg.linalg, tg.ones(1), nn.Linear(1, 1)):
        with pytest.raises(AttributeError, match=r"no attribute 'foo'$"):
            _ = owner.foo
    with pytest.raises(ModuleNotFoundError, match="foo"):
        importlib.import_module("tinygrad_mnist.foo")
