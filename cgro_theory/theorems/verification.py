"""Run one room: make its runs, judge each claim, then each of its negative controls by the same check."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass, field, replace
from typing import Any

from cgro_theory.claims import (
    Claim,
    Condition,
    ControlVerdict,
    Environment,
    Evidence,
    FailureLedger,
    Figure,
    Interval,
    Measurement,
    Outcome,
    Prediction,
    Reading,
    Relation,
    Verdict,
    VerificationResult,
    judge,
)
from cgro_theory.errors import CgroError
from cgro_theory.theorems.catalogue import checked_claim, require_claim, room_of_claim, with_dependencies
from cgro_theory.theorems.checked_claim import Check, NegativeControl
from cgro_theory.theorems.kept_runs import KeptRuns
from cgro_theory.theorems.room import Claims, Profile, Progress, Room, RunRequest

FAILURE_BUDGET = 1e-3
"""Failure probability of all statistical statements of one run together (design.md, section 2)."""


def verify_room(
    room: Room,
    *,
    environment: Environment,
    device: str = "cpu",
    profile: Profile = "quick",
    seed: int = 0,
    only: tuple[str, ...] = (),
    progress: Progress = lambda doing, fraction: None,
    kept: KeptRuns | None = None,
) -> VerificationResult:
    """Judge the claims of ``room``, or of ``only`` among them, with everything they depend on.

    Runs that ``kept`` holds are not made again. Raises :class:`InvalidInput` when ``only`` names a claim that the
    room does not state. An exception inside
    one check makes that claim inconclusive and no other; one while the runs of a room are made leaves
    the claims of that room inconclusive. Errors of this project (bad input, bad files) are raised.
    """
    started = time.monotonic()
    own = tuple(entry.label for entry in room.checked)
    for label in only:
        require_claim(room, label)
    asked = tuple(dict.fromkeys(only)) or own
    labels = (*asked, *(label for label in with_dependencies(asked) if label not in asked))
    claims = [checked_claim(label) for label in labels]
    statistical = [entry.label for entry in claims if entry.claim.statistical]
    ledger = FailureLedger(FAILURE_BUDGET, statistical or ["none"])

    gathered: dict[str, GatheredRuns] = {}
    verdicts: list[Verdict] = []
    for entry in claims:
        home = room_of_claim(entry.label)
        if home.label not in gathered:
            sets = frozenset(name for each in home.checked if each.label in labels for name in each.needs)
            request = RunRequest(profile, seed, device, frozenset(labels), progress, sets, kept)
            gathered[home.label] = gather_runs(home.content, request)
        found = gathered[home.label]
        progress(f"judging {entry.label}", 0.0)
        probability = ledger.spend(entry.label, entry.claim.quantity) if entry.claim.statistical else 0.0
        reproduce = f"cgro verify {home.label} --only {entry.label} --profile {profile} --seed {seed}"
        if found.failure:
            verdict = _undecided(entry.claim, found.failure, probability)
        else:
            controls = tuple(
                judge_control(entry.claim, entry.check, found.runs, probability, control)
                for control in entry.controls
            )
            verdict = judge_claim(entry.claim, entry.check, found.runs, probability)
            verdict = replace(verdict, controls=controls)
        verdicts.append(replace(verdict, reproduce=reproduce))
        progress(f"judging {entry.label}", 1.0)
    parameters: dict[str, Any] = {"failure_budget": FAILURE_BUDGET}
    for found in gathered.values():
        parameters.update(found.parameters)
    return VerificationResult(
        theorem=room.label,
        profile=profile,
        seed=seed,
        seconds=time.monotonic() - started,
        environment=environment,
        parameters=parameters,
        verdicts=tuple(verdicts),
        ledger=tuple(ledger.entries),
        figures=tuple(figure for found in gathered.values() for figure in found.figures),
        asked=asked,
    )


@dataclass(frozen=True)
class GatheredRuns:
    """A theorem's runs, with its figures and parameters; ``failure`` says what went wrong, if anything."""

    runs: Any = None
    figures: tuple[Figure, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


def gather_runs(content: Claims, request: RunRequest) -> GatheredRuns:
    """Make a theorem's runs. What they raise (a worker killed for memory, a bug) is told, so nothing passes."""
    try:
        runs = content.gather(request)
        return GatheredRuns(runs, content.figures(runs), content.parameters(runs))
    except CgroError:
        raise
    except Exception as error:
        return GatheredRuns(failure=f"the runs could not be made: {_describe(error)}")


def judge_claim(entry: Claim, check: Check, runs: Any, failure_probability: float) -> Verdict:
    """Make one check and judge it; an exception is an inconclusive verdict that says what happened."""
    started = time.monotonic()
    try:
        pair = check(runs, failure_probability)
    except Exception as error:
        return _undecided(entry, _describe(error), failure_probability)
    prediction = _with_tolerance(entry, pair.prediction)
    amiss = _wrongly_assumed(entry, prediction)
    if amiss:
        return _undecided(entry, amiss, failure_probability)
    outcome, reason = judge(entry, prediction, pair.measurement)
    spent = failure_probability if pair.measurement.evidence is Evidence.STATISTICAL else 0.0
    return Verdict(entry, prediction, pair.measurement, outcome, reason, spent, seconds=time.monotonic() - started)


def judge_control(
    entry: Claim, check: Check, runs: Any, failure_probability: float, control: NegativeControl
) -> ControlVerdict:
    """Judge the claim with one of its negative controls in place: other runs, another check, or both."""
    try:
        altered = runs if control.alter is None else control.alter(runs)
    except Exception as error:
        description = f"{control.description} (could not be planted: {error})"
        return ControlVerdict(control.name, description, Outcome.INCONCLUSIVE)
    verdict = judge_claim(entry, control.check or check, altered, failure_probability)
    sides = verdict.prediction, verdict.measurement
    return ControlVerdict(control.name, control.description, verdict.outcome, *sides)


def _wrongly_assumed(entry: Claim, prediction: Prediction) -> str:
    """What a prediction relied on and its claim does not state, or the other way round; nothing when all is well.

    A prediction without an interval may have stopped before it evaluated everything.
    """
    stated = {each for each in entry.assumptions if isinstance(each, Condition)}
    evaluated = {each.condition for each in prediction.assumed}
    for each in sorted(evaluated - stated, key=lambda condition: condition.name):
        return f"the prediction relies on {each.name!r}, which the claim does not state"
    if prediction.interval is not None and not prediction.unmet:
        for each in sorted(stated - evaluated, key=lambda condition: condition.name):
            return f"the claim states {each.name!r}, which the prediction did not evaluate"
    return ""


def _undecided(entry: Claim, why: str, failure_probability: float) -> Verdict:
    """The verdict on a claim whose check gave no numbers."""
    failed = Measurement.failed(why)
    return Verdict(entry, Prediction(None), failed, Outcome.INCONCLUSIVE, why, failure_probability)


def _describe(error: Exception) -> str:
    frame = traceback.extract_tb(error.__traceback__)[-1]
    # What was raised in a worker process carries its place as a note; here it was only raised again.
    where = getattr(error, "__notes__", [f"{frame.name}, line {frame.lineno}"])[-1]
    return f"{type(error).__name__}: {error} ({where})"


def _with_tolerance(entry: Claim, prediction: Prediction) -> Prediction:
    """For ``equals``, the predicted interval widened by the tolerance that the claim fixed in advance."""
    if entry.relation is not Relation.EQUALS or prediction.interval is None or entry.tolerance is None:
        return prediction
    widened = prediction.interval.widened(entry.tolerance)
    low = max(widened.low, entry.natural_range.low)
    high = min(widened.high, entry.natural_range.high)
    raw = prediction.raw or Reading(prediction.interval)
    return replace(prediction, interval=Interval(low, high), raw=raw) if low <= high else prediction
