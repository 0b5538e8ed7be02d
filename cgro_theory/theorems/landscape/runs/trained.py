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


@dataclass(frozen=True)
class ReachedError:
    """The robust train error, under the strongest attack, of a run that should have fitted its attacked images."""

    width: int
    seed: int
    robust_train_error: float


@dataclass(frozen=True, eq=False)
class LandscapeEvidence:
    """``runs`` trained adversarially and ``controls`` on clean images, of the same splits and seeds.

    ``ladder`` are the runs of the capacity ladder, at a radius of their own; ``reached`` and ``ladder_reached``
    say whether they fitted their attacked images: one that did not leaves the claims undecided. ``failures`` say
    which runs broke off and why. ``flatness_power`` is the power of F that the rank correlation is told, 1.
    """

    profile: str
    seed: int
    radius: float
    main_width: int
    runs: tuple[ExperimentRecord, ...] = ()
    controls: tuple[ExperimentRecord, ...] = ()
    ladder: tuple[ExperimentRecord, ...] = ()
    roles: WidthRoles | None = None
    reached: tuple[ReachedError, ...] = ()
    ladder_reached: tuple[ReachedError, ...] = ()
    failures: tuple[str, ...] = ()
    flatness_power: float = 1.0

    @property
    def main(self) -> tuple[ExperimentRecord, ...]:
        """The adversarial runs at the main width, by seed."""
        chosen = (run for run in self.runs if run.recipe.width == self.main_width)
        return tuple(sorted(chosen, key=lambda run: run.seed))

    def rungs(self, width: int) -> dict[int, ExperimentRecord]:
        """The ladder's runs of one width, by seed."""
        return {run.seed: run for run in self.ladder if run.recipe.width == width}
