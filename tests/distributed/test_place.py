"""Which process this is, as launchers say it."""

from __future__ import annotations

import pytest

from tinygrad_mnist.distributed.place import Place, find, first_host

TORCHRUN = {
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "MASTER_ADDR": "10.0.0.1",
    "MASTER_PORT": "1234",
}  # fmt: skip
SLURM = {
    "SLURM_JOB_ID": "4711", "SLURM_STEP_ID": "0", "SLURM_PROCID": "5", "SLURM_NTASKS": "8",
    "SLURM_LOCALID": "1", "SLURM_STEP_NODELIST": "node[07-09,12],other",
}  # fmt: skip
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "2",
}  # fmt: skip


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        (TORCHRUN, Place(3, 4, 1, "10.0.0.1", 1234)),
        (SLURM, Place(5, 8, 1, "node07", 24711)),
        (SLURM | {"SLURM_STEP_ID": "2"}, Place(5, 8, 1, "node07", 24905)),
        (SLURM | {"MASTER_ADDR": "a", "MASTER_PORT": "9"}, Place(5, 8, 1, "a", 9)),
        (SLURM | {"SLURM_STEP_NUM_TASKS": "6"}, Place(5, 6, 1, "node07", 24711)),
        (OPEN_MPI, Place(1, 2, 1, "127.0.0.1", 29500)),
        (SLURM | OPEN_MPI, Place(1, 2, 1, "127.0.0.1", 29500)),
        (SLURM | OPEN_MPI | TORCHRUN, Place(3, 4, 1, "10.0.0.1", 1234)),
    ],
)
def test_launchers_are_understood(environment: dict[str, str], place: Place) -> None:
    assert find("env://", -1, -1, environment) == place


def test_arguments_count_more_than_the_environment() -> None:
    assert find("tcp://[::1]:77", 1, 9, TORCHRUN) == Place(1, 9, 1, "::1", 77)
    assert find("tcp://host:77", 1, 2, {}) == Place(1, 2, 1, "host", 77)
    assert find("env://", 0, 1, {}) == Place(0, 1, 0, "", 29500)


@pytest.mark.parametrize(
    ("given", "environment", "words"),
    [
        (("env://", -1, -1), {}, "RANK expected, but not set: start the script by"),
        (("env://", 1, -1), {}, "WORLD_SIZE expected.*give world_size"),
        (("env://", 0, 2), {}, "MASTER_ADDR expected"),
        (("env://", -1, -1), {"RANK": "one"}, "RANK is 'one', not a number"),
        (("env://", 2, 2), {}, "rank 2 isn't one of 2 processes"),
        (("env://", -1, -1), OPEN_MPI | {"OMPI_COMM_WORLD_LOCAL_SIZE": "1"}, "MASTER_ADDR"),
        (("file:///tmp/x", 0, 1), {}, "isn't offered; use env:// or tcp://host:port"),
        (("tcp://host", 0, 1), {}, "should be tcp://host:port"),
        # A batch script of Slurm's is no task of a step, though it sees the number of tasks.
        (("env://", -1, -1), {"SLURM_PROCID": "0", "SLURM_NTASKS": "4"}, "RANK expected"),
    ],
)
def test_what_is_missing_is_named(
    given: tuple[str, int, int], environment: dict[str, str], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        find(*given, environment)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("a", "a"),
        ("a,b", "a"),
        ("n[1-3]", "n1"),
        ("n[01,3],b", "n01"),
        ("r[2-4]n[08-10],x", "r2n08"),
    ],
)
def test_the_first_host_of_slurms_lists(nodes: str, first: str) -> None:
    assert first_host(nodes) == first
