"""Processes that do a room's tasks, one thread each, and that never outlive whoever asked for the work."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from multiprocessing import connection
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, ParamSpec, Self, TypeVar

from cgro_theory.interrupts import held_back
from cgro_theory.theorems.kept_runs import RunStore

Inputs = ParamSpec("Inputs")
Result = TypeVar("Result")
Worker = tuple[SpawnProcess, Connection]

_PATIENCE = 0.5
"""Seconds between two looks at a result that is awaited: on Windows, Ctrl-C does not end a wait by itself."""


class WorkerDied(RuntimeError):
    """A worker process ended before its task did; the message says how."""


class PendingResult(Future[Result]):
    """What a task will return; waiting for it ends at once on Ctrl-C, on every system."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = threading.Lock()
        self._ended.acquire()
        self.add_done_callback(lambda _: self._ended.release())

    def result(self, timeout: float | None = None) -> Result:
        """The task's result, or its exception raised; TimeoutError after so many seconds."""
        # Ctrl-C may leave a Condition locked, that of a Future, too: whoever ends the task would wait for ever.
        end = math.inf if timeout is None else time.monotonic() + timeout
        while not self._ended.acquire(timeout=max(0.0, min(_PATIENCE, end - time.monotonic()))):
            if time.monotonic() >= end:
                raise TimeoutError
        self._ended.release()
        return super().result()


