"""Runs on a running dask.distributed cluster. Only the sweep's own process touches the store."""

from __future__ import annotations

import asyncio
import importlib
import logging
import queue
import time
from typing import Any

from cgro_theory.errors import CgroError, InvalidInput
from cgro_theory.sweep.store import Finished
from cgro_theory.sweep.worker import Job, describe, execute

AHEAD = 2
"""Jobs in flight per thread of the cluster: one to do, one on its way."""

CONNECT_SECONDS = 20


class LostCluster(CgroError):
    """The cluster cannot do runs any more: its scheduler went away, or its workers cannot load the library."""

    exit_code = 4

    def __init__(self, address: str, why: str) -> None:
        message = f"the cluster at {address} gave up ({why}); what was finished is kept"
        super().__init__(message)


class Cluster:
    """Sends jobs to the workers of a dask.distributed scheduler, which may come and go.

    A job whose worker is lost is repeated on another one, by the scheduler; one that has lost more workers
    than the scheduler allows is recorded as failed. Raises :class:`InvalidInput` when the package is not
    installed or no scheduler answers at ``address``.
    """

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = importlib.import_module("distributed")
        except ImportError as error:
            allowed = "used with the extra installed: pip install 'cgro-theory[cluster]'"
            raise InvalidInput("--scheduler", address, allowed) from error
        # When the scheduler goes, this logger shows a traceback; the sweep says the same in a line.
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
        self._address = address
        try:
            self._client: Any = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput("--scheduler", address, "the address of a running dask scheduler") from error
        self._killed_worker: type[Exception] = distributed.KilledWorker
        self._jobs: dict[Any, tuple[Job, float]] = {}
        self._ended: queue.SimpleQueue[Any] = queue.SimpleQueue()

    @property
    def slots(self) -> int:
        """Threads of all workers that are there now; at least one, so that jobs wait for the first worker."""
        try:
            return max(1, int(sum(self._client.nthreads().values())))
        except (OSError, TimeoutError, RuntimeError) as error:
            raise LostCluster(self._address, describe(error)) from error

    @property
    def free(self) -> int:
        """Room for jobs, by the workers that are there now."""
        return max(0, AHEAD * self.slots - len(self._jobs))

    def submit(self, job: Job) -> None:
        """Send the job. ``pure=False``: the store remembers results, the scheduler need not."""
        future = self._client.submit(execute, job, pure=False)
        self._jobs[future] = (job, time.perf_counter())
        future.add_done_callback(self._ended.put)

    def wait(self, timeout: float) -> list[Finished]:
        """Runs that ended; :class:`LostCluster` when no more will."""
        if self._client.status not in ("running", "connecting"):
            raise LostCluster(self._address, "no connection to the scheduler")
        finished: list[Finished] = []
        try:
            finished.append(self._collect(self._ended.get(timeout=timeout)))
            while True:
                finished.append(self._collect(self._ended.get_nowait()))
        except queue.Empty:
            return finished

    def _collect(self, future: Any) -> Finished:
        job, started = self._jobs[future]
        if future.status == "cancelled" or self._client.status != "running":
            raise LostCluster(self._address, "no connection to the scheduler")  # which cancels everything
        try:
            found: Finished = future.result()
        except self._killed_worker as error:
            seconds = time.perf_counter() - started
            found = Finished(job.cell, None, f"the cluster gave up: {describe(error)}", seconds)
        except (Exception, asyncio.CancelledError) as error:  # a run's own exceptions come back as results
            raise LostCluster(self._address, describe(error)) from error
        del self._jobs[future]
        future.release()
        return found

    def close(self) -> None:
        """Forget the jobs on their way; the cluster itself stays."""
        self._client.cancel(list(self._jobs))
        self._jobs = {}
        self._client.close(timeout=5)
