"""Who is working on a store, and whether they still are: a process id where it can be asked, a pulse elsewhere."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path

PULSE_SECONDS = 15.0
"""How often a session beats."""

SILENCE_SECONDS = 120.0
"""A session of another host is taken for dead after this long without a beat, by the observer's own clock."""


@dataclass(frozen=True)
class Identity:
    """A process among all that may ever open the store.

    Attributes:
        host: host name, boot and process-id namespace: where ``pid`` means something.
        pid: process id there.
        started: when the process started, where the system says so; tells a reused id from the old one.
    """

    host: str
    pid: int
    started: str


def own_identity() -> Identity:
    """The identity of this process."""
    return Identity(_host(), os.getpid(), _process_start(os.getpid()))


def _host() -> str:
    parts = [socket.gethostname(), _content("/proc/sys/kernel/random/boot_id")]
    try:
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    except OSError:
        parts.append("")
    return "|".join(parts)


def _process_start(pid: int) -> str:
    """Clock ticks since boot at which the process started; empty where there is no /proc."""
    fields = _content(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _content(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _process_state(pid: int) -> str:
    fields = _content(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[0] if fields else ""


@dataclass
class Observer:
    """Judges whether sessions are alive. Keeps what it saw, so that silence is measured on one clock."""

    own: Identity
    _seen: dict[int, tuple[int, float]] = field(default_factory=dict)

    def is_alive(self, session: int, identity: Identity, beat: int) -> bool:
        """Whether the session may still be working; ``beat`` is its pulse count as stored."""
        if os.name == "posix" and identity.host == self.own.host:
            return _is_running(identity)
        now = time.monotonic()
        last, since = self._seen.get(session, (-1, now))
        if beat != last:
            self._seen[session] = (beat, now)
            return True
        return now - since < SILENCE_SECONDS


def _is_running(identity: Identity) -> bool:
    """Whether the process, of this host, exists. One that was killed and not yet collected does not."""
    try:
        os.kill(identity.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it exists and belongs to somebody else
    if _process_state(identity.pid) in ("Z", "X"):
        return False
    started = _process_start(identity.pid)
    return not (started and identity.started) or started == identity.started
