"""How an example ends when it can't go on: with one clear line.

Imported before anything that takes time to import, so that Ctrl-C ends in one line from the start.
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


sys.excepthook = _hook
# Joblib's, when its workers are stopped: that they are stopped is what was asked for.
warnings.filterwarnings("ignore", message=r"\d+ tasks (have been|which were)")


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one clear line where the world is at fault: a file, a folder, Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(f"\n{WORDS}")
    except (OSError, ImportError, ValueError, RuntimeError) as error:
        sys.exit(f"error: {error}")
