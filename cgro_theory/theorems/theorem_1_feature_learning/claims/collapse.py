"""Where an attack beyond α spoils clean generalization (theory.md 9): the signal goes to the wrong side."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import sympy as sp

from cgro_theory.claims import (
    Claim,
    EvaluatedCondition,
    Figure,
    Interval,
    Panel,
    Provenance,
    Relation,
    Series,
    Source,
)
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.checked_claim import CheckedClaim, CheckedPair, NegativeControl, with_wrong

from ..runs.counted_errors import measure_errors
from ..runs.initial_draws import initial_draws
from ..runs.phases import GENERALIZED
from ..runs.trained import CollapseTrial, TrainedEvidence
from ..theory.conditions import BOTH_SIDES, OVER_ATTACK, ROOT_NEURON, START_INSIDE
from ..theory.over_attack import collapse_boundary, root_conditions
from ..theory.signal import InitialDraw, evaluated
from .exponent_plane import points_by_phase
from .negative_controls import NEGATED_ONE, negated
from .over_attack import counted_run
from .symbols import PROJECT, RATE, lam, q
from .worst_run import judge_runs

BOUNDARY = Claim(
    label="theorem_1.collapse_boundary",
    statement="For λ > 1/2 clean generalization collapses at κ_- = -((1-λ)/λ)^(1/q), whatever d, N and m are: "
    "above it fresh clean points are right, below it they are wrong.",
    source=Source(PROJECT, "9"),
    provenance=(Provenance.NEW,),
    quantity="clean test error of every network trained near κ_-, the one nearest to an end of its interval",
    natural_range=RATE,
    relation=Relation.WITHIN,
    expression=sp.Eq(sp.Symbol("kappa_minus", real=True), -(((1 - lam) / lam) ** (1 / q))),
    assumptions=(*OVER_ATTACK[:4], BOTH_SIDES, START_INSIDE),
    depends_on=("theorem_1.over_attack_plateau",),
    limitations="One size, d = 10^8, N = 20, m = 24 and q = 3, and networks no nearer to κ_- than the bisection "
    "came, a hundredth of it.",
)


def check_boundary(
    runs: TrainedEvidence,
    failure_probability: float,
    *,
    boundary: Callable[[float, int], float] = collapse_boundary,
) -> CheckedPair:
    """The counted clean test error of every network of the searches, on its side of κ_-."""
    trials, entries = runs.collapse, []
    for trial in trials:
        setting, counted = trial.setting, trial.errors
        beyond = setting.attacked_signal_fraction < boundary(setting.adversarial_weight, setting.degree)
        allowed = Interval(1.0 - GENERALIZED, 1.0) if beyond else Interval(0.0, GENERALIZED)
        assumed = _trial_conditions(setting, initial_draws(trial.runs)[0])
        share = failure_probability / len(trials)
        entry = counted_run(allowed, int(counted.clean_test[0]), counted.test_points, share, assumed)
        entries.append(replace(entry, failure=trial.failure))
    return judge_runs(entries, failure_probability, seeds=[trial.runs.seeds[0] for trial in trials])


def _trial_conditions(setting: PatchSetting, draw: InitialDraw) -> tuple[EvaluatedCondition, ...]:
    """Those of the root, with neurons on both sides: which side it is on is what the claim says."""
    found = (each for each in root_conditions(setting, draw) if each.condition is not ROOT_NEURON)
    return (*found, *evaluated((BOTH_SIDES,), setting, draw))


def _one_trial_negated(evidence: TrainedEvidence) -> TrainedEvidence:
    """The last network of the searches is negated before its errors are counted."""
    *rest, last = evidence.collapse
    counted = measure_errors(negated(last.runs), test_points=last.errors.test_points)
    return replace(evidence, collapse=(*rest, CollapseTrial(last.runs, counted)))


CHECKED = (
    CheckedClaim(
        BOUNDARY,
        check_boundary,
        (
            with_wrong(
                "power_off",
                "1/(q-1) in place of 1/q",
                boundary=lambda weight, degree: collapse_boundary(weight, degree - 1),
            ),
            with_wrong(
                "weights_swapped",
                "λ and 1 - λ swapped",
                boundary=lambda weight, degree: collapse_boundary(1.0 - weight, degree),
            ),
            NegativeControl("one_sign_flipped", NEGATED_ONE, _one_trial_negated),
        ),
        needs=("collapse",),
        numeric=lambda lambda_, q: collapse_boundary(lambda_, q),
    ),
)


def collapse_map_figure(runs: TrainedEvidence) -> Figure:
    """The phases over λ and κ from -1 to 1, with κ_-."""
    cells = runs.collapse_map
    setting, steps = cells[0].setting, [k / 100 for k in range(50, 100)]
    lines = Series(r"$\kappa_-$", steps, [collapse_boundary(weight, setting.degree) for weight in steps], 6)
    panel = Panel(
        f"One network per point; $d = 10^{{{round(math.log10(setting.patch_dimension))}}}$",
        "adversarial weight λ",
        r"attacked signal fraction $\kappa = 1 - \delta/\alpha$",
        (
            *points_by_phase(
                cells, lambda c: c.setting.adversarial_weight, lambda c: c.setting.attacked_signal_fraction
            ),
            lines,
        ),
        legend="below",
    )
    return Figure(
        "theorem_1_collapse_map",
        "Phases of an attack of any strength up to twice the signal",
        "CGRO needs κ near 0. For κ > 0 the attacked signal is learned and nothing memorized; for κ < 0 training "
        "points are memorized and fresh attacked points lost; below κ_- the signal goes to the wrong side.",
        (panel,),
        ("theorem_1.collapse_boundary", "theorem_1.over_attack_errors"),
    )
