"""Deliberately wrong versions of the landscape's claims; each must come out refuted by the claim's own check.

Each judges other networks, other images, other epochs or another formula than the claim speaks of; what was
measured of a network stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from cgro_theory.theorems.checked_claim import NegativeControl
from cgro_theory.theorems.landscape.runs.trained import LandscapeEvidence
from cgro_theory.vision.experiment import ExperimentRecord, Moment


def _controls_instead(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """The networks of standard training are judged as if the attack had been on."""
    if not evidence.controls:
        raise ValueError("no control was trained")
    return replace(evidence, runs=evidence.controls)


def _each_run(
    evidence: LandscapeEvidence, change: Callable[[ExperimentRecord], ExperimentRecord]
) -> LandscapeEvidence:
    return replace(evidence, runs=tuple(change(run) for run in evidence.runs))


def _images_exchanged(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """Training and test images trade places."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        moments = tuple(Moment(moment.epoch, moment.test, moment.train) for moment in run.moments)
        return replace(run, moments=moments)

    return _each_run(evidence, change)


def _time_reversed(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """The networks of the second half of training in the opposite order."""

    def change(run: ExperimentRecord) -> ExperimentRecord:
        epochs = [moment.epoch for moment in run.moments if 2 * moment.epoch >= run.recipe.epochs]
        late = [moment for moment in run.moments if moment.epoch in epochs]
        turned = [replace(moment, epoch=epoch) for moment, epoch in zip(late[::-1], epochs, strict=True)]
        early = [moment for moment in run.moments if moment.epoch not in epochs]
        return replace(run, moments=(*early, *turned))

    return _each_run(evidence, change)


def _runs_confused(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """Each network's errors beside the flatness of the opposite width at the opposite epoch, of the same seed."""
    changed = []
    for seed in sorted({run.seed for run in evidence.runs}):
        own = sorted((run for run in evidence.runs if run.seed == seed), key=lambda run: run.recipe.width)
        for run, other in zip(own, own[::-1], strict=True):
            moments = tuple(
                replace(moment, test=replace(moment.test, max_gradient_norm=beside.test.max_gradient_norm))
                for moment, beside in zip(run.moments, other.moments[::-1], strict=True)
            )
            changed.append(replace(run, moments=moments))
    return replace(evidence, runs=tuple(changed))


def _roles_exchanged(evidence: LandscapeEvidence) -> LandscapeEvidence:
    """The claim is told that the middle width is the narrow one."""
    roles = evidence.roles
    if roles is None:
        raise ValueError("no ladder of widths was trained")
    return replace(evidence, roles=replace(roles, narrow=roles.middle, middle=roles.narrow))


FAULTS: Mapping[str, tuple[NegativeControl, ...]] = {
    "landscape.flat_inside_sharp_outside": (
        NegativeControl("standard_training", "networks of standard training are judged", _controls_instead),
    ),
    "landscape.local_versus_global": (
        NegativeControl("images_exchanged", "training and test images exchanged", _images_exchanged),
        NegativeControl("time_reversed", "the second half of training run backwards", _time_reversed),
    ),
    "landscape.gap_follows_global_flatness": (
        NegativeControl(
            "runs_confused", "gaps beside the flatness of the opposite width and epoch", _runs_confused
        ),
        NegativeControl(
            "flatness_inverted",
            "the claim is told 1/F, large where the loss is flat",
            lambda evidence: replace(evidence, flatness_power=-1.0),
        ),
    ),
    "landscape.capacity": (
        NegativeControl("widths_reversed", "the narrow and the middle width exchanged", _roles_exchanged),
    ),
}
