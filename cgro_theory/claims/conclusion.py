"""What a verification as a whole comes to: its exit code, and in words why it is not 0."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cgro_theory.claims.result import VerificationResult
from cgro_theory.claims.verdict import Outcome


class ExitCode(enum.IntEnum):
    """What a program of this project tells its caller."""

    PASSED = 0
    REFUTED = 1
    INVALID = 2
    INCONCLUSIVE = 3


@dataclass(frozen=True)
class Conclusion:
    """The exit code of a verification; ``reasons`` say why it is not 0, one phrase each, none when it is."""

    code: ExitCode
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line, such as ``exit code 3 (inconclusive): a.x is undecided``."""
        return f"exit code {self.code.value} ({self.code.name.lower()}): {'; '.join(self.reasons)}"


def conclude(results: Sequence[VerificationResult], unjudged: Sequence[str] = ()) -> Conclusion:
    """The exit code of verifications that were asked for together; ``unjudged`` are reasons why others gave none.

    1 when a claim is refuted. Else 3 when a claim is inconclusive, when one that was asked for was not judged,
    when a negative control of any judged claim did not come out refuted (so one out of scope with its claim is
    open, too), or when of all that was asked for nothing passed. Else 0: a claim out of scope or vacuous is no
    reason by itself.
    """
    refuted = [
        f"{verdict.claim.label} is refuted"
        for result in results
        for verdict in result.verdicts
        if verdict.outcome is Outcome.REFUTED
    ]
    if refuted:
        return Conclusion(ExitCode.REFUTED, tuple(refuted))
    open_ends = [*(reason for result in results for reason in _open_ends(result)), *unjudged]
    asked = [
        verdict for result in results for verdict in result.verdicts if verdict.claim.label in result.asked_for
    ]
    if not open_ends and not any(verdict.passed for verdict in asked):
        came_out = sorted({verdict.outcome.in_words for verdict in asked}) or ["not judged"]
        open_ends.append(f"nothing that was asked for passed: it came out {' or '.join(came_out)}")
    return Conclusion(ExitCode.INCONCLUSIVE, tuple(open_ends)) if open_ends else Conclusion(ExitCode.PASSED)


def _open_ends(result: VerificationResult) -> Iterator[str]:
    for verdict in result.verdicts:
        label = verdict.claim.label
        if verdict.outcome is Outcome.INCONCLUSIVE:
            yield f"{label} is inconclusive"
        for control in verdict.controls:
            if not control.caught:
                came_out = control.outcome.in_words
                yield f"negative control {control.name!r} of {label} was not caught: it came out {came_out}"
    judged = {verdict.claim.label for verdict in result.verdicts}
    for label in result.asked_for:
        if label not in judged:
            yield f"{label} was asked for and not judged"
