"""Errors of talking processes, under PyTorch's names."""

from __future__ import annotations


class DistError(RuntimeError):
    """Something between the processes went wrong."""


class DistBackendError(DistError):
    """A collective failed."""


class DistNetworkError(DistError):
    """Another process can't be reached."""
