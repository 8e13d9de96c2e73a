"""How an experiment ends when it can't go on: in one line, or with a traceback for a bug."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


class ExperimentError(ValueError):
    """An experiment can't go on for a reason outside of its code: an option, a file, the data."""


@contextmanager
def one_line_errors() -> Iterator[None]:
    """End with one clear line where options, files or Ctrl-C are the reason.

    That is an ``ExperimentError``, an ``OSError`` or a ``KeyboardInterrupt``. Any other exception
    is a bug, such as shapes that don't fit, and keeps its traceback.

    Raises
    ------
    SystemExit
        With the line.

    Examples
    --------
    >>> from tinygrad_mnist.experiment import one_line_errors
    >>> with one_line_errors():
    ...     open("/nowhere/digits")
    Traceback (most recent call last):
    SystemExit: error: [Errno 2] No such file or directory: '/nowhere/digits'
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; what was written before is whole")
    except (OSError, ExperimentError) as error:
        sys.exit(f"error: {error}")