class WorkerPool:
    """Does tasks in at most ``workers`` processes of this machine (default: one per core).

    A context manager: leaving the block, for whatever reason, kills the workers and cancels what is not done, so
    collect the results inside it. Ctrl-C is for the parent alone: the workers ignore SIGINT. They end when the
    parent ends, however it does (also by SIGKILL). Tasks and results are pickled by value; a worker starts like
    a new interpreter, so what it is given must be importable there. Not for use by several threads. What ``kept``
    holds is not done again, and what is done is added to it. A worker that dies fails the task it had; another one
    takes its place. What tasks print goes to standard error.

    Tasks of others' code are ``nested``, which may start processes themselves, or ``light``, which compute nothing
    and for which torch is not imported. On POSIX systems their worker has a session of its own, and all processes
    in it are killed with the worker.
    """

    def __init__(
        self,
        workers: int | None = None,
        *,
        kept: RunStore | None = None,
        nested: bool = False,
        light: bool = False,
    ) -> None:
        self._size = workers or os.cpu_count() or 1
        self._kept = kept
        self._nested, self._light = nested, light
        self._own_session = nested or light
        self._context = multiprocessing.get_context("spawn")
        self._tasks: queue.SimpleQueue[tuple[PendingResult[Any], bytes] | None] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._threads: list[threading.Thread] = []
        self._starting = threading.RLock()
        self._closed = False
        self._noted: list[PendingResult[Any]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(
        self, work: Callable[Inputs, Result], /, *inputs: Inputs.args, **options: Inputs.kwargs
    ) -> PendingResult[Result]:
        """Have ``work(*inputs, **options)`` done. Its exception is raised by the result, a death as WorkerDied."""
        pending: PendingResult[Result] = PendingResult()
        if self._noted is not None:
            self._noted.append(pending)
        task = pickle.dumps((work, inputs, options))
        if self._kept is not None and (answer := self._kept.load(task)) is not None:
            pending.set_result(pickle.loads(answer)[0])
            return pending
        if len(self._threads) < self._size:
            self._closed = False
            with held_back():  # what is begun by halves could not be ended
                thread = threading.Thread(target=self._drive, args=(self._start(),), daemon=True)
                thread.start()
                self._threads.append(thread)
        self._tasks.put((pending, task))
        return pending

    @contextlib.contextmanager
    def noting(self) -> Iterator[list[PendingResult[Any]]]:
        """Yield a list of what is submitted in the block."""
        outer, self._noted = self._noted, []
        try:
            yield self._noted
        finally:
            self._noted = outer

    def close(self) -> None:
        """Kill the workers, whatever they are doing, and cancel what waits."""
        with self._starting:
            self._closed = True
            for process, _ in self._workers:
                self._kill(process)
        with contextlib.suppress(queue.Empty):
            while True:
                task = self._tasks.get_nowait()
                if task is not None:
                    task[0].cancel()
        for _ in self._threads:
            self._tasks.put(None)
        for thread in self._threads:
            thread.join()
        for process, pipe in self._workers:
            process.join()
            pipe.close()
        self._workers, self._threads = [], []

    def _start(self) -> Worker:
        """A new worker."""
        with self._starting:
            ours, theirs = self._context.Pipe()
            options = (self._light, self._own_session)
            process = self._context.Process(target=_serve, args=(theirs, *options), daemon=not self._nested)
            with held_back():
                process.start()
            self._workers.append((process, ours))
            theirs.close()
            return process, ours

    def _replaced(self, dead: Worker) -> Worker:
        """A new worker in the place of ``dead``; ``dead`` where the pool is closed or no process can be had."""
        process, pipe = dead
        self._kill(process)
        pipe.close()
        with self._starting:
            if self._closed:
                return dead
            try:
                worker = self._start()
            except OSError:
                return dead
            self._workers.remove(dead)
            return worker

    def _kill(self, process: SpawnProcess) -> None:
        """Kill the worker, and where it has a session of its own all that is in it."""
        if self._own_session and process.pid and hasattr(os, "killpg"):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        process.kill()

    def _drive(self, worker: Worker) -> None:
        """One worker's tasks, one after another, until the pool closes."""
        while (task := self._tasks.get()) is not None:
            pending, message = task
            if not pending.set_running_or_notify_cancel():
                continue
            process, pipe = worker
            try:
                pipe.send_bytes(message)
                answer = pipe.recv_bytes()
            except (EOFError, OSError):
                pending.set_exception(WorkerDied(_how_it_died(process)))
                worker = self._replaced(worker)  # still the dead one: the next task fails, too, and tries again
                continue
            try:
                value, error = pickle.loads(answer)
                if error is None and self._kept is not None:
                    self._kept.save(message, answer)
            except Exception as problem:  # a result that cannot be unpickled, or kept, here
                value, error = None, problem
            if error is None:
                pending.set_result(value)
            else:
                pending.set_exception(error)


@contextlib.contextmanager
def cancelling(submitted: Iterable[PendingResult[Any]]) -> Iterator[None]:
    """Cancel what waits of ``submitted`` when the block fails: nobody will ask for it."""
    try:
        yield
    except Exception:
        for pending in submitted:
            pending.cancel()
        raise


def _how_it_died(process: SpawnProcess) -> str:
    process.join(5.0)
    code = process.exitcode
    if code is None or code >= 0:
        return f"a worker process ended with exit code {code}"
    return f"a worker process was killed by {signal.Signals(-code).name} (out of memory?)"


def _serve(pipe: Connection, light: bool, own_session: bool) -> None:
    """A worker's life: tasks in, results out, until the parent is gone. Torch is imported with the first task."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if own_session and hasattr(os, "setsid"):
        os.setsid()
    with contextlib.suppress(OSError):  # there may be no standard error
        os.dup2(2, 1)  # standard output holds what the command answers, and nothing else
    sys.stdout = sys.stderr
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(5)  # who judges meanwhile has the core: others wait for it
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))
    if light:
        one_thread: Callable[[], contextlib.AbstractContextManager[None]] = contextlib.nullcontext
    else:
        from cgro_theory.trainer.threads import one_thread

    with contextlib.suppress(EOFError, OSError):
        while True:
            message = pipe.recv_bytes()
            try:
                work, inputs, options = pickle.loads(message)
                with one_thread():
                    answer = pickle.dumps((work(*inputs, **options), None))
            except Exception as error:
                answer = _pickled_failure(error)
            pipe.send_bytes(answer)


def _pickled_failure(error: Exception) -> bytes:
    """The exception with its place, as far as it survives the way to another process."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    error.add_note(f"{place.name}, line {place.lineno}, in a worker process")
    try:
        pickle.loads(pickle.dumps(error))
        return pickle.dumps((None, error))
    except Exception:
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        if hasattr(os, "getpgrp") and os.getpgrp() == os.getpid():  # in a session of its own
            os.killpg(os.getpid(), signal.SIGKILL)
        os._exit(1)
