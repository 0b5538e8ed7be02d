"""One thread for every numeric library: short operations wait for a second one longer than they work."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from typing import Any

import torch
from threadpoolctl import ThreadpoolController


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread in this block, whatever the environment asks for, and restore the numbers after it.

    Limits the BLAS and OpenMP libraries that are loaded when a block is entered for the first time, and torch.
    Sums that are split over threads may end in other bits; on one thread they cannot.
    """
    before = torch.get_num_threads()
    with _libraries().limit(limits=1):
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@functools.cache
def _libraries() -> Any:
    """The loaded numeric libraries; looking for them takes milliseconds."""
    return ThreadpoolController()
