"""Theorem 1 for one network, proved: its whole training is enclosed by a certificate (theory.md 8.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import sympy as sp

from cgro_theory.claims import (
    Claim,
    Evidence,
    Interval,
    Measurement,
    Prediction,
    Provenance,
    Relation,
    Source,
    Tally,
)
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl
from cgro_theory.theorems.remembered import once_per_object

from ..certificate.certificate import Certificate
from ..certificate.checker import Refused, check
from ..certificate.taylor import ReducedFlow
from ..runs.certified import CANDIDATES, CertifiedRun, TrainedNumbers, trained_until
from ..runs.trained import TrainedEvidence
from .symbols import PAPER, TIME

LEAST_ROBUST_ERROR = 0.4
"""Robust test error that counts as robust overfitting; one half is the most that this attack can do."""
MOST_CLEAN_ERROR = -9.0
"""log10 of the clean test error that counts as clean generalization."""
ALTERED_STEP = 5
"""The step that negative controls change."""

CERTIFIED_RUN = Claim(
    label="theorem_1.certified_run",
    statement="For a stated network, proved with a certificate that is checked in ball arithmetic: gradient flow "
    "under `transfer` learns the signal before it memorizes any point, memorizes every point, and ends with clean "
    "and robust train error 0, a clean test error of at most 10^-9 and a robust test error of at least 0.4.",
    source=Source(PAPER + " and theory.md", "8.3", "v1"),
    provenance=(Provenance.PAPER, Provenance.NEW),
    quantity="parts of the theorem not proved (and numbers of the trained run outside what is proved)",
    natural_range=TIME,
    relation=Relation.AT_MOST,
    expression=sp.Eq(sp.Symbol("contradictions", real=True), 0),
    statistical=False,
    limitations="One network of small width and few points per run; gradient flow, not descent. Odd q only. Its "
    f"draw is the first of {CANDIDATES} for which a neuron favours the signal and the flow, in floats, memorizes "
    "every point. The floats of the draw are taken as exact. Trusted are Arb and the checker, not the "
    "prover. The trained run of the same draw, which is compared in floats beside the proof: a number outside "
    "refutes, and agreement certifies nothing.",
)


def check_certified_run(
    runs: TrainedEvidence,
    failure_probability: float,
) -> CheckedPair:
    """Check each certificate, ask it for the theorem, and look whether the trained run lies inside."""
    made = [(run, run.certificate) for run in runs.certified if run.certificate is not None]
    if not made or len(made) < len(runs.certified):
        why = next(
            (run.failure for run in runs.certified if run.certificate is None),
            "the runs of this claim were not made",
        )
        return CheckedPair(Prediction(None), Measurement.failed(why, Evidence.INTERVAL))
    counts = {"refused": 0, "not proved": 0, "outside": 0}
    notes: list[tuple[str, float]] = []
    for run, certificate in made:
        try:
            proved = _checked(certificate)
        except Refused:
            counts["refused"] += 1
            continue
        counts["not proved"] += _missing(proved)
        counts["outside"] += _outside(proved, run.trained)
        notes += _told(run, proved)
    value = float(sum(counts.values()))
    outside = counts["outside"]
    told = {name: count for name, count in counts.items() if name != "outside" or count}
    measurement = Measurement(
        estimate=value,
        interval=Interval.point(value),
        confidence=1.0,
        runs=len(runs.certified),
        evidence=Evidence.STATISTICAL if outside else Evidence.INTERVAL,
        seeds=tuple(run.seed for run in runs.certified),
        notes=tuple(notes),
        raw=Tally(tuple(told.items()), len(runs.certified)),
    )
    return CheckedPair(Prediction(Interval.point(0.0), leading_order=0.0), measurement)


@once_per_object
def _checked(certificate: Certificate) -> dict[str, Any]:
    """What a certificate proves; the same object is checked once."""
    return check(certificate.arrays())


def _missing(proved: dict[str, Any]) -> int:
    """How many parts of the theorem do not follow."""
    parts = (
        proved["signal_time"][1] < proved["memorization_time"][0],
        all(low >= 1.0 for low, _ in proved["noise_margins"]),
        proved["clean_train_error"] == 0.0,
        proved["robust_train_error"] == 0.0,
        proved["log10_clean_test_error"] <= MOST_CLEAN_ERROR,
        proved["robust_test_error"] >= LEAST_ROBUST_ERROR,
    )
    return sum(not part for part in parts)


def _outside(proved: dict[str, Any], trained: tuple[TrainedNumbers, ...]) -> int:
    """How many numbers of the trained run lie outside, with room for the integrator's measured error."""
    coarse, fine = (_numbers(each) for each in trained)
    ends = np.array([proved["signal_time"], proved["memorization_time"], proved["signal_margin"]])
    ends = np.concatenate([ends, np.array(proved["noise_margins"])])
    error = np.abs(coarse - fine)
    inside = (ends[:, 0] - error <= fine) & (fine <= ends[:, 1] + error)
    return int((~inside).sum())


