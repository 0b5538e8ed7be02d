"""The store of a sweep: one folder that survives whatever happens to its writers.

``index.sqlite`` says which runs are done; ``results/`` holds one npz file per finished run. A result is written
and synchronized first, under a name that holds its checksum, and only then recorded: at every moment each
recorded run has its whole result. What a killed process leaves behind is at most an unrecorded file and a claim,
and claims of the dead are taken over.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cgro_theory.atomic_file import atomic_write, require_folder
from cgro_theory.errors import InvalidFile
from cgro_theory.sweep.cell import Cell
from cgro_theory.sweep.index import open_index, reporting, transaction
from cgro_theory.sweep.result_file import EncodedResult, found_results, read_result
from cgro_theory.sweep.run_kind import RunOutcome
from cgro_theory.sweep.session import PULSE_SECONDS, Identity, Observer, own_identity

INDEX = "index.sqlite"
RESULTS = "results"


@dataclass(frozen=True)
class RunRecord:
    """What the index says of a run. ``state``: open, claimed, done or failed; ``seconds``: wall time spent."""

    state: str
    session: int
    attempts: int
    checksum: str | None
    error: str | None
    seconds: float | None


@dataclass(frozen=True)
class Exchange:
    """What came of handing in finished runs and asking for more.

    Attributes:
        lost: handed in, but another session has taken the run over meanwhile (this process was asleep): its
            result, the same bits, is the one that counts.
        ours: asked for, and ours to do now.
        done, failed: asked for, but settled already.
        held: asked for, but another session is doing it.
    """

    lost: tuple[Cell, ...]
    ours: tuple[Cell, ...]
    done: tuple[Cell, ...]
    failed: tuple[Cell, ...]
    held: tuple[Cell, ...]


@dataclass(frozen=True)
class Finished:
    """An attempt that came to an end: with a result, or with the line that says why there is none."""

    cell: Cell
    result: EncodedResult | None
    error: str
    seconds: float


class Store:
    """A store, open in this process; close it, or use it as a context manager."""

    def __init__(self, folder: str | Path, *, create: bool = False) -> None:
        """Open the store in ``folder``. Raises :class:`InvalidFile`, see :func:`open_index`."""
        self.folder = require_folder(folder) if create else Path(folder)
        if create:
            require_folder(self.folder / RESULTS)
        self._index = self.folder / INDEX
        is_lost = not self._index.exists()
        self._connection = open_index(self._index, create=create)
        self.indexed_again = self._index_again() if is_lost else 0
        """Results that lay in the folder without an index, and are recorded as done now."""
        self._session = 0
        self._observer = Observer(own_identity())
        self._stop = threading.Event()
        self._pulse: threading.Thread | None = None

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give back what this session claimed and did not finish, and close the index."""
        self._stop.set()
        if self._pulse is not None:
            self._pulse.join()
            self._pulse = None
        if self._session:
            session, self._session = self._session, 0
            with contextlib.suppress(InvalidFile), self._transaction():  # what stays claimed is taken over
                self._connection.execute(
                    "UPDATE run SET state = 'open' WHERE state = 'claimed' AND session = ?", (session,)
                )
                self._connection.execute("UPDATE session SET is_open = 0 WHERE session = ?", (session,))
        self._connection.close()

    def begin_session(self, environment: str) -> int:
        """Register this process as a writer, with a pulse; ``environment`` says on what it runs."""
        own = self._observer.own
        with self._transaction():
            cursor = self._connection.execute(
                "INSERT INTO session (host, pid, started, environment, opened) VALUES (?, ?, ?, ?, ?)",
                (own.host, own.pid, own.started, environment, _now()),
            )
            self._session = int(cursor.lastrowid or 0)
        self._pulse = threading.Thread(target=self._beat, args=(self._session,), daemon=True)
        self._pulse.start()
        return self._session

    def _beat(self, session: int) -> None:
        """A failed beat is no reason to stop a run: the next one may succeed."""
        while not self._stop.wait(PULSE_SECONDS):
            with contextlib.suppress(sqlite3.Error):
                connection = sqlite3.connect(self._index, timeout=PULSE_SECONDS)
                connection.execute("PRAGMA journal_mode = PERSIST")
                with contextlib.closing(connection), connection:
                    connection.execute("UPDATE session SET beat = beat + 1 WHERE session = ?", (session,))

    def _index_again(self) -> int:
        """Record the results that a lost index left behind; the environment that made them is forgotten."""
        found = list(found_results(self.folder / RESULTS))
        if found:
            own = own_identity()
            with self._transaction():
                cursor = self._connection.execute(
                    "INSERT INTO session (host, pid, started, is_open, environment, opened) "
                    "VALUES (?, 0, '', 0, ?, ?)",
                    (own.host, json.dumps({"runs": "found without an index"}), _now()),
                )
                self._connection.executemany(
                    "INSERT OR REPLACE INTO run (cell, kind, version, parameters, state, session, checksum) "
                    "VALUES (?, ?, ?, ?, 'done', ?, ?)",
                    [
                        (cell.identity, cell.kind, cell.version, cell.parameters_json, cursor.lastrowid, checksum)
                        for cell, checksum in found
                    ],
                )
        return len({cell.identity for cell, _ in found})

    def done(self) -> list[Cell]:
        """Every run that is done, of whatever grid, in the order of their identities."""
        with reporting(self._index):
            rows = self._connection.execute(
                "SELECT kind, version, parameters, cell FROM run WHERE state = 'done' ORDER BY cell"
            ).fetchall()
        return [Cell(kind, version, json.loads(parameters), cell) for kind, version, parameters, cell in rows]

    def records(self) -> dict[str, RunRecord]:
        """What the index says, by the runs' identities."""
        with reporting(self._index):
            rows = self._connection.execute(
                "SELECT cell, state, session, attempts, checksum, error, seconds FROM run"
            ).fetchall()
        return {row[0]: RunRecord(*row[1:]) for row in rows}

    def exchange(
        self, finished: Sequence[Finished], wanted: Sequence[Cell], *, retry_failed: bool = False
    ) -> Exchange:
        """Keep what is finished and claim what is wanted, in one transaction: commits are what a sweep costs.

        A run is claimed when nobody has done it and no living session holds it. A failed run is settled, unless
        ``retry_failed`` and it did not fail in this very session.
        """
        for entry in finished:
            if entry.result is not None:
                self._write(entry.cell, entry.result)
        with self._transaction():
            lost = tuple(entry.cell for entry in finished if not self._record(entry))
            states = [self._claim(cell, retry_failed) for cell in wanted]
        asked = {
            state: tuple(c for c, s in zip(wanted, states, strict=True) if s == state) for state in set(states)
        }
        return Exchange(lost, *(asked.get(state, ()) for state in ("ours", "done", "failed", "held")))

    def _record(self, entry: Finished) -> bool:
        result = entry.result
        cursor = self._connection.execute(
            "UPDATE run SET state = ?, checksum = ?, error = ?, seconds = ?, finished = ? "
            "WHERE cell = ? AND state = 'claimed' AND session = ?",
            (
                *(("failed", None, entry.error) if result is None else ("done", result.checksum, None)),
                entry.seconds,
                _now(),
                entry.cell.identity,
                self._session,
            ),
        )
        return cursor.rowcount == 1

    def _claim(self, cell: Cell, retry_failed: bool) -> str:
        row = self._connection.execute(
            "SELECT run.state, run.session, host, pid, started, beat, is_open "
            "FROM run JOIN session USING (session) WHERE cell = ?",
            (cell.identity,),
        ).fetchone()
        if row is not None:
            state = str(row[0])
            if state == "done" or (state == "failed" and not (retry_failed and row[1] != self._session)):
                return state
            if state == "claimed" and self._is_held(row):
                return "held"
        self._connection.execute(
            "INSERT INTO run (cell, kind, version, parameters, state, session) "
            "VALUES (?, ?, ?, ?, 'claimed', ?) ON CONFLICT (cell) DO UPDATE SET "
            "state = 'claimed', session = excluded.session, attempts = attempts + 1, error = NULL",
            (cell.identity, cell.kind, cell.version, cell.parameters_json, self._session),
        )
        return "ours"

    def _is_held(self, row: Any) -> bool:
        _, session, host, pid, started, beat, is_open = row
        if session == self._session or not is_open:
            return False
        return self._observer.is_alive(session, Identity(host, pid, started), beat)

    def _write(self, cell: Cell, result: EncodedResult) -> None:
        path = self.result_path(cell, result.checksum)
        new_folder = not path.parent.is_dir()
        require_folder(path.parent)
        with atomic_write(path) as stream:
            stream.write(result.content)
        _synchronize(path.parent)  # a renamed file is safe from a power cut only with its folder
        if new_folder:
            _synchronize(path.parent.parent)

    def result_path(self, cell: Cell, checksum: str) -> Path:
        """Where a result lies. Its name holds its checksum, so no late writer can replace a recorded result."""
        return self.folder / RESULTS / cell.identity[:2] / f"{cell.identity}.{checksum[:16]}.npz"

    def read(self, cell: Cell) -> RunOutcome:
        """The checked result of a run that is done; :class:`InvalidFile` when there is none or it is damaged."""
        with reporting(self._index):
            row = self._connection.execute(
                "SELECT checksum FROM run WHERE cell = ? AND state = 'done'", (cell.identity,)
            ).fetchone()
        if row is None:
            raise InvalidFile(self._index, f"holds no result of run {cell.identity}")
        return read_result(self.result_path(cell, row[0]), row[0], cell)

    def reopen(self, cells: Sequence[Cell]) -> None:
        """Let done or failed runs be done again."""
        with self._transaction():
            self._connection.executemany(
                "UPDATE run SET state = 'open' WHERE cell = ? AND state IN ('done', 'failed')",
                [(cell.identity,) for cell in cells],
            )

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        with reporting(self._index), transaction(self._connection):
            yield


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _synchronize(folder: Path) -> None:
    """Make renames inside ``folder`` durable, where the system can open folders."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
