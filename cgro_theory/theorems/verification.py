"""Run one room: make its runs, judge each claim, then each of its negative controls by the same check."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
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
    Look,
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
from cgro_theory.theorems.checked_claim import Check, CheckedClaim, NegativeControl
from cgro_theory.theorems.kept_runs import RunsInMemory, RunStore
from cgro_theory.theorems.room import Claims, Profile, Progress, Room, RunRequest, begin_runs
from cgro_theory.theorems.worker_pool import WorkerPool

FAILURE_BUDGET = 1e-3
"""Failure probability of all statistical statements of one run together (design.md, section 2)."""
LOOKS: Mapping[Profile, int] = {"quick": 3, "full": 4}
"""Looks at the data that a claim may take: look k has 2^(k-1) times as many runs, or brackets as much finer."""


@dataclass(frozen=True)
class PlannedRoom:
    """A room that is to be verified: the claims ``asked`` for and all they depend on, and the request for runs.

    ``begun`` holds, by a theorem's label, what waits for those of its runs that other processes already make.
    """

    room: Room
    asked: tuple[str, ...]
    claims: tuple[CheckedClaim, ...]
    request: RunRequest
    begun: Mapping[str, Gather]


def plan_room(
    room: Room,
    *,
    device: str = "cpu",
    profile: Profile = "quick",
    seed: int = 0,
    only: tuple[str, ...] = (),
    kept: RunStore | None = None,
    workers: WorkerPool | None = None,
) -> PlannedRoom:
    """What to judge: the claims of ``room``, or ``only`` those, with everything they depend on.

    ``workers``, which then keep finished runs in the same ``kept``, begin with the runs. What is kept is not made
    again. Raises :class:`InvalidInput` when
    ``only`` names a claim that the room does not state.
    """
    own = tuple(entry.label for entry in room.checked)
    for label in only:
        require_claim(room, label)
    asked = tuple(dict.fromkeys(only)) or own
    labels = (*asked, *(label for label in with_dependencies(asked) if label not in asked))
    claims = tuple(checked_claim(label) for label in labels)
    kept = RunsInMemory() if kept is None else kept
    request = RunRequest(profile, seed, device, frozenset(labels), _silent, kept=kept, workers=workers)
    begun = (
        {} if workers is None else {home.label: _begin(home, own) for home, own in _by_theorem(claims, request)}
    )
    return PlannedRoom(room, asked, claims, request, begun)


def _silent(doing: str, fraction: float) -> None:
    """Progress that nobody sees."""


def verify_room(
    planned: PlannedRoom, environment: Environment, progress: Progress = _silent
) -> VerificationResult:
    """Judge what was planned.

    What is undecided looks again, at more runs, until it is decided or LOOKS are taken; the figures show the
    first look. An exception inside one check makes that claim inconclusive and no other; one while the runs of a
    room are made leaves the claims of that room inconclusive. Errors of this project (bad input, bad files) are
    raised.
    """
    started = time.monotonic()
    claims, room = planned.claims, planned.room
    request = replace(planned.request, progress=progress)
    statistical = [entry.label for entry in claims if entry.claim.statistical]
    ledger = FailureLedger(FAILURE_BUDGET, statistical or ["none"])

    first = gather_all(claims, request, planned.begun)
    verdicts = {entry.label: judge_entry(entry, first, request, ledger) for entry in claims}
    for look in range(2, LOOKS[request.profile] + 1):
        again = [entry for entry in claims if verdicts[entry.label].is_open and _may_look_again(entry)]
        further = replace(request, look=look)
        found = gather_all(again, further)
        for entry in again:
            seen = judge_entry(entry, found, further, ledger)
            verdicts[entry.label] = _joined(verdicts[entry.label], seen)
    parameters: dict[str, Any] = {"failure_budget": FAILURE_BUDGET, "looks": LOOKS[request.profile]}
    for gathered in first.values():
        parameters.update(gathered.parameters)
    return VerificationResult(
        theorem=room.label,
        profile=request.profile,
        seed=request.seed,
        seconds=time.monotonic() - started,
        environment=environment,
        parameters=parameters,
        verdicts=tuple(verdicts.values()),
        ledger=tuple(ledger.entries),
        figures=tuple(figure for gathered in first.values() for figure in gathered.figures),
        asked=planned.asked,
    )


def _may_look_again(entry: CheckedClaim) -> bool:
    """Whether more data can decide: the claim is statistical, and needs runs that a later look makes more of."""
    return entry.claim.statistical and bool(room_of_claim(entry.label).content.GROWING & set(entry.needs))


def _joined(before: Verdict, after: Verdict) -> Verdict:
    """The verdict after another look: the last look's, claim and negative controls, and all looks that were taken.

    A look may open again, or refute, what an earlier one had passed: claim and controls are judged on the same
    runs.
    """
    looks = (*before.looks, *after.looks)
    return replace(after, looks=looks, failure_probability=sum(look.failure_probability for look in looks))


Gather = Callable[[RunRequest], Any]
"""Makes a theorem's runs, or waits for them."""


