"""Run every experiment of the report on the full data, and write one page of results.

    python -m examples.reproduce --data FOLDER

What is finished is kept in the output folder as it comes: started again with the same options, the
command goes on where it was stopped. The page shows all that is finished, also where only some
experiments were asked for. Networks are trained side by side, one on each core, with
three seeds; grids with one seed, and their best cells with two more.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import json
import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grid
import joblib
import numpy as np
import results_page
import scipy
from tqdm import tqdm

from tinygrad_mnist.datasets import Digits
from tinygrad_mnist.experiment import (
    ExperimentError,
    HelpFormatter,
    load,
    one_line_errors,
    positive,
    try_folder,
    write,
)

SEEDS = (0, 1, 2)
JOB = "--job"
"""How this script is asked, by itself, for a single run."""


@dataclass(frozen=True)
class Experiment:
    """An experiment: its number, the module of its example, and how it is run."""

    number: str
    module: str
    kind: str
    """``alone``: once, with all cores; ``seeds``: a training per seed; ``grid``: one per cell."""
    options: tuple[str, ...] = ()
    seeds: tuple[int, ...] = SEEDS
    variant: str = ""


EXPERIMENTS = (
    Experiment("E1", "data", "alone"),
    Experiment("E2", "gaussian", "alone"),
    Experiment("E3", "nearest_neighbour", "alone"),
    Experiment("E4", "logistic", "alone", ("--mapping", "right"), variant="right"),
    Experiment("E4", "logistic", "alone", ("--mapping", "report"), variant="report"),
    # The report seeds this one, with 138.
    Experiment("E5", "two_layer", "seeds", seeds=(138, 1, 2)),
    Experiment("E6", "mlp", "seeds"),
    Experiment("E7", "initialisation", "grid"),
    Experiment("E8", "regularisation", "grid"),
    Experiment("E9", "optimizers", "grid"),
    Experiment("E10", "softmax_regression", "seeds"),
    Experiment("E11", "mlp_sigmoid", "seeds"),
    Experiment("E12", "sequential", "seeds"),
)


@dataclass(frozen=True)
class Job:
    """One run: an example with a seed, or a cell of a grid with a seed."""

    name: str
    module: str
    settings: dict[str, Any]
    """The things that the figures depend on: they are kept as long as this stays the same."""
    arguments: Sequence[str]
    cell: grid.Cell | None = None


def jobs_of(experiment: Experiment, args: argparse.Namespace) -> list[Job]:
    """Return the runs of an experiment, but for those that depend on which cell is best."""
    if experiment.kind == "grid":
        cells = importlib.import_module(experiment.module).CELLS
        return [_job(experiment, args, SEEDS[0], cell) for cell in cells]
    seeds = (0,) if experiment.kind == "alone" else experiment.seeds
    return [_job(experiment, args, seed) for seed in seeds]


def _job(
    experiment: Experiment, args: argparse.Namespace, seed: int, cell: grid.Cell | None = None
) -> Job:
    name = "-".join(
        [experiment.number, *filter(None, [experiment.variant]),
         *(str(value) for value in (cell or {}).values()), f"seed{seed}"]
    )  # fmt: skip
    options = [*experiment.options, "--dataset", args.dataset, "--seed", str(seed)]
    if args.epochs is not None and experiment.kind != "alone":
        options += ["--epochs", str(args.epochs)]
    settings = {
        "module": experiment.module, "options": options, "cell": cell, "data": args.fingerprint,
    }  # fmt: skip
    places = ["--out", str(args.out / "runs" / name)]
    if args.data is not None:
        places += ["--data", str(args.data)]
    return Job(name, experiment.module, settings, (*options, *places), cell)


class Kept:
    """The finished runs, a file each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def get(self, job: Job) -> dict[str, Any] | None:
        """Return what the job gave, if it was finished with the same settings."""
        try:
            record = json.loads((self.folder / f"{job.name}.json").read_text())
        except (OSError, ValueError):
            return None
        if not isinstance(record, dict) or record.get("settings") != job.settings:
            return None
        return record.get("figures")

    def put(self, job: Job, figures: dict[str, Any]) -> None:
        """Keep what a job gave."""
        record = {"settings": job.settings, "figures": figures}
        write(self.folder / f"{job.name}.json", json.dumps(record))

    def spend(self, seconds: float) -> float:
        """Add to the time that everything took, whenever it ran; return the sum."""
        path = self.folder / "seconds.txt"
        with contextlib.suppress(OSError, ValueError):
            seconds += float(path.read_text())
        write(path, f"{seconds}\n")
        return seconds


