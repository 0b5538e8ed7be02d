"""``cgro sweep``: any kind of run over a grid, in a store that outlives whoever works on it (docs/sweeps.md)."""

from __future__ import annotations

import contextlib
import json
import platform
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from cgro_theory.atomic_file import require_makeable, require_outputs
from cgro_theory.claims import ExitCode
from cgro_theory.commands.console import duration, progress_reporter
from cgro_theory.commands.declared_options import WORKERS
from cgro_theory.commands.layout import columns, put, wrapped
from cgro_theory.commands.sweep_kinds import KINDS
from cgro_theory.commands.sweep_progress import describe_progress
from cgro_theory.errors import InvalidInput, require_installed, require_integer
from cgro_theory.sweep.cluster import Cluster, LostCluster
from cgro_theory.sweep.driver import Sweep, SweepProgress
from cgro_theory.sweep.executors import Executor, InProcess, LocalProcesses
from cgro_theory.sweep.grid import Grid, load_grid
from cgro_theory.sweep.run_kind import RunKind
from cgro_theory.sweep.store import INDEX, RESULTS, Store
from cgro_theory.sweep.table import damaged, write_table

STOPPED = 130
_SHOWN_FAILURES = 20


@dataclass(frozen=True)
class SweepRequest:
    """What ``cgro sweep`` was asked for; see its options."""

    grid: Path
    store: Path | None = None
    workers: int = 0
    scheduler: str | None = None
    retry_failed: bool = False
    rerun_damaged: bool = False
    dry_run: bool = False
    status: bool = False
    check: bool = False
    table: Path | None = None
    quiet: bool = False

    @property
    def folder(self) -> Path:
        """The store's folder: ``GRID.sweep`` beside the grid, unless given."""
        return self.store if self.store is not None else self.grid.with_suffix(".sweep")


def run_sweep(request: SweepRequest, kinds: Mapping[str, RunKind] = KINDS) -> int:
    """Do what was asked; return 0; 3: runs failed or results are damaged, 4: the cluster was lost, 130: stopped.

    Raises :class:`~cgro_theory.errors.CgroError` for invalid options, grids and stores.
    """
    _check(request)
    only_looks = request.status or request.check
    # A scheduler's workers are other machines; what is looked at may have been done by one.
    to_run = request.scheduler is None and (request.dry_run or not only_looks)
    grid = load_grid(request.grid, kinds, to_run=to_run)
    require_outputs({"--table": request.table}, inputs={"the grid": request.grid})
    if not (request.status or request.check):
        require_makeable(request.folder)
    if request.dry_run or request.status or request.check:
        return _look(request, grid)
    if request.scheduler is None:
        require_installed("torch")
    with Store(request.folder, create=True) as store:
        if store.indexed_again:
            _say(
                request, f"the index was missing: {store.indexed_again:,} finished results found and indexed again"
            )
        if request.rerun_damaged:
            broken = damaged(grid, store)
            for _, reason in broken:
                _say(request, f"running again: {reason}")
            store.reopen([cell for cell, _ in broken])
        try:
            with _terminable():
                end = _work(request, grid, store)
        except KeyboardInterrupt:
            store.close()
            return _stopped(request, grid, "stopped", STOPPED)
        except LostCluster as lost:
            store.close()
            return _stopped(request, grid, str(lost), lost.exit_code)
        if not request.quiet:
            put(_summary(grid, end))
            if end.failed:
                print(f"  why: cgro sweep {shlex.quote(str(request.grid))}{_store_option(request)} --status")
        _write_table(request, grid, store)
    return ExitCode.INCONCLUSIVE if end.failed else ExitCode.PASSED


def _check(request: SweepRequest) -> None:
    require_integer("--workers", request.workers, 0, int(WORKERS.high))
    if request.workers and request.scheduler is not None:
        raise InvalidInput("--scheduler", request.scheduler, "given without --workers")


def _work(request: SweepRequest, grid: Grid, store: Store) -> SweepProgress:
    executor = _executor(request)
    try:
        store.begin_session(_environment(request))
        with progress_reporter(request.quiet) as show:

            def progress(status: SweepProgress) -> None:
                settled = (status.done + status.failed) / max(status.total, 1)
                show(grid.name, settled, describe_progress(status))

            sweep = Sweep(
                grid.kind,
                grid.cells,
                store,
                executor,
                retry_failed=request.retry_failed,
                progress=progress,
            )
            return sweep.run()
    finally:
        executor.close()


def _executor(request: SweepRequest) -> Executor:
    if request.scheduler is not None:
        return Cluster(request.scheduler)
    return LocalProcesses(request.workers) if request.workers else InProcess()