def _numbers(trained: TrainedNumbers) -> np.ndarray[Any, Any]:
    times = (trained.signal_time, trained.memorization_time, trained.signal_margin)
    return np.concatenate([times, trained.noise_margins])


def _told(run: CertifiedRun, proved: dict[str, Any]) -> list[tuple[str, float]]:
    steps = 0 if run.certificate is None else len(run.certificate.durations)
    return [
        ("steps", float(steps)),
        ("draws passed over, whose flow lost a point", float(run.lost)),
        ("signal time, at most", proved["signal_time"][1]),
        ("first memorization, at least", proved["memorization_time"][0]),
        ("signal margin at the end, at least", proved["signal_margin"][0]),
        ("signal margin at the end, at most", proved["signal_margin"][1]),
        ("log10 of the clean test error, at most", proved["log10_clean_test_error"]),
        ("robust test error, at least", proved["robust_test_error"]),
    ]


def _altered(name: str, description: str, change: Callable[[Certificate], Certificate]) -> NegativeControl:
    """A fault in the certificate of every run."""

    def alter(evidence: TrainedEvidence) -> TrainedEvidence:
        changed = tuple(
            replace(run, certificate=None if run.certificate is None else change(run.certificate))
            for run in evidence.certified
        )
        return replace(evidence, certified=changed)

    return NegativeControl(name, description, alter)


def _gram_changed(certificate: Certificate) -> Certificate:
    factor = certificate.draw.noise_factor.copy()
    factor[-1, 0] *= 1.001
    return replace(certificate, draw=replace(certificate.draw, noise_factor=factor))


def _error_dropped(certificate: Certificate) -> Certificate:
    moved = certificate.moved_bounds.copy()
    moved[ALTERED_STEP, 1:] = moved[ALTERED_STEP, :1]
    return replace(certificate, moved_bounds=moved)


def _weights_swapped(certificate: Certificate) -> Certificate:
    swapped = replace(certificate.setting, adversarial_weight=1.0 - certificate.setting.adversarial_weight)
    clock, moved = certificate.clock.copy(), certificate.moved.copy()
    order = clock.shape[1] - 1
    state = float(clock[ALTERED_STEP, 0]), moved[ALTERED_STEP, 0]
    series = ReducedFlow(swapped, certificate.draw).series(*state, order)
    clock[ALTERED_STEP], moved[ALTERED_STEP] = series.clock, series.moved
    return replace(certificate, clock=clock, moved=moved)


def _rounded_inward(certificate: Certificate) -> Certificate:
    low, high = certificate.claims["signal_margin"]
    middle = 0.5 * (low + high)
    return replace(certificate, claims=certificate.claims | {"signal_margin": [middle, high]})


def _trained_otherwise(evidence: TrainedEvidence) -> TrainedEvidence:
    return replace(evidence, certified=tuple(map(_retrained, evidence.certified)))


def _retrained(run: CertifiedRun) -> CertifiedRun:
    certificate = run.certificate
    if certificate is None:
        return run
    other = replace(certificate.setting, adversarial_weight=0.99 * certificate.setting.adversarial_weight)
    return replace(run, trained=trained_until(other, run.seed, float(certificate.durations.sum())))


CHECKED = (
    CheckedClaim(
        CERTIFIED_RUN,
        check_certified_run,
        (
            _altered(
                "gram_entry_changed", "one noise patch is changed after the draw, by a thousandth", _gram_changed
            ),
            _altered("error_dropped", "in one step the bounds of the error do not grow", _error_dropped),
            _altered("weights_swapped", "λ and 1 - λ swapped in one step", _weights_swapped),
            _altered("rounded_inward", "the lower end of z is rounded up", _rounded_inward),
            NegativeControl("trained_otherwise", "the same draw is trained with 0.99 λ", _trained_otherwise),
        ),
        needs=("certified",),
    ),
)
