"""The loop of a sweep: claim what is left, hand it to an executor, keep what comes back, say how far it is."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from cgro_theory.sweep.cell import Cell
from cgro_theory.sweep.executors import Executor
from cgro_theory.sweep.run_kind import RunKind
from cgro_theory.sweep.store import Exchange, Finished, Store
from cgro_theory.sweep.worker import Job

POLL_SECONDS = 1.0
"""How often runs that another session holds are asked for again, and progress is reported at the least."""

SHORT_SECONDS = 10.0
"""Runs that take less than this on average are claimed one ahead per slot."""


@dataclass(frozen=True)
class SweepProgress:
    """How far a sweep is.

    Attributes:
        total: runs of the grid.
        done, failed: how many of them are settled, whoever settled them.
        held: runs that another process on the same store is doing.
        executed: runs that this process has seen to their end.
        seconds_left: estimate from this session's pace so far; None before there is one.
    """

    total: int
    done: int
    failed: int
    held: int
    executed: int
    seconds_left: float | None


ReportProgress = Callable[[SweepProgress], None]


class Sweep:
    """One session's work on the runs of a grid. ``run`` returns when all are settled.

    Args:
        kind: of all cells.
        cells: the grid's runs.
        store: open, with a session begun.
        executor: who does the runs; the caller closes it.
        retry_failed: also do again what failed in earlier sessions.
        progress: called after every change and at least about every second while runs are on their way.
    """

    def __init__(
        self,
        kind: RunKind,
        cells: Sequence[Cell],
        store: Store,
        executor: Executor,
        *,
        retry_failed: bool = False,
        progress: ReportProgress | None = None,
    ) -> None:
        self._kind, self._store, self._executor = kind, store, executor
        self._retry_failed, self._progress = retry_failed, progress
        self._total = len(cells)
        self._held: list[Cell] = []
        self._claimed: deque[Cell] = deque()
        self._finished: list[Finished] = []
        self._written: tuple[list[Finished], Future[Exchange]] | None = None
        self._running = self._executed = self._done = self._failed = 0
        self._spent = 0.0
        self._started = self._asked = time.monotonic()
        records, todo = store.records(), []
        for cell in cells:
            record = records.get(cell.identity)
            if record is not None and record.state == "done":
                self._done += 1
            elif record is not None and record.state == "failed" and not retry_failed:
                self._failed += 1
            else:
                todo.append(cell)
        self._queue = deque(todo)

    @property
    def status(self) -> SweepProgress:
        """How far it is now."""
        left = self._total - self._done - self._failed
        seconds = None
        if self._executed:
            seconds = (time.monotonic() - self._started) / self._executed * left
        return SweepProgress(self._total, self._done, self._failed, len(self._held), self._executed, seconds)

    def run(self) -> SweepProgress:
        """Work until every run is done or failed, here or by another session.

        The store is written by a thread of its own while runs go on: a commit waits for the disk several times.
        However this ends, what is finished is kept.
        """
        self._report()
        with ThreadPoolExecutor(1) as writer:
            try:
                while (
                    self._queue or self._claimed or self._running or self._finished or self._held or self._written
                ):
                    self._step(writer)
                    self._report()
            finally:
                self._collect()
                if self._finished:
                    self._apply(self._finished, self._store.exchange(self._finished, []))
        return self.status

    def _step(self, writer: ThreadPoolExecutor) -> None:
        if self._written is None:
            self._start_exchange(writer)
        while self._claimed and self._executor.free > 0:
            self._running += 1
            self._executor.submit(Job(self._claimed.popleft(), self._kind.function))
        if self._written is not None and (self._written[1].done() or self._executor.free > 0):
            self._collect()  # nothing better to do than to wait for new claims
        elif self._running:
            ended = self._executor.wait(POLL_SECONDS)
            self._running -= len(ended)
            self._executed += len(ended)
            self._spent += sum(entry.seconds for entry in ended)
            self._finished += ended
        elif self._held and not self._queue:
            time.sleep(POLL_SECONDS)
        if self._held and not self._queue and time.monotonic() - self._asked >= POLL_SECONDS:
            self._asked = time.monotonic()
            self._queue.extend(self._held)
            self._held = []

    def _start_exchange(self, writer: ThreadPoolExecutor) -> None:
        """Hand in what is finished, and claim what there is room for, with one run per slot ahead of need.

        Only short runs are claimed ahead: a long one could be done by another session meanwhile.
        """
        is_short = self._executed > 0 and self._spent / self._executed < SHORT_SECONDS
        room = self._executor.free + (self._executor.slots if is_short else 0) - len(self._claimed)
        wanted = [self._queue.popleft() for _ in range(min(max(room, 0), len(self._queue)))]
        finished, self._finished = self._finished, []
        if finished or wanted:
            found = writer.submit(self._store.exchange, finished, wanted, retry_failed=self._retry_failed)
            self._written = (finished, found)

    def _collect(self) -> None:
        if self._written is not None:
            (finished, future), self._written = self._written, None
            self._apply(finished, future.result())

    def _apply(self, finished: Sequence[Finished], found: Exchange) -> None:
        lost = {cell.identity for cell in found.lost}
        kept = [entry.result is not None for entry in finished if entry.cell.identity not in lost]
        self._done += sum(kept) + len(found.done)
        self._failed += len(kept) - sum(kept) + len(found.failed)
        self._held += [*found.lost, *found.held]
        self._claimed += found.ours

    def _report(self) -> None:
        if self._progress is not None:
            self._progress(self.status)
