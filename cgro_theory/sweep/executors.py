"""Who does the runs: this process, or local worker processes. (A cluster's workers: :mod:`cluster`.)"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Protocol

from cgro_theory.interrupts import held_back
from cgro_theory.sweep.store import Finished
from cgro_theory.sweep.worker import Job, execute

MAX_DEATHS = 3
"""A run during which this many workers have died is recorded as failed, so that it cannot stop the sweep."""


class Executor(Protocol):
    """Takes jobs while it has ``free`` room, and hands back their runs as they end."""

    @property
    def slots(self) -> int:
        """How many jobs it works on at once."""

    @property
    def free(self) -> int:
        """How many more jobs it takes now."""

    def submit(self, job: Job) -> None:
        """Take a job; only while ``free`` > 0."""

    def wait(self, timeout: float) -> list[Finished]:
        """Runs that ended, after at most ``timeout`` seconds without any. (In process: the run itself.)"""

    def close(self) -> None:
        """Stop at once, whatever is running."""


class InProcess:
    """Does one job at a time, in this process."""

    slots = 1

    def __init__(self) -> None:
        self._job: Job | None = None

    @property
    def free(self) -> int:
        """One, unless a job is waiting."""
        return 1 if self._job is None else 0

    def submit(self, job: Job) -> None:
        """Remember the job until :meth:`wait`."""
        self._job = job

    def wait(self, timeout: float) -> list[Finished]:
        """Do the job."""
        job, self._job = self._job, None
        return [execute(job)] if job is not None else []

    def close(self) -> None:
        """Nothing runs between calls."""
        self._job = None


@dataclass
class _Worker:
    """A process and our end of its pipe; ``deaths``: workers that died over ``job`` before this one."""

    process: SpawnProcess
    pipe: Connection
    job: Job | None = None
    deaths: int = 0


class LocalProcesses:
    """Does jobs in ``workers`` processes of this machine. A worker that dies is replaced and its job repeated."""

    def __init__(self, workers: int) -> None:
        self.slots = workers
        self._context = multiprocessing.get_context("spawn")
        self._workers: list[_Worker] = []

    @property
    def free(self) -> int:
        """How many workers are idle or not yet started."""
        return self.slots - sum(worker.job is not None for worker in self._workers)

    def submit(self, job: Job) -> None:
        """Give the job to an idle worker, started now when there is none."""
        idle = next((worker for worker in self._workers if worker.job is None), None)
        if idle is None:
            with held_back():
                idle = self._start()
                self._workers.append(idle)
        self._give(idle, job)

    def wait(self, timeout: float) -> list[Finished]:
        """The runs of the workers that answered; deaths are dealt with on the way."""
        ready = wait([worker.pipe for worker in self._workers if worker.job is not None], timeout)
        finished: list[Finished] = []
        for worker in list(self._workers):
            if worker.pipe in ready and worker.job is not None:
                try:
                    finished.append(worker.pipe.recv())
                    worker.job, worker.deaths = None, 0
                except (EOFError, OSError):
                    finished += self._bury(worker)
        return finished

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []

    def _give(self, worker: _Worker, job: Job) -> None:
        worker.job = job
        with contextlib.suppress(OSError):  # it died while idle: wait() reads the end of its pipe
            worker.pipe.send(job)

    def _bury(self, worker: _Worker) -> list[Finished]:
        worker.process.join(5.0)
        worker.pipe.close()
        self._workers.remove(worker)
        job, deaths = worker.job, worker.deaths + 1
        if job is None:
            return []
        if deaths >= MAX_DEATHS:
            how = _how_it_died(worker.process.exitcode)
            return [Finished(job.cell, None, f"the worker process died {deaths} times over this run ({how})", 0.0)]
        with held_back():
            successor = self._start()
            successor.deaths = deaths
            self._workers.append(successor)
        self._give(successor, job)
        return []

    def _start(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        with _workers_environment():
            process.start()
        theirs.close()
        return _Worker(process, ours)


def _how_it_died(code: int | None) -> str:
    if code is None or code >= 0:
        return f"exit code {code}"
    return f"killed by {signal.Signals(-code).name}; out of memory?"


@contextlib.contextmanager
def _workers_environment() -> Iterator[None]:
    """What a new worker inherits: one thread per numeric library."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection) -> None:
    """A worker's life: jobs in, finished runs out, until the sweep's end of the pipe closes."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            job = pipe.recv()
            pipe.send(execute(job))
        except (EOFError, OSError):
            return
