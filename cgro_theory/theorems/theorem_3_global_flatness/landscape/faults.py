"""Deliberately wrong versions of the landscape's claims; each must come out refuted by the claim's own check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from cgro_theory.theorems.room import PlantedFault
from cgro_theory.theorems.theorem_3_global_flatness.landscape.evidence import LandscapeEvidence
from cgro_theory.vision.experiment import ExperimentRecord, Moment
from cgro_theory.vision.landscape import Landscape


def _each_run(
    evidence: LandscapeEvidence, change: Callable[[ExperimentRecord], ExperimentRecord]
) -> LandscapeEvidence:
    return replace(
        evidence,
        runs=tuple(change(run) for run in evidence.runs),
        ladder=tuple(change(run) for run in evidence.ladder),
    )


def _control_instead(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """The landscape of the control of the same seed; errors stay, so that the run still counts as fitted."""
    controls = {run.seed: run.final.train for run in evidence.controls}
    if not controls:
        raise ValueError("no control was trained")

    def change(run: ExperimentRecord) -> ExperimentRecord:
        around = controls[run.seed]
        kept = [around.at(radius) for radius in around.radii]
        train = replace(
            run.final.train,
            radii=around.radii,
            max_gradient_norm=around.max_gradient_norm[kept],
            max_loss_change=around.max_loss_change[kept],
            wrong=run.final.train.wrong[[run.final.train.at(radius) for radius in around.radii]],
        )
        return replace(run, final=replace(run.final, train=train))

    return replace(evidence, runs=tuple(change(run) for run in evidence.main if run.seed in controls))


def _radii_exchanged(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """What was measured at ε0 and at 2ε0 trade places: sharp inside, flat outside."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        around = run.final.train
        order = list(range(len(around.radii)))
        inner, outer = around.at(evidence.radius), around.at(2 * evidence.radius)
        order[inner], order[outer] = outer, inner
        train = replace(
            around,
            max_gradient_norm=around.max_gradient_norm[order],
            max_loss_change=around.max_loss_change[order],
        )
        return replace(run, final=replace(run.final, train=train))

    return replace(evidence, runs=tuple(change(run) for run in evidence.main))


def _with_norms(around: Landscape, norms: Landscape) -> Landscape:
    return replace(around, max_gradient_norm=norms.max_gradient_norm)


def _flatness_exchanged(evidence: LandscapeEvidence) -> LandscapeEvidence:
    def change(run: ExperimentRecord) -> ExperimentRecord:
        moments = tuple(
            Moment(m.epoch, _with_norms(m.train, m.test), _with_norms(m.test, m.train)) for m in run.moments
        )
        return replace(run, moments=moments)

    return _each_run(evidence, change)


def _time_reversed(evidence: LandscapeEvidence) -> LandscapeEvidence:
    def change(run: ExperimentRecord) -> ExperimentRecord:
        epochs = [moment.epoch for moment in run.moments if 2 * moment.epoch >= run.recipe.epochs]
        late = [moment for moment in run.moments if moment.epoch in epochs]
        turned = [replace(moment, epoch=epoch) for moment, epoch in zip(late[::-1], epochs, strict=True)]
        early = [moment for moment in run.moments if moment.epoch not in epochs]
        return replace(run, moments=(*early, *turned))

    return _each_run(evidence, change)


def _gap_reversed(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """Train and test errors trade places, the flatness stays."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        moments = tuple(
            Moment(m.epoch, _with_norms(m.test, m.train), _with_norms(m.train, m.test)) for m in run.moments
        )
        return replace(run, moments=moments)

    return _each_run(evidence, change)


def _steepness_inverted(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """Flatness read as large when flat (1/F), against the paper's convention."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        moments = tuple(replace(m, test=_inverted(m.test)) for m in run.moments)
        return replace(run, moments=moments)

    return _each_run(evidence, change)


def _inverted(around: Landscape) -> Landscape:
    means = around.max_gradient_norm.mean(axis=1, keepdims=True)
    return replace(around, max_gradient_norm=np.broadcast_to(1.0 / means, around.max_gradient_norm.shape))


def _widths_reversed(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """Narrow and middle trade places; what the runs reached, and so the scope, stays as it was."""
    roles = evidence.roles
    if roles is None:
        raise ValueError("no ladder of widths was trained")
    other = {roles.narrow: roles.middle, roles.middle: roles.narrow}

    def change(run: ExperimentRecord) -> ExperimentRecord:
        return replace(run, recipe=replace(run.recipe, width=other.get(run.recipe.width, run.recipe.width)))

    return replace(evidence, ladder=tuple(change(run) for run in evidence.ladder))


FAULTS: Mapping[str, tuple[PlantedFault, ...]] = {
    "landscape.flat_inside_sharp_outside": (
        PlantedFault("standard_training", "the landscape of standard training instead", _control_instead),
        PlantedFault("radii_exchanged", "the measures at ε0 and 2ε0 exchanged", _radii_exchanged),
    ),
    "landscape.local_versus_global": (
        PlantedFault("flatness_exchanged", "local and global flatness exchanged", _flatness_exchanged),
        PlantedFault("time_reversed", "the second half of training run backwards", _time_reversed),
    ),
    "landscape.gap_follows_global_flatness": (
        PlantedFault("gap_reversed", "train error minus test error as the gap", _gap_reversed),
        PlantedFault("flatness_inverted", "flatness taken as large where the loss is flat", _steepness_inverted),
    ),
    "landscape.capacity": (
        PlantedFault("widths_reversed", "the narrow and the middle width exchanged", _widths_reversed),
    ),
}