def work(job: Job, kept: Kept) -> None:
    """Run a job in this process, and keep its figures."""
    module = importlib.import_module(job.module)
    if job.cell is None:
        figures = module.main(list(job.arguments))
    else:
        args = grid.options(None, module.EPOCHS, module.BATCH_SIZE, list(job.arguments))
        load(args)
        figures = grid.train(module.build, job.cell, args, args.seed)
    kept.put(job, figures)


def end_with_parent() -> None:
    """End this process when the one that started it ends, in whatever way.

    The other end of standard input is open as long as that one lives.
    """

    def wait() -> None:
        os.read(0, 1)  # not sys.stdin.read, whose lock this thread would hold at the exit
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Refuse to work in a folder in which another reproduction is at work."""
    with open(folder / ".lock", "w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except ImportError:  # there is none on Windows
            pass
        except BlockingIOError:
            raise ExperimentError(
                f"another reproduction is at work in {folder}; wait for it, or give another --out"
            ) from None
        yield


class Children:
    """Runs of jobs in processes of their own, which end with this one."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._for_them, self._mine = os.pipe()  # nothing is written: it closes when this one ends
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, job: Job, threads: int) -> Job:
        """Run a job; what it prints goes into a file beside its pictures."""
        log = self._kept.folder / f"{job.name}.log"
        command = [sys.executable, __file__, JOB, json.dumps(asdict(job)), str(self._kept.folder)]
        environment = os.environ | {"OMP_NUM_THREADS": str(threads)}
        with open(log, "w") as output:
            with self._lock:
                if self._stopped:
                    return job
                # In a session of its own, so that Ctrl-C is for the one who waits for it.
                process = subprocess.Popen(
                    command, stdin=self._for_them, stdout=output, stderr=subprocess.PIPE,
                    text=True, env=environment, start_new_session=True,
                )  # fmt: skip
                self._running.add(process)
            _, errors = process.communicate()
        with self._lock:
            self._running.discard(process)
        if process.returncode and not self._stopped:
            last = (errors.strip().splitlines() or ["no word"])[-1]
            if "Traceback" in errors:  # of a bug, which is found by its line
                sys.stderr.write(errors)
            raise ExperimentError(f"{job.name} failed: {last.removeprefix('error: ')}")
        return job

    def stop(self) -> None:
        """End what is running, and start nothing more."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                process.terminate()
            os.close(self._for_them)
            os.close(self._mine)


def run(jobs: Sequence[Job], kept: Kept, bar: tqdm, workers: int) -> None:
    """Run what isn't kept yet, so many side by side."""
    missing = [job for job in jobs if kept.get(job) is None]
    bar.update(len(jobs) - len(missing))
    last = time.perf_counter()
    children = Children(kept)
    threads = max(1, joblib.cpu_count() // workers)
    # A thread waits for each process.
    workers = max(1, min(workers, len(missing)))
    parallel = joblib.Parallel(workers, backend="threading", return_as="generator_unordered")
    try:
        for job in parallel(joblib.delayed(children.run)(job, threads) for job in missing):
            kept.spend(time.perf_counter() - last)
            last = time.perf_counter()
            bar.set_postfix_str(f"{job.name} done")
            bar.update()
    finally:
        children.stop()


def options(arguments: list[str] | None) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.reproduce", description=__doc__, formatter_class=HelpFormatter
    )
    numbers = list(dict.fromkeys(experiment.number for experiment in EXPERIMENTS))
    parser.add_argument(
        "experiments", nargs="*", metavar="E", help=f"which: {', '.join(numbers)}; all, if none"
    )
    parser.add_argument(
        "--dataset", choices=["mnist", "sample"], default="mnist",
        help="all of MNIST, or 5,000 embedded digits, which each script by itself takes",
    )  # fmt: skip
    parser.add_argument(
        "--data", type=Path, default=None,
        help="folder with the four IDX files (else $TINYGRAD_MNIST_DATA, else download)",
    )  # fmt: skip
    parser.add_argument(
        "--out", type=Path, default=Path("out/reproduction"), help="folder for what is finished"
    )
    parser.add_argument(
        "--page", type=Path, default=None,
        help="folder for results.md and its pictures; else the output folder",
    )  # fmt: skip
    parser.add_argument(
        "--jobs", type=positive, default=joblib.cpu_count(), help="runs side by side"
    )
    parser.add_argument("--epochs", type=positive, default=None, help="fewer, for a try")
    args = parser.parse_args(arguments)
    for number in args.experiments:
        if number not in numbers:
            parser.error(f"there is no experiment {number}; there are {', '.join(numbers)}")
    return args


