"""What runs meet of the conditions that a claim states, with the numbers of each setting and draw."""

from __future__ import annotations

from collections.abc import Iterable

from cgro_theory.claims import Condition, EvaluatedCondition, StatedAssumption
from cgro_theory.claims.condition import each_once

from ..runs.initial_draws import initial_draws
from ..runs.trained import RunGroup
from ..theory.conditions import BELOW_BOUNDARY
from ..theory.memorization import below_boundary
from ..theory.signal import evaluated
from . import remembered

Stated = tuple[Condition | StatedAssumption, ...]
Conditions = tuple[EvaluatedCondition, ...]


def met(group: RunGroup, stated: Stated) -> list[Conditions]:
    """Of every run. Whether κ lies below κ* is decided by the enclosure of the run's first memorization."""
    setting, draws = group.setting, initial_draws(group.trajectories)
    seen = [each for each in stated if isinstance(each, Condition) and each is not BELOW_BOUNDARY]
    conditions = [evaluated(seen, setting, draw) for draw in draws]
    if BELOW_BOUNDARY in stated:
        first = remembered.first_memorization_times(setting, draws, group.trajectories.learning_rate)
        return [(*own, below_boundary(told)) for own, told in zip(conditions, first, strict=True)]
    return conditions


def met_by_all(groups: Iterable[RunGroup], stated: Stated) -> Conditions:
    """Of all runs together, each once: where it does not hold, if there is such a run."""
    return each_once(each for group in groups for own in met(group, stated) for each in own)
