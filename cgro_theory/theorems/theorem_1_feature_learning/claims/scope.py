"""What the runs of a group meet of a claim's assumptions, with the numbers of each setting and draw.

Each function evaluates the conditions of that name in :mod:`theory.conditions`, for every run of a group.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cgro_theory.claims import EvaluatedCondition, Prediction

from ..runs.initial_draws import initial_draws
from ..runs.trained import RunGroup
from ..theory.conditions import ATTACK, CLEAN_WEIGHT, RADIUS, WIDTH
from ..theory.memorization import below_boundary, memorization_assumptions
from . import remembered
from .slopes import together

Conditions = tuple[EvaluatedCondition, ...]
Scope = Callable[[RunGroup], Sequence[Conditions]]
"""The conditions of every run of a group."""

TRAINED = (WIDTH, RADIUS, ATTACK, CLEAN_WEIGHT)


def trained(group: RunGroup) -> list[Conditions]:
    """``TRAINED``."""
    clean = CLEAN_WEIGHT.given(lambda_=group.setting.adversarial_weight)
    draws = initial_draws(group.trajectories)
    return [(*memorization_assumptions(group.setting, draw), clean) for draw in draws]


def memorizing(group: RunGroup) -> list[Conditions]:
    """``MEMORIZING``; κ < κ* is decided by the enclosure of the first memorization."""
    setting, draws = group.setting, initial_draws(group.trajectories)
    first = remembered.first_memorization_times(setting, draws, group.trajectories.learning_rate)
    return [
        (*memorization_assumptions(setting, draw), below_boundary(told))
        for draw, told in zip(draws, first, strict=True)
    ]


def regime(group: RunGroup) -> list[Conditions]:
    """``REGIME``."""
    return [
        tuple(dict.fromkeys((*one, *other))) for one, other in zip(trained(group), memorizing(group), strict=True)
    ]


def of_all(groups: Iterable[RunGroup], scope: Scope) -> Conditions:
    """The conditions of all runs together, each once: where it does not hold, if there is such a run."""
    return together(Prediction(None, own) for group in groups for own in scope(group))
