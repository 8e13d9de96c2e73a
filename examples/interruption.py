"""How an example ends by Ctrl-C while it is still importing: with one clear line.

Imported before anything that takes time to import; later ``experiment.one_line_errors`` says it.
"""

from __future__ import annotations

import sys
import warnings
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
