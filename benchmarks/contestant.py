"""One contestant's process, which knows one framework: it takes a turn for each line it is sent.

Here are no imports of our own before it is known which framework that is.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass

BATCHES = 16
"""How many batches take turns: those of W1 fill 1.6 MB, which is more than a core's cache."""


@dataclass(frozen=True)
class Role:
    """A contestant at one workload."""

    name: str
    who: str
    seconds: float
    """How long a turn takes."""
    threads: int = 0
    """0: none are set."""
    after_convolution: bool = False

    def __str__(self) -> str:
        """Say what it is called in the table."""
        if self.after_convolution:
            return f"{self.who}, after a convolution"
        return self.who if self.threads else f"{self.who}, as installed"

    def play(self) -> None:
        """Take turns when told to."""
        framework = "PyTorch" if self.who == "PyTorch" else "ours"
        if framework == "ours":
            sys.modules["torch"] = None  # type: ignore[assignment]  # our users don't import it
        from benchmarks import training
        from benchmarks.measure import Conditions, count_steps, set_threads, turn

        if self.threads:
            set_threads(self.threads)
        if self.after_convolution:
            tensors = training.FRAMEWORKS[framework]
            tensors.nn.Conv2d(32, 64, 3)(tensors.ones(64, 32, 28, 28))
        benchmark = next(b for b in training.BENCHMARKS if b.name == self.name)
        step = benchmark.make(Conditions(batches=BATCHES))[self.who]
        count = count_steps(step, self.seconds)
        print("ready", flush=True)
        for _ in sys.stdin:
            print(turn(step, count), flush=True)


if __name__ == "__main__":
    Role(**json.loads(sys.argv[1])).play()