def _look(request: SweepRequest, grid: Grid) -> int:
    """Say what there is and what is left, changing nothing."""
    total, states = len(grid.cells), dict.fromkeys(("done", "failed", "claimed", "open"), 0)
    failures, seconds, code = [], 0.0, ExitCode.PASSED
    exists = (request.folder / INDEX).exists()
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Store(request.folder)) if exists else None
        records = store.records() if store is not None else {}
        for cell in grid.cells:
            record = records.get(cell.identity)
            if record is not None:
                states[record.state] += 1
                seconds += record.seconds or 0.0
                if record.state == "failed":
                    failures.append((cell, record))
        todo = total - states["done"] - states["failed"]
        put(f"{grid.name}: {total:,} {_runs(total)} of kind {grid.kind.name}, store {request.folder}")
        if not exists and any((request.folder / RESULTS).glob("*/*.npz")):
            print("  the index is missing: a sweep finds and indexes again what is finished")
        print(f"  {states['done']:,} done, {states['failed']:,} failed, {todo:,} to do")
        if states["claimed"]:
            put(f"  {states['claimed']:,} of them claimed by a sweep that runs now or was killed")
        if seconds and todo:
            mean = seconds / (states["done"] + states["failed"])
            put(f"  about {duration(todo * mean)} of work left, at {duration(mean)} per run so far")
        for cell, record in failures[:_SHOWN_FAILURES]:
            told = ", ".join(f"{name} = {cell.parameters[name]}" for name in grid.varying) or "the only run"
            put(f"  failed: {told}: {record.error}")
        if len(failures) > _SHOWN_FAILURES:
            print(f"  and {len(failures) - _SHOWN_FAILURES:,} more failed")
        if failures:
            code = ExitCode.INCONCLUSIVE
        if request.check and store is not None:
            broken = damaged(grid, store)
            for _, reason in broken:
                put(f"  damaged: {reason}")
            put(f"  {states['done'] - len(broken):,} results read, each with the checksum that was recorded")
            code = ExitCode.INCONCLUSIVE if broken else code
        if store is not None:
            _write_table(request, grid, store)
    return code


def run_kinds() -> int:
    """Print every kind of run with its parameters: what a grid may set, defaults and ranges."""
    width = columns()
    for kind in KINDS.values():
        print("\n".join(wrapped(f"{kind.name}: {kind.help}", width, further="  ")))
        for each in kind.parameters:
            start = "required" if each.default is None else f"default {each.default!r}"
            print("\n".join(wrapped(f"{each.name}: {each.allowed}, {start}", width, "  ", "      ")))
            if each.description:
                print("\n".join(wrapped(each.description, width, "      ")))
        print()
    return ExitCode.PASSED


def _write_table(request: SweepRequest, grid: Grid, store: Store) -> None:
    if request.table is not None:
        rows = write_table(grid, store, request.table)
        _say(request, f"{rows:,} {_runs(rows)} written to {request.table}")


def _summary(grid: Grid, end: SweepProgress) -> str:
    earlier = end.done + end.failed - end.executed
    before = f", {earlier:,} of them earlier or by another process" if earlier > 0 else ""
    return f"{grid.name}: {end.done:,} of {end.total:,} {_runs(end.total)} done, {end.failed:,} failed{before}"


def _stopped(request: SweepRequest, grid: Grid, why: str, code: int) -> int:
    """Say what is kept and how to go on."""
    with Store(request.folder) as store:
        records = store.records()
    done = sum(cell.identity in records and records[cell.identity].state == "done" for cell in grid.cells)
    print(f"{why}: {done:,} of {len(grid.cells):,} runs are done and kept; resume with", file=sys.stderr)
    print(f"  {_command(request)}", file=sys.stderr)
    return code


def _command(request: SweepRequest) -> str:
    words = ["cgro", "sweep", str(request.grid)]
    for name in ("store", "workers", "scheduler", "table"):
        value = getattr(request, name)
        if value:
            words += [f"--{name}", str(value)]
    words += ["--retry-failed"] if request.retry_failed else []
    return shlex.join(words)


def _store_option(request: SweepRequest) -> str:
    return f" --store {shlex.quote(str(request.store))}" if request.store is not None else ""


def _runs(count: int) -> str:
    return "run" if count == 1 else "runs"


def _say(request: SweepRequest, line: str) -> None:
    if not request.quiet:
        print(line, file=sys.stderr)


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """SIGTERM, which batch systems send before they kill, stops like Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _environment(request: SweepRequest) -> str:
    """Where results were made, kept with the session: equal bits are promised for equal environments."""
    where = "scheduler" if request.scheduler else f"{request.workers} workers" if request.workers else "in process"
    versions = {name: metadata.version(name) for name in ("cgro-theory", "numpy", "scipy", "torch")}
    return json.dumps(
        {"python": platform.python_version(), "machine": platform.platform(), "runs": where, **versions}
    )