def machine() -> dict[str, str]:
    """Describe what the figures were measured on."""
    model = platform.processor() or platform.machine()
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
    }


def collect(
    experiments: Sequence[Experiment], kept: Kept, args: argparse.Namespace
) -> dict[str, Any]:
    """Gather the figures of all experiments; grids get their pictures and their best cell."""
    figures: dict[str, Any] = {}
    for experiment in experiments:
        key = "-".join(filter(None, [experiment.number, experiment.variant]))
        results = [kept.get(job) for job in jobs_of(experiment, args)]
        if experiment.kind == "alone":
            figures[key] = results[0]
        elif experiment.kind == "seeds":
            figures[key] = {"runs": results}
        else:
            folder = args.out / "runs" / experiment.number
            folder.mkdir(parents=True, exist_ok=True)
            module = importlib.import_module(experiment.module)
            given = _job(experiment, args, SEEDS[0], {}).arguments
            inner = grid.options(None, module.EPOCHS, module.BATCH_SIZE, list(given))
            inner.out = folder
            with open(folder / "log.txt", "w") as log, contextlib.redirect_stdout(log):
                figures[key] = module.present(results, inner)
            best = [kept.get(job) for job in best_jobs(experiment, kept, args)]
            figures[key]["runs"] = [
                {name: value for name, value in run.items() if name != "test_predictions"}
                for run in [grid.best_of(results), *best]
            ]
    return figures


def best_jobs(experiment: Experiment, kept: Kept, args: argparse.Namespace) -> list[Job]:
    """Return the further runs of a grid's best cell."""
    best = grid.best_of([kept.get(job) for job in jobs_of(experiment, args)])
    return [_job(experiment, args, seed, best["cell"]) for seed in SEEDS[1:]]


def finished(experiment: Experiment, kept: Kept, args: argparse.Namespace) -> bool:
    """Whether all runs of an experiment are kept, so that it can stand on the page."""
    if any(kept.get(job) is None for job in jobs_of(experiment, args)):
        return False
    further = best_jobs(experiment, kept, args) if experiment.kind == "grid" else []
    return all(kept.get(job) is not None for job in further)


def fingerprint(digits: Digits) -> str:
    """Return a checksum of images and labels: runs on other data are not taken for these."""
    return hashlib.sha256(b"".join(array.tobytes() for array in digits)).hexdigest()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run what isn't finished yet, and write figures and page."""
    args = options(arguments)
    page = args.page or args.out
    # What is wrong with folders and data is said before anything starts.
    digits = load(argparse.Namespace(**vars(args), json=None, seed=0))
    args.fingerprint = fingerprint(digits)
    try_folder(page / "results")
    with only_one(args.out):
        return reproduce(args, page)


def reproduce(args: argparse.Namespace, page: Path) -> dict[str, Any]:
    """Run what isn't finished yet, and write figures and page."""
    kept = Kept(args.out / "finished")
    chosen = [e for e in EXPERIMENTS if not args.experiments or e.number in args.experiments]
    grids = [e for e in chosen if e.kind == "grid"]
    alone = [job for e in chosen if e.kind == "alone" for job in jobs_of(e, args)]
    beside = [job for e in chosen if e.kind != "alone" for job in jobs_of(e, args)]
    total = len(alone) + len(beside) + len(grids) * len(SEEDS[1:])
    start = time.perf_counter()
    with tqdm(total=total, unit="run", desc="experiments") as bar:
        run(alone, kept, bar, 1)
        run(beside, kept, bar, args.jobs)
        run([job for e in grids for job in best_jobs(e, kept, args)], kept, bar, args.jobs)
    figures = {
        "dataset": args.dataset,
        "epochs": args.epochs,
        "machine": machine(),
        "wall_seconds": kept.spend(0.0),
        "experiments": collect(
            [e for e in EXPERIMENTS if e in chosen or finished(e, kept, args)], kept, args
        ),
    }
    results_page.write(figures, args.out / "runs", page)
    print(
        f"{total} runs, {time.perf_counter() - start:.0f} s this time\n"
        f"written: {page / 'results.md'}, {page / 'results' / 'figures.json'}"
    )
    return figures


if __name__ == "__main__":
    with one_line_errors():
        if sys.argv[1:2] == [JOB]:
            end_with_parent()
            work(Job(**json.loads(sys.argv[2])), Kept(Path(sys.argv[3])))
        else:
            main()
