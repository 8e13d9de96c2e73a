"""How an example ends by Ctrl-C while it is still importing: with one clear line.

Imported before anything that takes time to import; later ``experiment.one_line_errors`` says it.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

WORDS = "interrupted; what was written before is whole"

_others = sys.excepthook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{WORDS}", file=sys.stderr)
    else:
        _others(kind, error, trace)


@contextmanager
def deaf_processes() -> Iterator[None]:
    """Start processes of joblib's that Ctrl-C doesn't reach, from their first instruction on.

    They are for this process to end; by themselves each would end with a traceback. This process
    hears of a Ctrl-C when the context is left, at the latest.
    """
    import importlib
    import signal

    if not hasattr(signal, "pthread_sigmask"):  # on Windows
        yield
        return
    for package in ("multiprocessing", "joblib.externals.loky.backend"):
        # They would be started in the context, and some versions of them end what it is for.
        importlib.import_module(f"{package}.resource_tracker").ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


sys.excepthook = _hook
# Joblib's, when its workers are stopped: that they are stopped is what was asked for.
warnings.filterwarnings("ignore", message=r"\d+ tasks (have been|which were)")
