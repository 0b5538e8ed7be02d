"""What negative controls are made of: other runs, networks changed and counted again, wrong functions.

Settings, runs, data and functions are changed, never a number that was measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any, TypeVar

import numpy as np
import torch

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.trainer.trajectories import Trajectories

from ..runs.counted_errors import measure_errors, measure_levels
from ..runs.full_weights import tested
from ..runs.trained import GroupName, Groups, RunGroup, TrainedEvidence

Change = Callable[[TrainedEvidence], TrainedEvidence]
Alter = Callable[[Trajectories], Trajectories]
Rows = TypeVar("Rows")
"""Something with arrays whose first axis is the run."""
_WEIGHTS: dict[GroupName, str] = {"main": "λ = 0.9", "standard": "λ = 0", "adversarial_only": "λ = 1"}


def told(predict: Callable[..., Any], **changed: Callable[[PatchSetting], float]) -> Callable[..., Any]:
    """``predict``, a function of a setting and more, that is told changed parameters."""

    def predicted(setting: PatchSetting, *rest: Any, **named: Any) -> Any:
        values: dict[str, Any] = {name: change(setting) for name, change in changed.items()}
        return predict(replace(setting, **values), *rest, **named)

    return predicted


def judged_on(name: str, own: GroupName, others: GroupName) -> NegativeControl:
    """Other runs in place of the claim's own."""

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        pairs = zip(_groups(evidence, others), _groups(evidence, own), strict=False)
        return _with_groups(evidence, own, tuple(_passed_off(other, group) for other, group in pairs))

    return NegativeControl(name, f"the claim is judged on runs with {_WEIGHTS[others]}", change)


def slipped_in(name: str, own: GroupName, others: GroupName) -> NegativeControl:
    """One run that was trained with another loss among many.

    Of the other runs it is one whose attacked training points are lost, if there is one: a few coins may all fall
    the right way.
    """

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        groups, strangers = _groups(evidence, own), _groups(evidence, others)[0]
        stranger = one_run(strangers, int(strangers.errors.robust_train.argmax()))
        return _with_groups(evidence, own, (*groups, _passed_off(stranger, groups[0])))

    return NegativeControl(name, f"one run of many is trained with {_WEIGHTS[others]}", change)


def one_in_ladder(name: str, others: GroupName) -> NegativeControl:
    """One run at the largest d of the ladder was trained with another loss."""

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        last = evidence.ladder[-1]
        strangers = next(
            group.trajectories
            for group in _groups(evidence, others)
            if group.trajectories.method == "flow"
            and group.setting.patch_dimension == last.setting.patch_dimension
        )
        changed = replace(last, trajectories=first_replaced(last.trajectories, strangers, last.trajectories.runs))
        return replace(evidence, main=tuple(changed if group is last else group for group in evidence.main))

    return NegativeControl(name, f"one run at the largest d has {_WEIGHTS[others]}", change)


def recounted(own: GroupName, alter: Alter) -> Change:
    """Networks are altered before their errors are counted; predictions see the real ones."""
    return lambda evidence: _with_groups(
        evidence, own, tuple(_counted(group, alter) for group in _groups(evidence, own))
    )


def all_negated(own: GroupName) -> NegativeControl:
    """Every network -W, told as W."""
    description = "the weights of every network are negated before its errors are counted"
    return NegativeControl("sign_flipped", description, recounted(own, negated))


def one_negated(evidence: TrainedEvidence) -> TrainedEvidence:
    """One network -W, told as W."""
    first, altered = evidence.main[0], _counted(one_run(evidence.main[0], 0), negated)
    runs = first.trajectories.runs
    errors, levels = (
        first_replaced(first.errors, altered.errors, runs),
        first_replaced(first.levels, altered.levels, runs),
    )
    return replace(evidence, main=(replace(first, errors=errors, levels=levels), *evidence.main[1:]))


def _counted(group: RunGroup, alter: Alter) -> RunGroup:
    runs = alter(group.trajectories)
    errors = measure_errors(runs, test_points=group.errors.test_points)
    return replace(group, errors=errors, levels=measure_levels(runs, points=group.levels.points))


def one_in_full_negated(evidence: TrainedEvidence) -> TrainedEvidence:
    """The weights of one network are negated before its errors are counted; the law is told the real ones.

    The network with the largest signal: one that learned none errs on half of the points with either sign.
    """
    place = max(range(len(evidence.full)), key=lambda index: abs(evidence.full[index].signal_margin))
    network = evidence.full[place]
    weights = torch.as_tensor(-network.weights)
    counted = tested(network.setting, network.seed, weights, network.memorized, network.test_points)
    altered = replace(counted, weights=network.weights)
    return replace(evidence, full=(*evidence.full[:place], altered, *evidence.full[place + 1 :]))


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


NEGATED_ONE = "the weights of one network are negated before its errors are counted"
ONE_NEGATED = NegativeControl("one_sign_flipped", NEGATED_ONE, one_negated)
ONE_UNATTACKED = slipped_in("one_run_unattacked", "main", "standard")


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


def _passed_off(group: RunGroup, own: RunGroup) -> RunGroup:
    """The runs under the setting and the step of ``own``: predictions are told nothing of another loss."""
    runs = own.trajectories
    told_as = replace(group.trajectories, setting=runs.setting, learning_rate=runs.learning_rate)
    return replace(group, trajectories=told_as)


def _groups(evidence: TrainedEvidence, name: GroupName) -> Groups:
    groups: Groups = getattr(evidence, name)
    return groups


def _with_groups(evidence: TrainedEvidence, name: GroupName, groups: Groups) -> TrainedEvidence:
    changed: dict[str, Any] = {name: groups}
    return replace(evidence, **changed)


def first_replaced(values: Rows, other: Rows, runs: int) -> Rows:
    """``values`` of ``runs`` runs with the first run's arrays taken from the first of ``other``."""
    changed: dict[str, Any] = {}
    for name, array in _rows(values, runs).items():
        changed[name] = array.copy()
        changed[name][0] = getattr(other, name)[0]
    made: Rows = replace(values, **changed)  # type: ignore[type-var]  # Rows are dataclasses; no type says so
    return made


def _only(values: Rows, runs: int, run: int) -> Rows:
    changed: dict[str, Any] = {name: array[run : run + 1] for name, array in _rows(values, runs).items()}
    made: Rows = replace(values, **changed)  # type: ignore[type-var]  # as above
    return made


def _rows(values: Any, runs: int) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays of a dataclass with one row per run; the checkpoints' times are shared by all runs."""
    named = {field.name: getattr(values, field.name) for field in fields(values)}
    return {
        name: value
        for name, value in named.items()
        if isinstance(value, np.ndarray) and name != "checkpoint_times" and value.shape[0] == runs
    }
