"""The index of a store: which runs are claimed, done or failed, in one SQLite file.

Every change is one transaction, on disk before it counts (synchronous = FULL). The rollback journal is used, not
the write-ahead log: the latter needs shared memory, which network file systems of clusters do not give.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from cgro_theory.errors import InvalidFile

STORE_SCHEMA = 1
APPLICATION_ID = 0x6367726F  # "cgro"
BUSY_SECONDS = 120.0

_TABLES = (
    """
    CREATE TABLE session (
        session INTEGER PRIMARY KEY AUTOINCREMENT,
        host TEXT NOT NULL, pid INTEGER NOT NULL, started TEXT NOT NULL,
        beat INTEGER NOT NULL DEFAULT 0,
        is_open INTEGER NOT NULL DEFAULT 1,
        environment TEXT NOT NULL,
        opened TEXT NOT NULL
    )""",
    """
    CREATE TABLE run (
        cell TEXT PRIMARY KEY,
        kind TEXT NOT NULL, version INTEGER NOT NULL, parameters TEXT NOT NULL,
        state TEXT NOT NULL CHECK (state IN ('open', 'claimed', 'done', 'failed')),
        session INTEGER NOT NULL REFERENCES session,
        attempts INTEGER NOT NULL DEFAULT 1,
        checksum TEXT, error TEXT, seconds REAL, finished TEXT
    ) WITHOUT ROWID""",
)


def open_index(path: Path, *, create: bool) -> sqlite3.Connection:
    """A connection to the index at ``path``, made when missing and ``create``; one thread at a time may use it.

    Raises :class:`InvalidFile` when it is missing, damaged, something else, or of a newer schema.
    """
    if not create and not path.is_file():
        raise InvalidFile(path, "no such sweep store")
    with reporting(path):
        connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        with reporting(path):
            connection.execute("PRAGMA journal_mode = PERSIST")
            connection.execute("PRAGMA synchronous = FULL")
            _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    version, application = _stamp(connection)
    if version == 0:
        with transaction(connection):
            if _stamp(connection) == (0, 0):  # still nobody's: two processes may be starting
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise InvalidFile(
                        path, "is another program's database, not a sweep store; give another --store"
                    )
                for table in _TABLES:
                    connection.execute(table)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {STORE_SCHEMA}")
        version, application = _stamp(connection)
    if application != APPLICATION_ID:
        raise InvalidFile(path, "is another program's database, not a sweep store; give another --store")
    if version > STORE_SCHEMA:
        raise InvalidFile(
            path,
            f"was written by a newer cgro (store schema {version}; this one reads up to {STORE_SCHEMA}): "
            "upgrade cgro-theory, or give another --store",
        )
    problem = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise InvalidFile(
            path,
            f"is damaged ({problem}): delete it, and finished results are found again, or give another --store",
        )


def _stamp(connection: sqlite3.Connection) -> tuple[int, int]:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return int(version), int(connection.execute("PRAGMA application_id").fetchone()[0])


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, alone among writers from the first statement on."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextlib.contextmanager
def reporting(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into :class:`InvalidFile`, one line that names the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise InvalidFile(path, f"cannot be used: {error}") from error
    except sqlite3.DatabaseError as error:
        raise InvalidFile(path, f"is no sweep store, or damaged: {error}") from error
