"""Planted faults of theorem 1: each makes one claim wrong, and its own check must say so.

A fault is in the formula that predictions are told, in the runs (others, or one of many that was trained
otherwise), or in the data (errors counted again on altered networks, or under another attack). Numbers that were
measured are never written over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.theorem_1_feature_learning.claims.altered_runs import (
    Alter,
    attacked_at,
    negated,
    one_run,
    spliced,
)
from cgro_theory.theorems.theorem_1_feature_learning.claims.phase_controls import PHASE_FAULTS, negate_one_in_full
from cgro_theory.theorems.theorem_1_feature_learning.runs.counted_errors import measure_errors, measure_levels
from cgro_theory.theorems.theorem_1_feature_learning.runs.identity import RecursionVariant
from cgro_theory.theorems.theorem_1_feature_learning.runs.one_step import one_step
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import Groups, RunGroup, TrainedEvidence

GroupName = Literal["main", "standard", "adversarial_only"]
Change = Callable[[TrainedEvidence], TrainedEvidence]


def _assume(**changed: Callable[[PatchSetting], float]) -> Change:
    """Predictions are told a changed parameter; the runs stay as they are."""

    def told(group: RunGroup) -> RunGroup:
        values: dict[str, Any] = {name: function(group.assumed) for name, function in changed.items()}
        return replace(group, assumed=replace(group.assumed, **values))

    return lambda evidence: replace(evidence, main=tuple(map(told, evidence.main)))


def _shift_exponent(name: str, by: float) -> Change:
    """Predictions are told a parameter with its exponent in d shifted."""
    return _assume(**{name: lambda setting: getattr(setting, name) * float(setting.patch_dimension) ** by})


def _raise_noise_exponent(evidence: TrainedEvidence) -> TrainedEvidence:
    """Predictions are told noise patches that are too long."""

    def told(group: RunGroup) -> RunGroup:
        runs = group.trajectories
        factor = float(runs.setting.patch_dimension) ** 0.1
        return replace(group, trajectories=replace(runs, noise_gram=runs.noise_gram * factor))

    return replace(evidence, main=tuple(map(told, evidence.main)))


def _groups(evidence: TrainedEvidence, name: GroupName) -> Groups:
    return {
        "main": evidence.main,
        "standard": evidence.standard,
        "adversarial_only": evidence.adversarial_only,
    }[name]


def _with_groups(evidence: TrainedEvidence, name: GroupName, groups: Groups) -> TrainedEvidence:
    changed: dict[str, Any] = {name: groups}
    return replace(evidence, **changed)


def _judge(name: GroupName, others: GroupName) -> Change:
    """The claims about some runs are judged on others, and told nothing of it."""

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        pairs = zip(_groups(evidence, others), _groups(evidence, name), strict=False)
        groups = tuple(replace(other, assumed=group.assumed) for other, group in pairs)
        return _with_groups(evidence, name, groups)

    return change


def _slip_in(name: GroupName, other: GroupName) -> Change:
    """One run that was trained with another loss is slipped in among many, and told nothing of it.

    Of the other runs it is one whose attacked training points are lost, if there is one: a few coins may all fall
    the right way.
    """

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        groups, strangers = _groups(evidence, name), _groups(evidence, other)[0]
        stranger = one_run(strangers, int(strangers.errors.robust_train.argmax()))
        setting = groups[0].assumed
        runs = replace(stranger.trajectories, setting=setting)
        return _with_groups(evidence, name, (*groups, replace(stranger, assumed=setting, trajectories=runs)))

    return change


def _train_one_otherwise(other: GroupName) -> Change:
    """One run at the largest d of the ladder was trained with another loss."""

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        last = evidence.ladder[-1]
        size = last.trajectories.setting.patch_dimension
        strangers = next(
            group.trajectories
            for group in _groups(evidence, other)
            if group.trajectories.method == "flow" and group.trajectories.setting.patch_dimension == size
        )
        changed = replace(last, trajectories=spliced(last.trajectories, strangers, last.trajectories.runs, 0))
        return replace(evidence, main=tuple(changed if group is last else group for group in evidence.main))

    return change


def _recount(name: GroupName, alter: Alter, *, only_one: bool = False) -> Change:
    """Networks are altered before their errors are counted; predictions are told the real ones."""

    def recounted(group: RunGroup) -> RunGroup:
        runs = alter(group.trajectories)
        errors = measure_errors(runs, test_points=group.errors.test_points)
        return replace(group, errors=errors, levels=measure_levels(runs, points=group.levels.points))

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        groups = _groups(evidence, name)
        if not only_one:
            return _with_groups(evidence, name, tuple(map(recounted, groups)))
        first, altered = groups[0], recounted(one_run(groups[0], 0))
        one = replace(
            first,
            errors=spliced(first.errors, altered.errors, first.trajectories.runs, 0),
            levels=spliced(first.levels, altered.levels, first.trajectories.runs, 0),
        )
        return _with_groups(evidence, name, (one, *groups[1:]))

    return change


def _same_share_everywhere(*, only_one: bool = False) -> Change:
    """The attack leaves the share of the signal of the smallest d at every d (or for one network only)."""

    def change(evidence: TrainedEvidence) -> TrainedEvidence:
        share = evidence.ladder[0].trajectories.setting.attacked_signal_fraction
        alter = attacked_at(share)

        def recounted(group: RunGroup) -> RunGroup:
            points = group.levels.points
            if not only_one:
                return replace(group, levels=measure_levels(alter(group.trajectories), points=points))
            own = one_run(group, 0).trajectories
            return replace(
                group,
                levels=spliced(
                    group.levels, measure_levels(alter(own), points=points), group.trajectories.runs, 0
                ),
            )

        changed = evidence.ladder[-1:] if only_one else evidence.ladder
        return replace(
            evidence, main=tuple(recounted(group) if group in changed else group for group in evidence.main)
        )

    return change


def _told_one_share(evidence: TrainedEvidence) -> TrainedEvidence:
    share = evidence.ladder[0].assumed.attacked_signal_fraction
    return _assume(attacked_signal_fraction=lambda setting: share)(evidence)


_UNATTACKED = NegativeControl(
    "one_run_unattacked", "one run of many is trained with λ = 0", _slip_in("main", "standard")
)
_NEGATED = "the weights of every network are negated before its errors are counted"
_NEGATED_ONE = "the weights of one network are negated before its errors are counted"


def _halved_variance(setting: PatchSetting) -> float:
    return float(setting.noise_std * 2.0 ** (-0.5 / setting.degree))


FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "theorem_1.gradient_identity": (
        NegativeControl(
            "slope_factor",
            "q - 1 in place of q in φ_q'",
            lambda evidence: replace(evidence, variant=RecursionVariant(slope_factor_offset=-1)),
        ),
        NegativeControl(
            "labels_dropped",
            "y_k missing from the noise recursion",
            lambda evidence: replace(evidence, variant=RecursionVariant(noise_labels=False)),
        ),
        NegativeControl(
            "attacked_gain",
            "(κα)^(q+1) in place of (κα)^q",
            lambda evidence: replace(evidence, variant=RecursionVariant(attacked_gain_power_offset=1)),
        ),
        NegativeControl(
            "ascent",
            "the engines train with the wrong sign",
            lambda evidence: replace(evidence, step=lambda problem, rate: one_step(problem, -rate)),
        ),
    ),
    "theorem_1.signal_time": (
        NegativeControl(
            "exponent_off",
            "α^(q-0.1) in place of α^q in the gain",
            _assume(signal_strength=lambda s: s.signal_strength ** ((s.degree - 0.1) / s.degree)),
        ),
        NegativeControl(
            "weights_swapped",
            "λ and 1 - λ swapped",
            _assume(adversarial_weight=lambda s: 1 - s.adversarial_weight),
        ),
        _UNATTACKED,
    ),
    "theorem_1.signal_plateau": (
        NegativeControl(
            "constant_halved",
            "half of 1 - λ",
            _assume(adversarial_weight=lambda s: 1 - (1 - s.adversarial_weight) / 2),
        ),
        NegativeControl(
            "one_run_never_learns", "one run of many is trained with λ = 1", _slip_in("main", "adversarial_only")
        ),
    ),
    "theorem_1.first_memorization_time": (
        NegativeControl(
            "constant_halved", "half of λ", _assume(adversarial_weight=lambda s: s.adversarial_weight / 2)
        ),
        NegativeControl("exponent_off", "‖ξ‖² of order σ² d^1.1 in place of σ² d", _raise_noise_exponent),
        _UNATTACKED,
    ),
    "theorem_1.stage_order": (
        NegativeControl(
            "noise_first", "the claim is judged on runs with λ = 1", _judge("main", "adversarial_only")
        ),
        NegativeControl(
            "one_noise_first", "one run of many is trained with λ = 1", _slip_in("main", "adversarial_only")
        ),
    ),
    "theorem_1.noise_memorization": (
        NegativeControl("standard_runs", "the claim is judged on runs with λ = 0", _judge("main", "standard")),
        _UNATTACKED,
    ),
    "theorem_1.clean_train_error": (
        NegativeControl("sign_flipped", _NEGATED, _recount("main", negated)),
        NegativeControl("one_sign_flipped", _NEGATED_ONE, _recount("main", negated, only_one=True)),
    ),
    "theorem_1.robust_train_error": (
        NegativeControl("standard_runs", "the claim is judged on runs with λ = 0", _judge("main", "standard")),
        _UNATTACKED,
    ),
    "theorem_1.clean_test_error": (
        NegativeControl("variance_halved", "half of Var V", _assume(noise_std=_halved_variance)),
        NegativeControl("sign_flipped", _NEGATED, _recount("main", negated)),
        NegativeControl("one_sign_flipped", _NEGATED_ONE, _recount("main", negated, only_one=True)),
        NegativeControl("one_full_sign_flipped", _NEGATED_ONE + " in full", negate_one_in_full),
    ),
    "theorem_1.robust_test_error": (
        NegativeControl("attack_dropped", "κ = 1 in the law", _assume(attacked_signal_fraction=lambda s: 1.0)),
        NegativeControl(
            "attack_not_run",
            "clean points in place of attacked ones",
            _recount("main", attacked_at(1.0)),
        ),
    ),
    "theorem_1.standard_signal": (
        NegativeControl(
            "adversarial_only",
            "the claim is judged on runs with λ = 1",
            _judge("standard", "adversarial_only"),
        ),
        NegativeControl(
            "one_adversarial_only",
            "one run of many is trained with λ = 1",
            _slip_in("standard", "adversarial_only"),
        ),
    ),
    "theorem_1.standard_noise": (
        NegativeControl(
            "adversarial_runs", "the claim is judged on runs with λ = 0.9", _judge("standard", "main")
        ),
        NegativeControl(
            "one_adversarial_run", "one run of many is trained with λ = 0.9", _slip_in("standard", "main")
        ),
    ),
    "theorem_1.standard_training": (
        NegativeControl(
            "adversarial_runs", "the claim is judged on runs with λ = 0.9", _judge("standard", "main")
        ),
    ),
    "theorem_1.adversarial_only_signal": (
        NegativeControl(
            "mixed_runs", "the claim is judged on runs with λ = 0.9", _judge("adversarial_only", "main")
        ),
        NegativeControl(
            "one_mixed_run", "one run of many is trained with λ = 0.9", _slip_in("adversarial_only", "main")
        ),
    ),
    "theorem_1.signal_time_exponent": (
        NegativeControl(
            "exponent_off", "0.05 added to the exponent", _shift_exponent("signal_strength", -0.05 / 3)
        ),
        NegativeControl(
            "one_run_unattacked", "one run at the largest d has λ = 0", _train_one_otherwise("standard")
        ),
    ),
    "theorem_1.memorization_time_exponent": (
        NegativeControl("exponent_off", "0.05 added to the exponent", _shift_exponent("noise_std", -0.05 / 3)),
        NegativeControl(
            "one_run_unattacked", "one run at the largest d has λ = 0", _train_one_otherwise("standard")
        ),
    ),
    "theorem_1.attacked_signal_vanishes": (
        NegativeControl("same_share", "the attack leaves the same share κ at every d", _same_share_everywhere()),
        NegativeControl(
            "same_share_once",
            "it does so for one network at the largest d",
            _same_share_everywhere(only_one=True),
        ),
    ),
    "theorem_1.memorization_order": (
        NegativeControl(
            "shifts_tripled",
            "shifts three times too large",
            lambda evidence: replace(evidence, shift_scale=3.0),
        ),
        NegativeControl("standard_runs", "the claim is judged on runs with λ = 0", _judge("main", "standard")),
    ),
    "theorem_1.clean_weight_needed": (
        NegativeControl(
            "mixed_runs", "the claim is judged on runs with λ = 0.9", _judge("adversarial_only", "main")
        ),
        NegativeControl("sign_flipped", _NEGATED, _recount("adversarial_only", negated)),
    ),
    "theorem_1.clean_error_limit": (
        NegativeControl("exponent_off", "1 added to the exponent", _shift_exponent("noise_std", 1.0 / 6.0)),
        NegativeControl(
            "one_run_unlearned", "one run at the largest d has λ = 1", _train_one_otherwise("adversarial_only")
        ),
    ),
    "theorem_1.robust_error_limit": (
        NegativeControl("same_share", "the law is told the same share κ at every d", _told_one_share),
    ),
    **PHASE_FAULTS,
}
