"""One thread for every numeric library: short operations wait for a second one longer than they work."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from threadpoolctl import threadpool_limits


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread in this block, whatever the environment asks for, and restore the numbers after it.

    Limits the BLAS and OpenMP libraries that are loaded when the block is entered (looking for them takes
    milliseconds), and torch if it is one of them. Sums that are split over threads may end in other bits; on one
    thread they cannot.
    """
    torch = sys.modules.get("torch")
    with threadpool_limits(limits=1):
        if torch is None:
            yield
            return
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
