"""Doing a run, in whatever process: the same code in process, in a local worker and on a cluster's node."""

from __future__ import annotations

import functools
import importlib
import time
from dataclasses import dataclass
from typing import Any

from threadpoolctl import ThreadpoolController

from cgro_theory import __version__
from cgro_theory.errors import CgroError, InvalidInput
from cgro_theory.sweep.cell import Cell
from cgro_theory.sweep.result_file import encode_result
from cgro_theory.sweep.run_kind import RunFunction
from cgro_theory.sweep.store import Finished

_LONGEST_LINE = 500


@dataclass(frozen=True)
class Job:
    """A run to do.

    Attributes:
        cell: its parameters and identity.
        function: ``package.module:name`` of the kind's function.
        library_version: of whoever asks; a worker with another one must not answer.
    """

    cell: Cell
    function: str
    library_version: str = __version__


def execute(job: Job) -> Finished:
    """Do a run, on one thread, and encode its result. An exception is the run's failure, not the worker's."""
    started = time.perf_counter()
    try:
        if job.library_version != __version__:
            raise InvalidInput("worker's cgro-theory", __version__, f"{job.library_version}, as the sweep's")
        function = resolve(job.function)
        # One thread whatever the machine: sums split over threads end in other bits, and sweeps run side by side.
        with _threads(job.function).limit(limits=1):
            outcome = function(job.cell.parameters)
        result = encode_result(job.cell, outcome)
    except Exception as error:
        return Finished(job.cell, None, describe(error), time.perf_counter() - started)
    return Finished(job.cell, result, "", time.perf_counter() - started)


@functools.cache
def _threads(function: str) -> Any:
    """The numeric libraries loaded once ``function`` is imported; looking for them takes milliseconds."""
    return ThreadpoolController()


def resolve(function: str) -> RunFunction:
    """The function that ``package.module:name`` names; names come from the table of kinds, never from files."""
    module, _, name = function.partition(":")
    found: RunFunction = getattr(importlib.import_module(module), name)
    return found


def describe(error: BaseException) -> str:
    """One line on an exception: our own errors speak for themselves, others say their type and place."""
    message = " ".join(str(error).split())
    if not isinstance(error, CgroError):
        message = f"{type(error).__name__}: {message}{_place(error)}"
    return message if len(message) <= _LONGEST_LINE else message[:_LONGEST_LINE] + "…"


def _place(error: BaseException) -> str:
    trace: Any = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f" ({trace.tb_frame.f_globals.get('__name__', '?')}, line {trace.tb_lineno})"
