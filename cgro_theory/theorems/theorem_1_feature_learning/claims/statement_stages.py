"""Claims about the times and the order of what is learned (theory.md 2.4). Needs sympy only."""

from __future__ import annotations

import sympy as sp

from cgro_theory.claims import Claim, Mark, Relation, Source
from cgro_theory.theorems.theorem_1_feature_learning.claims.symbols import (
    ARITHMETIC,
    ONE_SETTING,
    PAPER,
    PROJECT,
    REAL,
    TIME,
    V,
    alpha,
    eta,
    lam,
    memorization_time,
    q,
    signal_time,
    t,
    v,
    xi,
    z,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACK,
    BELOW_BOUNDARY,
    CLEAN_WEIGHT,
    RADIUS,
    SIGNAL_NEURON,
    STEP,
    WIDTH,
)

STAGES: tuple[Claim, ...] = (
    Claim(
        label="theorem_1.gradient_identity",
        statement="One step of gradient descent on L moves the feature projections u_r and v_ijr by their "
        "recursions.",
        source=Source(PROJECT, "2.2.2"),
        marks=(Mark.DERIVED,),
        quantity="projections of -∇L that differ from the recursions, as symbols and in one step of the engines",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Eq(
            sp.Symbol("du_r"), eta * q * sp.Abs(sp.Symbol("u_r", real=True)) ** (q - 1) * sp.Symbol("g")
        ),
        statistical=False,
        silent_about="The formula is that of u_r; v_ijr has its own (theory.md 2.2.2). Symbolic for q = 2, 3, 4, "
        "two neurons and two points (even q: a sample of sign patterns); the engines that train are asked for one "
        "step of two points and two neurons, to rounding.",
    ),
    Claim(
        label="theorem_1.signal_time",
        statement="In every run the signal margin α^q U first reaches 1 inside an enclosure computed from the "
        "initial draw.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="signal time of the run nearest to an end of its enclosure (units of η·step)",
        natural_range=TIME,
        relation=Relation.WITHIN,
        expression=signal_time,
        assumptions=(SIGNAL_NEURON, RADIUS),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock", "lemmas.tensor_power_time"),
        silent_about=f"{ARITHMETIC} {ONE_SETTING}",
    ),
    Claim(
        label="theorem_1.signal_plateau",
        statement="Between the signal time and memorization the signal margin follows a one-dimensional flow and "
        "grows only logarithmically: until then the feature is learned only in part.",
        source=Source(PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="signal margin a third of the way to memorization, run nearest to an end of its enclosure",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=sp.Eq(sp.exp(z), t * q**2 * alpha**2 * (1 - lam) * z ** (2 - 2 / q)),
        assumptions=(SIGNAL_NEURON, RADIUS, ATTACK, CLEAN_WEIGHT, STEP),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
        silent_about="Compared at one time, the last record before a third of T_III; the flow is started from the "
        "projections recorded just after the signal time, and a run that has not learned the signal by then is "
        f"outside. {ARITHMETIC}",
    ),
    Claim(
        label="theorem_1.first_memorization_time",
        statement="Below the phase boundary the first noise margin reaches 1 inside an enclosure computed from "
        "the initial draw, in every run.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="first memorization time of the run nearest to an end of its enclosure (units of η·step)",
        natural_range=TIME,
        relation=Relation.WITHIN,
        expression=memorization_time,
        assumptions=(WIDTH, RADIUS, ATTACK, BELOW_BOUNDARY),
        depends_on=("theorem_1.gradient_identity", "lemmas.tensor_power_time"),
        silent_about="The formula is the leading order, exact only as d grows; what is compared is the enclosure. "
        f"{ARITHMETIC} {ONE_SETTING}",
    ),
    Claim(
        label="theorem_1.stage_order",
        statement="In every run the signal is learned before any noise is memorized: T_I < T_III.",
        source=Source(PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest ratio of signal time to first memorization time over the runs, inf where one is missed",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(signal_time, memorization_time),
        assumptions=(WIDTH, SIGNAL_NEURON, ATTACK, CLEAN_WEIGHT),
        depends_on=("theorem_1.signal_time", "theorem_1.first_memorization_time"),
        silent_about=ONE_SETTING,
    ),
    Claim(
        label="theorem_1.noise_memorization",
        statement="Below the phase boundary every training point is memorized in the end: V_i >= 1, and at most a "
        "ceiling that grows logarithmically (the paper's Θ̃(1)).",
        source=Source(PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="final noise margin of the point nearest to an end of its range, over all runs",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=sp.Ge(V, 1),
        assumptions=(WIDTH, RADIUS, ATTACK, BELOW_BOUNDARY),
        depends_on=("theorem_1.gradient_identity",),
        silent_about="A run ends when all its points are memorized, or at a horizon of four times the slowest "
        "point's own formula; V_i goes on growing logarithmically after that.",
    ),
    Claim(
        label="theorem_1.memorization_order",
        statement="Memorization is a cascade: with the shifts that memorized points give to later ones the later "
        "times are predicted better than by each point's own formula, in the median run.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="mean |log error| of the later times with the shifts over without them, median over the runs",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=v * sp.Symbol("K_ki") / xi**2,
        assumptions=(WIDTH, RADIUS, ATTACK, BELOW_BOUNDARY),
        depends_on=("theorem_1.first_memorization_time",),
        silent_about="That the shifts are the whole difference: only that they help. The formula is the size of "
        "one shift. One dimension, d = 10^4. A run that does not memorize every point counts as inf.",
    ),
)