def _by_theorem(claims: Sequence[CheckedClaim], request: RunRequest) -> list[tuple[Room, RunRequest]]:
    """The theorems that the claims belong to, each with the request for its own runs."""
    asked = []
    for home in dict.fromkeys(room_of_claim(entry.label) for entry in claims):
        own = [entry for entry in claims if room_of_claim(entry.label) is home]
        sets = frozenset(name for entry in own for name in entry.needs)
        labels = request.labels if request.look == 1 else frozenset(entry.label for entry in own)
        asked.append((home, replace(request, sets=sets, labels=labels)))
    return asked


def _begin(home: Room, request: RunRequest) -> Gather:
    """Have the shared processes begin with the runs; what that raises is raised when the runs are asked for."""
    begin = getattr(home.content, "begin", None)
    if begin is None or request.workers is None:
        return home.content.gather
    try:
        waiting: Gather = begin_runs(begin, request, request.workers)
    except Exception as error:
        return partial(_raise_again, error)
    return waiting


def _raise_again(error: Exception, request: RunRequest) -> Any:
    raise error


def gather_all(
    claims: Sequence[CheckedClaim], request: RunRequest, begun: Mapping[str, Gather] = MappingProxyType({})
) -> dict[str, GatheredRuns]:
    """The runs that the claims need, made once per theorem, by its label; ``begun`` are under way."""
    gathered: dict[str, GatheredRuns] = {}
    for home, own in _by_theorem(claims, request):
        found = gather_runs(home.content, begun.get(home.label, home.content.gather), own)
        for figure in found.figures:
            if not home.may_write(f"{figure.name}.png"):
                why = f"the figure {figure.name!r} is not named after its theorem, {home.label}_…"
                found = GatheredRuns(failure=why)
        gathered[home.label] = found
    return gathered


def judge_entry(
    entry: CheckedClaim, gathered: Mapping[str, GatheredRuns], request: RunRequest, ledger: FailureLedger
) -> Verdict:
    """Judge one claim and its negative controls at one look, with that look's failure probability."""
    home = room_of_claim(entry.label)
    found, again = gathered[home.label], "" if request.look == 1 else f", look {request.look}"
    request.progress(f"judging {entry.label}{again}", 0.0)
    purpose, probability = entry.claim.quantity, 0.0
    if entry.claim.statistical:
        probability = ledger.spend(entry.label, purpose, request.look)
    if found.failure:
        verdict = _undecided(entry.claim, found.failure, probability)
    else:
        controls = tuple(
            judge_control(entry.claim, entry.check, found.runs, probability, control) for control in entry.controls
        )
        verdict = replace(judge_claim(entry.claim, entry.check, found.runs, probability), controls=controls)
    uncaught = sum(not control.caught for control in verdict.controls)
    runs, spent = verdict.measurement.runs, verdict.failure_probability
    look = Look(request.look, spent, verdict.outcome, runs, uncaught)
    request.progress(f"judging {entry.label}{again}", 1.0)
    chosen = f"--profile {request.profile} --seed {request.seed}"
    return replace(verdict, looks=(look,), reproduce=f"cgro verify {home.label} --only {entry.label} {chosen}")


@dataclass(frozen=True)
class GatheredRuns:
    """A theorem's runs, with its figures and parameters; ``failure`` says what went wrong, if anything."""

    runs: Any = None
    figures: tuple[Figure, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    failure: str = ""


def gather_runs(content: Claims, gather: Gather, request: RunRequest) -> GatheredRuns:
    """Make a theorem's runs by ``gather``.

    What they raise (a worker killed for memory, a bug) is told, so nothing passes.
    """
    try:
        runs = gather(request)
        if request.look > 1:
            return GatheredRuns(runs)
        return GatheredRuns(runs, content.figures(runs), content.parameters(runs))
    except CgroError as error:
        if request.look == 1:  # bad input is the user's to know; what was found before a later look is kept
            raise
        return GatheredRuns(failure=f"the runs of look {request.look} could not be made: {error}")
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
