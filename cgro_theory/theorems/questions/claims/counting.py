"""What the checks share: what predictions are told, the initial draws, and counts that must be 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from cgro_theory.claims import Evidence as Kind
from cgro_theory.claims import Interval, Measurement, Prediction
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.questions.runs.made import AttackComparison, FreshCount, QuestionsEvidence
from cgro_theory.theorems.room import CheckedPair
from cgro_theory.theorems.theorem_1_feature_learning.runs.initial_draws import initial_draws_of
from cgro_theory.theorems.theorem_1_feature_learning.runs.phases import Cell
from cgro_theory.theorems.theorem_1_feature_learning.theory.signal import InitialDraw
from cgro_theory.trainer.reduction import draw_subspace_problem

NONE = Prediction(Interval.point(0.0))


def told(setting: PatchSetting, evidence: QuestionsEvidence) -> PatchSetting:
    """The setting that predictions are told: that of the run, unless a planted fault says else."""
    factor = float(setting.patch_dimension) ** evidence.told_exponent
    fraction = max(-1.0, min(1.0, setting.attacked_signal_fraction * evidence.told_fraction))
    return replace(setting, signal_strength=setting.signal_strength * factor, attacked_signal_fraction=fraction)


@lru_cache(maxsize=4096)
def draw_of(setting: PatchSetting, seed: int) -> InitialDraw:
    """The initial draw of a run, drawn again from its seed."""
    return initial_draws_of(draw_subspace_problem(setting, (seed,)))[0]


def replicates(cells: Sequence[Cell]) -> list[tuple[int, Cell]]:
    """Each network with its number among those of its own setting: number k of every setting make one ladder."""
    seen: dict[PatchSetting, int] = {}
    numbered = []
    for cell in cells:
        number = seen.get(cell.setting, 0)
        seen[cell.setting] = number + 1
        numbered.append((number, cell))
    return numbered


def broken(entries: Sequence[AttackComparison | Cell | FreshCount], predicted: Prediction) -> CheckedPair | None:
    """The inconclusive pair when there are no entries or one has no numbers; else None."""
    failure = "the networks of this claim were not trained" if not entries else ""
    failure = failure or next((entry.failure for entry in entries if entry.failure), "")
    return CheckedPair(predicted, Measurement.failed(failure)) if failure else None


def count(
    disagreeing: int,
    judged: int,
    seeds: Sequence[int],
    failure_probability: float,
    notes: tuple[tuple[str, float], ...] = (),
) -> CheckedPair:
    """A count of entries that do something else than predicted, to be 0; none judged is no measurement."""
    if judged == 0:
        return CheckedPair(NONE, Measurement.failed("no network is clear of a boundary"))
    measurement = Measurement(
        estimate=float(disagreeing),
        interval=Interval.point(float(disagreeing)),
        confidence=1.0 - failure_probability,
        runs=judged,
        evidence=Kind.STATISTICAL,
        seeds=tuple(sorted(set(seeds))),
        notes=notes,
    )
    return CheckedPair(NONE, measurement)
