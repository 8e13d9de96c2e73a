"""The package in processes of all kinds: optimized ones, and forks at bad moments."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest


def run(code: str, *options: str, limit: float = 60) -> str:
    """Run a program that must end in time and without a warning, and return what it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", *options, "-c", textwrap.dedent(code)],
        capture_output=True, text=True, timeout=limit,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.parametrize("option", ["-O", "-OO"])
def test_package_works_without_assertions_and_docstrings(option: str) -> None:
    out = run(
        """
        import importlib, io, pkgutil
        import tinygrad_mnist as tg
        for module in pkgutil.walk_packages(tg.__path__, "tinygrad_mnist."):
            of_jax = module.name.startswith("tinygrad_mnist.compiler.xla.")
            if module.name != "tinygrad_mnist.utils.tensorboard" and not of_jax:
                importlib.import_module(module.name)
        tg.manual_seed(0)
        net = tg.nn.Sequential(tg.nn.Conv2d(1, 2, 3), tg.nn.ReLU(), tg.nn.Flatten(), tg.nn.Linear(8, 2))
        optimizer = tg.optim.Adam(net.parameters(), lr=0.01)
        x, y = tg.randn(8, 1, 4, 4), tg.arange(8) % 2
        losses = []
        for _ in range(30):
            loss = tg.nn.functional.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        assert_ = [losses[-1] < losses[0]]
        z = tg.randn(3, dtype=tg.float64, requires_grad=True)
        assert_.append(tg.autograd.gradgradcheck(lambda z: z.exp().cumsum(0) * z.sin(), z))
        buffer = io.BytesIO()
        tg.save(net.state_dict(), buffer)
        buffer.seek(0)
        net.load_state_dict(tg.load(buffer))
        batches = tg.utils.data.DataLoader(tg.utils.data.TensorDataset(x), 4, num_workers=1)
        assert_.append(len(list(batches)) == 2)
        try:
            tg.ones(2) @ tg.ones(3)
        except RuntimeError as error:
            assert_.append("matmul" in str(error) or "size" in str(error))
        print(assert_)
        """,
        option,
    )
    assert out == "[True, True, True, True]\n"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
@pytest.mark.parametrize("delay", [0.0, 0.003, 0.01])
def test_fork_during_the_first_convolution_of_a_thread(delay: float) -> None:
    run(
        f"""
        import os, threading, time
        import tinygrad_mnist as tg

        def work():
            tg.nn.functional.conv2d(x, w)
            tg.special.erf(x[0])

        tg.set_num_threads(2)
        x, w = tg.ones(16, 8, 32, 32), tg.ones(8, 8, 3, 3)
        thread = threading.Thread(target=work)
        thread.start()
        time.sleep({delay})
        child = os.fork()
        if child == 0:
            work()
            os._exit(0)
        thread.join()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        """,
        limit=30,
    )
