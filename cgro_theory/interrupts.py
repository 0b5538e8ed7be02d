"""Ctrl-C: obeyed at the first press wherever it comes, and held back where it would tear something apart."""

from __future__ import annotations

import _thread
import contextlib
import signal
import threading
import time
import weakref
from collections.abc import Iterator
from types import FrameType

_LOOK = 0.2
"""Seconds between two looks at whether a press is being obeyed."""
_CLEAN_UP = 10.0
"""Seconds for which a further press changes nothing while the first is being obeyed."""


class Stop(KeyboardInterrupt):
    """What a press raises: it lives while it is obeyed, also as the context of what is raised instead of it."""


class Presses:
    """The handler of Ctrl-C: raises :class:`Stop`, and again when one was lost before it is ``over``."""

    def __init__(self) -> None:
        self.over = False
        self._main = threading.get_ident()
        self._raised: weakref.ref[Stop] | None = None
        self._since = 0.0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Raise, unless it is being obeyed already."""
        now = time.monotonic()
        if self._raised is not None and self._raised() is not None and now - self._since < _CLEAN_UP:
            return
        stop = Stop()
        self._raised, self._since = weakref.ref(stop), now
        with contextlib.suppress(RuntimeError):  # no thread to be had
            # Not a threading.Thread: the main thread may hold its locks just now.
            _thread.start_new_thread(self._insist, (self._raised,))
        try:
            raise stop
        finally:
            del stop  # else this frame would keep it alive

    @property
    def came(self) -> bool:
        """Whether there was a press."""
        return self._raised is not None

    def _insist(self, raised: weakref.ref[Stop]) -> None:
        while raised() is not None:
            time.sleep(_LOOK)
        time.sleep(_LOOK)  # it may have been obeyed to the end
        if self.over:
            return
        if hasattr(signal, "pthread_kill"):  # ends a wait, too
            signal.pthread_kill(self._main, signal.SIGINT)
        else:
            _thread.interrupt_main()


@contextlib.contextmanager
def first_press_obeyed() -> Iterator[Presses]:
    """Ctrl-C ends the block by ``KeyboardInterrupt`` at the first press, and later ones do not disturb that.

    Python raises once, wherever the main thread is. In a finalizer, in a weak reference's callback (every import
    ends with one) or under C code that ignores errors, that is lost: here it is raised again. Yields what knows
    whether there was a press, as C code may also make another error of it. The handler of a host stays, and so
    does Ctrl-C that is ignored, as in a shell's background.
    """
    presses = Presses()
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield presses
        return
    signal.signal(signal.SIGINT, presses)
    try:
        yield presses
    finally:
        presses.over = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
        # A KeyboardInterrupt that left the exec of a string (dataclasses do that) would make CPython end by the
        # signal in place of the exit code, although it was caught since; another exec makes it forget that.
        exec("")


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Ctrl-C waits until the end of the block; a process started in it never sees one (on POSIX systems)."""
    with _noted(), _masked():
        yield


@contextlib.contextmanager
def _noted() -> Iterator[None]:
    """The main thread notes a press, whichever thread the system gives it to, and takes it up at the end."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    presses: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: presses.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if presses:
            signal.raise_signal(signal.SIGINT)


@contextlib.contextmanager
def _masked() -> Iterator[None]:
    """Processes started in the block inherit that Ctrl-C is blocked."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker  # not for commands that start nothing

    resource_tracker.ensure_running()  # starting it would let the signals through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
