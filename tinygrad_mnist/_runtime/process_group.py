"""Which of several processes this is, for those who ask without knowing how they talk."""

from __future__ import annotations


class ProcessGroup:
    """The processes of a job, as one of them sees it."""

    def __init__(self, rank: int, size: int) -> None:
        self._rank, self._size = rank, size

    def rank(self) -> int:
        """Return the number of this process, from 0."""
        return self._rank

    def size(self) -> int:
        """Return how many processes there are."""
        return self._size


class _Holder:
    group: ProcessGroup | None = None


holder = _Holder()
"""Where ``distributed.init_process_group`` puts the group that there is."""


def present_group() -> ProcessGroup:
    """Return the process group, or say that there is none."""
    if holder.group is None:
        raise ValueError(
            "Default process group has not been initialized, please make sure to call "
            "init_process_group."
        )
    return holder.group
