"""Runs altered for planted faults: one of many picked out or put in, networks negated, another attack."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np

from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import RunGroup
from cgro_theory.trainer.trajectories import Trajectories

Alter = Callable[[Trajectories], Trajectories]
Rows = TypeVar("Rows")
"""Something with arrays whose first axis is the run."""


def one_run(group: RunGroup, run: int) -> RunGroup:
    """A group of one run of ``group``."""
    runs = group.trajectories
    own = replace(runs, seeds=(runs.seeds[run],), stopped_because=(runs.stopped_because[run],))
    return replace(
        group,
        trajectories=_only(own, runs.runs, run),
        errors=_only(group.errors, runs.runs, run),
        levels=_only(group.levels, runs.runs, run),
    )


def spliced(values: Rows, other: Rows, runs: int, run: int, source: int = 0) -> Rows:
    """``values`` of ``runs`` runs with the arrays of one of them taken from run ``source`` of ``other``."""
    changed: dict[str, Any] = {}
    for name, array in _rows(values, runs).items():
        changed[name] = array.copy()
        changed[name][run] = getattr(other, name)[source]
    made: Rows = replace(values, **changed)  # type: ignore[type-var]
    return made


def negated(runs: Trajectories) -> Trajectories:
    """The networks -W: every output has the other sign."""
    return replace(
        runs,
        final_signal_projections=-runs.final_signal_projections,
        final_preactivations=-runs.final_preactivations,
    )


def attacked_at(fraction: float) -> Alter:
    """The same networks under an attack that leaves another share of the signal."""
    return lambda runs: replace(runs, setting=replace(runs.setting, attacked_signal_fraction=fraction))


def _only(values: Rows, runs: int, run: int) -> Rows:
    changed: dict[str, Any] = {name: array[run : run + 1] for name, array in _rows(values, runs).items()}
    made: Rows = replace(values, **changed)  # type: ignore[type-var]
    return made


def _rows(values: Any, runs: int) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a dataclass with one row per run; the checkpoints' times are shared by all runs."""
    named = {field.name: getattr(values, field.name) for field in fields(values)}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, np.ndarray) and name != "checkpoint_times" and value.shape[0] == runs
    }
