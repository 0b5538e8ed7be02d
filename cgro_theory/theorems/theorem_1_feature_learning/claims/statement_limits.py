"""Claims about growing d and about the phases of κ (theory.md 2.4). Needs sympy only."""

from __future__ import annotations

import sympy as sp

from cgro_theory.claims import Claim, Mark, Relation, Source, StatedAssumption
from cgro_theory.theorems.theorem_1_feature_learning.claims.symbols import (
    ARITHMETIC,
    PAPER,
    PROJECT,
    RATE,
    REAL,
    TIME,
    N,
    P,
    V,
    a,
    alpha,
    b,
    d,
    kappa,
    q,
    s,
    sigma,
    v,
    z,
    z_attacked,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACK,
    BELOW_BOUNDARY,
    CLEAN_WEIGHT,
    DEGREE,
    RADIUS,
    SIGNAL_NEURON,
    WIDTH,
)

ONE_NEURON = StatedAssumption(
    "one neuron per point", "each point is memorized by one neuron", "nobody: an idealization"
)

LIMITS: tuple[Claim, ...] = (
    Claim(
        label="theorem_1.signal_time_exponent",
        statement="The signal time grows like d to the power -q a + (q-2) s, up to the slowly varying maximum of "
        "m normals.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.DERIVED,),
        quantity="slope of log T_I in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=-q * a + (q - 2) * s,
        assumptions=(SIGNAL_NEURON, RADIUS),
        depends_on=("theorem_1.signal_time",),
        silent_about="The limit in d: the interval holds the finite-size corrections of the enclosures over the "
        "ladder.",
    ),
    Claim(
        label="theorem_1.memorization_time_exponent",
        statement="The first memorization time grows like d to the power (q-2)(s - b - 1/2) - (2b + 1), up to the "
        "slowly varying maximum of N J m normals.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.DERIVED,),
        quantity="slope of log T_III in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=(q - 2) * (s - b - sp.Rational(1, 2)) - (2 * b + 1),
        assumptions=(WIDTH, RADIUS, BELOW_BOUNDARY),
        depends_on=("theorem_1.first_memorization_time",),
        silent_about="The limit in d: the interval holds the finite-size corrections of the enclosures over the "
        "ladder.",
    ),
    Claim(
        label="theorem_1.attacked_signal_vanishes",
        statement="The attacked part of the signal, κ^q z / std V, falls from each dimension of the ladder to the "
        "next, for every seed: the paper says that it vanishes.",
        source=Source(PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="largest ratio of κ^q z / std V from one dimension to the next, over the seeds",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(
            sp.Symbol("kappa_next") ** q * sp.Symbol("z_next") / sp.Symbol("std_V_next"),
            kappa**q * z / sp.Symbol("std_V"),
        ),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, RADIUS, BELOW_BOUNDARY),
        depends_on=("theorem_1.signal_plateau", "theorem_1.noise_memorization"),
        silent_about="A fall over the ladder, not its limit; with κ = 1/(√d log d) it is only logarithmic. Both "
        "sizes are outputs of the trained networks, on attacked signal patches and on fresh noise.",
    ),
    Claim(
        label="theorem_1.clean_error_limit",
        statement="A bound of the clean test error, Var V/(2 z²), falls over the ladder like d to the power -q: "
        "the paper says that the error vanishes.",
        source=Source(PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="slope of log Var V/(2 z²) in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=-q,
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, BELOW_BOUNDARY),
        depends_on=("theorem_1.clean_test_error", "theorem_1.noise_memorization"),
        silent_about="The rate of the error itself: Chebyshev's bound is fitted, over a finite ladder.",
    ),
    Claim(
        label="theorem_1.robust_error_limit",
        statement="Under the worst shift within span(w*) the robust test error comes nearer to 1/2 from each "
        "dimension of the ladder to the next: the paper says that it stays above a constant.",
        source=Source(PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="largest ratio of 1/2 - robust test error from one dimension to the next, mean over the seeds",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(sp.Function("P_next")(sp.Abs(V) <= z_attacked), P(sp.Abs(V) <= z_attacked)),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, RADIUS, BELOW_BOUNDARY),
        depends_on=("theorem_1.attacked_signal_vanishes", "theorem_1.robust_error_law"),
        silent_about="A fall over the ladder, not its limit; with κ = 1/(√d log d) it is a power of log d.",
    ),
    Claim(
        label="theorem_1.robust_error_law",
        statement="At every κ, λ, d and pair of exponents tried, the error under the worst shift within span(w*) "
        "is P(|V| > κ^q z)/2.",
        source=Source(PROJECT, "2.2.4"),
        marks=(Mark.DERIVED,),
        quantity="networks whose counted error and law have disjoint intervals, some with their weights in full",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=P(sp.Abs(V) > kappa**q * z) / 2,
        assumptions=(RADIUS,),
        depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
        silent_about="Resolved to the Clopper-Pearson intervals of some thousand fresh points per network.",
    ),
    Claim(
        label="theorem_1.overfitting_boundary",
        statement="Robust overfitting ends at κ_1 = (med|V|/z)^(1/q), where the robust test error is 1/4; its "
        "interval is an estimate for networks that memorize each point by one neuron, not an enclosure.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="κ_1 bracketed by retrained networks, the one nearest to an end of its interval",
        natural_range=RATE,
        relation=Relation.WITHIN,
        expression=(sp.Function("med")(sp.Abs(V)) / z) ** (1 / q),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, RADIUS, BELOW_BOUNDARY, ONE_NEURON),
        depends_on=("theorem_1.robust_error_law", "theorem_1.noise_memorization"),
        silent_about="The interval is wide, a factor of three: its ends are all points on different neurons and "
        "all on one. The leading order has std V in place of the median. From d = 10^6, as below it the phase "
        "boundary is too close.",
    ),
    Claim(
        label="theorem_1.overfitting_boundary_exponent",
        statement="κ_1 falls like d to the power -1/2: the paper's δ = α(1 - 1/(√d polylog d)) has the right "
        "power of d.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="slope of log κ_1 in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=sp.Eq(sp.Symbol("slope"), -sp.Rational(1, 2)),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, RADIUS, BELOW_BOUNDARY, ONE_NEURON),
        depends_on=("theorem_1.overfitting_boundary",),
        silent_about="The logarithmic factor. The interval is that of the estimates of κ_1 over the same ladder.",
    ),
    Claim(
        label="theorem_1.phase_boundary",
        statement="Memorization ends at κ*, which lies inside an enclosure computed from the initial draw: above "
        "it the attacked signal outruns every noise patch.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="κ* bracketed by retrained networks, the one nearest to an end of its enclosure",
        natural_range=RATE,
        relation=Relation.WITHIN,
        expression=sp.Eq(
            sp.Symbol("kappa_star"), (sigma**2 * d * v ** (q - 2) / (N * alpha**2 * z ** (1 - 2 / q))) ** (1 / q)
        ),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, DEGREE),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
        silent_about=f"Memorization later than fifty times T_III. The formula is the leading order. {ARITHMETIC}",
    ),
    Claim(
        label="theorem_1.phase_boundary_dimension_exponent",
        statement="κ* falls with d like the race of the two blow-ups predicts, to leading order with the power "
        "(2b + 1 + (q-2)(b + 1/2 - s) - 2a)/q.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="slope of log κ* in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=(2 * b + 1 + (q - 2) * (b + sp.Rational(1, 2) - s) - 2 * a) / q,
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, DEGREE),
        depends_on=("theorem_1.phase_boundary",),
        silent_about="The limit: the interval is that of the enclosures over the ladder, slowly varying factors "
        "included.",
    ),
    Claim(
        label="theorem_1.phase_boundary_sample_exponent",
        statement="κ* falls with N like the race predicts, to leading order with the power -1/q.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="slope of log κ* in log N at d = 10^9, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=-1 / q,
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, SIGNAL_NEURON, DEGREE),
        depends_on=("theorem_1.phase_boundary",),
        silent_about="The largest of N m normals grows with N, so the slope is flatter than -1/q; the enclosures "
        "hold that.",
    ),
)
