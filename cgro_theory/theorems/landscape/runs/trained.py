"""What the runs on images leave for the checks to look at: numbers per image, epoch and radius; no networks."""

from __future__ import annotations

from dataclasses import dataclass

from cgro_theory.vision.experiment import ExperimentRecord


@dataclass(frozen=True)
class WidthRoles:
    """The widths that the claims name, fixed before any run."""

    narrow: int
    middle: int
    wide: int


@dataclass(frozen=True, eq=False)
class LandscapeRuns:
    """The sets of runs on images; those that no claim asked for are empty.

    Attributes:
        radius: the training radius of all but the ladder.
        roles: of the ladder's widths.
        main: trained adversarially at the main width, by seed.
        other_widths: the same at other widths, on splits and seeds of ``main``, those that are paired.
        standard: trained on clean images at the main width, on the same paired splits and seeds.
        width_ladder: the runs of the claim on capacity, at a radius of their own.
        failures: which runs broke off and why.
    """

    radius: float
    roles: WidthRoles
    main: tuple[ExperimentRecord, ...] = ()
    other_widths: tuple[ExperimentRecord, ...] = ()
    standard: tuple[ExperimentRecord, ...] = ()
    width_ladder: tuple[ExperimentRecord, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def over_epochs(self) -> tuple[ExperimentRecord, ...]:
        """The adversarial runs that were measured over epochs, of the seeds that were trained at every width."""
        runs = (*self.other_widths, *self.main)
        widths = {run.recipe.width for run in runs}
        made = {(run.seed, run.recipe.width) for run in runs}
        return tuple(run for run in runs if all((run.seed, width) in made for width in widths))

    def rungs(self, width: int) -> dict[int, ExperimentRecord]:
        """The ladder's runs of one width, by seed."""
        return {run.seed: run for run in self.width_ladder if run.recipe.width == width}
