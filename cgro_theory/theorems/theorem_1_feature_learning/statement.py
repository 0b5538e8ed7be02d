"""The claims of theorem 1 (theory.md 2.4). Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant

_alpha, _sigma, _kappa, _lam, _d = sp.symbols("alpha sigma kappa lambda d", positive=True)
_q, _N, _J, _m, _u, _v, _xi, _t = sp.symbols("q N J m u_max v_0 xi t", positive=True)
_z, _za, _eta, _U, _V = sp.symbols("z z_a eta U V", real=True)
_P = sp.Function("P")
_gain = ((1 - _lam) * _alpha**_q + _lam * (_kappa * _alpha) ** _q) / 2
_signal_time = _u ** (2 - _q) / (_q * (_q - 2) * _gain)
_memorization_time = _N * _v ** (2 - _q) / (_q * (_q - 2) * _lam / 2 * _xi**2)

_PAPER = "Li and Li, arXiv 2306.01271"
_PROJECT = "this project, theory.md"
_RATE = Interval(0.0, 1.0)
_TIME = Interval(0.0, math.inf)
_REAL = Interval(-math.inf, math.inf)

_width = Assumption(
    "width",
    sp.Gt(_m * _J, sp.log(_N, 2)),
    "every point has a neuron with y v(0) > 0; fails with probability at most N 2^(-mJ)",
    "each run, from its draw",
)
_radius = Assumption(
    "radius", sp.Ge(_kappa, 0), "the attack radius is at most the signal strength", "the prediction"
)
_positive = Assumption("signal neuron", sp.Gt(_u, 0), "some neuron starts with u_r(0) > 0", "each run")
_mixed = Assumption("mixed weight", sp.And(_lam > 0, _lam < 1), "both losses are trained on", "the prediction")
_step = Assumption(
    "step",
    sp.Le(_eta, 1 / (_q**2 * _alpha**2 * (1 - _lam))),
    "the learning rate is small enough for descent to follow its flow (theory.md 2.2.6)",
    "the room's own choice of learning rate",
)
_ONE_SETTING = "One setting, the version-1 regime at one d; the limit in d is a later check."

CLAIMS: tuple[Claim, ...] = (
    Claim(
        label="theorem_1.gradient_identity",
        statement="The recursions of the feature projections are the gradient of L.",
        source=Source(_PROJECT, "2.2.2"),
        marks=(Mark.DERIVED,),
        quantity="projections of -∇L that differ symbolically from the recursions",
        natural_range=_TIME,
        relation=Relation.AT_MOST,
        expression=sp.Eq(sp.Symbol("du_r"), _eta * _q * _u ** (_q - 1) * sp.Symbol("g")),
        statistical=False,
        silent_about="Symbolic for q = 2, 3, 4 and two neurons and points (even q: a sample of sign patterns); "
        "larger sizes are compared with automatic differentiation in the tests.",
    ),
    Claim(
        label="theorem_1.signal_time",
        statement="The signal margin α^q U first reaches 1 inside an enclosure computed from the initial draw.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="signal time of the run nearest to an end of its enclosure (units of η·step)",
        natural_range=_TIME,
        relation=Relation.WITHIN,
        expression=_signal_time,
        assumptions=(_positive, _radius),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock", "lemmas.tensor_power_time"),
        silent_about=_ONE_SETTING,
    ),
    Claim(
        label="theorem_1.signal_plateau",
        statement="After the signal time the signal margin follows a one-dimensional flow and grows only "
        "logarithmically, so the feature is learned partially.",
        source=Source(_PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="signal margin a third of the way to memorization, run nearest to an end of its enclosure",
        natural_range=_REAL,
        relation=Relation.WITHIN,
        expression=sp.Eq(sp.exp(_z), _t * _q**2 * _alpha**2 * (1 - _lam) * _z ** (2 - 2 / _q)),
        assumptions=(_positive, _radius, _mixed, _step),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
        silent_about="The flow is started from the projections recorded just after the signal time.",
    ),
    Claim(
        label="theorem_1.first_memorization_time",
        statement="The first noise margin reaches 1 inside an enclosure around T_III, computed from the draw.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="first memorization time of the run nearest to an end of its enclosure (units of η·step)",
        natural_range=_TIME,
        relation=Relation.WITHIN,
        expression=_memorization_time,
        assumptions=(_width, _radius, Assumption("attack", sp.Gt(_lam, 0), "λ > 0", "the prediction")),
        depends_on=("theorem_1.gradient_identity", "lemmas.tensor_power_time"),
        silent_about=_ONE_SETTING,
    ),
    Claim(
        label="theorem_1.stage_order",
        statement="The signal is learned before any noise is memorized: T_I < T_III.",
        source=Source(_PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest ratio of signal time to first memorization time over the runs",
        natural_range=_TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(_signal_time, _memorization_time),
        assumptions=(_width, _positive, _mixed),
        depends_on=("theorem_1.signal_time", "theorem_1.first_memorization_time"),
        silent_about=_ONE_SETTING,
    ),
    Claim(
        label="theorem_1.noise_memorization",
        statement="In the end every training point is memorized: 1 <= V_i = Θ̃(1).",
        source=Source(_PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="final noise margin of the point nearest to an end of its range, over all runs",
        natural_range=_REAL,
        relation=Relation.WITHIN,
        expression=sp.Ge(_V, 1),
        assumptions=(_width, _radius, Assumption("attack", sp.Gt(_lam, 0), "λ > 0", "the prediction")),
        depends_on=("theorem_1.gradient_identity",),
        silent_about="A run ends when all its points are memorized, or at a horizon of four times the slowest "
        "point's own formula; V_i goes on growing logarithmically after that.",
    ),
    Claim(
        label="theorem_1.clean_train_error",
        statement="The trained network classifies every clean training point correctly.",
        source=Source(_PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest clean train error over the runs",
        natural_range=_RATE,
        relation=Relation.AT_MOST,
        expression=sp.Integer(0),
        assumptions=(_width, _mixed),
        depends_on=("theorem_1.noise_memorization",),
        silent_about=_ONE_SETTING,
    ),
    Claim(
        label="theorem_1.robust_train_error",
        statement="The trained network classifies every attacked training point correctly (span adversary).",
        source=Source(_PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest robust train error over the runs",
        natural_range=_RATE,
        relation=Relation.AT_MOST,
        expression=sp.Integer(0),
        assumptions=(_width, _mixed, _radius),
        depends_on=("theorem_1.noise_memorization", "lemmas.signal_homogeneity"),
        silent_about="The attack shifts the signal patch within span(w*), found by a scan of shifts; attacks "
        "over all patches are stronger and are not claimed.",
    ),
    Claim(
        label="theorem_1.clean_test_error",
        statement="A fresh clean point is misclassified with probability at most Var V / (2 z²).",
        source=Source(_PROJECT, "2.2.4"),
        marks=(Mark.DERIVED,),
        quantity="clean test error, mean over the runs",
        natural_range=_RATE,
        relation=Relation.AT_MOST,
        expression=sp.Symbol("Var_V") / (2 * _z**2),
        assumptions=(_width, _mixed),
        depends_on=("lemmas.odd_symmetry", "lemmas.gaussian_chaos_variance", "theorem_1.signal_plateau"),
        silent_about="No error is seen on the sampled points; the upper end of the measured interval is the "
        "smaller of Clopper-Pearson's and a rigorous moment bound.",
    ),
    Claim(
        label="theorem_1.robust_test_error",
        statement="A fresh attacked point is misclassified with probability 1/2 - P(|V| <= z̃)/2, close to 1/2.",
        source=Source(_PAPER + " and theory.md", "2.2.4", "v1"),
        marks=(Mark.DERIVED,),
        quantity="robust test error under the span adversary, mean over the runs",
        natural_range=_RATE,
        relation=Relation.EQUALS,
        tolerance=0.01,
        expression=sp.Rational(1, 2) - _P(sp.Abs(_V) <= _za) / 2,
        assumptions=(_width, _mixed, _radius),
        depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
        silent_about="The tolerance 0.01 is the resolution of the sampled points, fixed here.",
    ),
    Claim(
        label="theorem_1.standard_signal",
        statement="Standard training (λ = 0) learns the signal: α^q U >= 1.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="smallest final signal margin over the runs with λ = 0",
        natural_range=_REAL,
        relation=Relation.AT_LEAST,
        expression=sp.Ge(_z, 1),
        assumptions=(_positive,),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    ),
    Claim(
        label="theorem_1.standard_noise",
        statement="Standard training (λ = 0) memorizes nothing: every |V_i| stays below a bound of its initial "
        "order for all time.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="largest ratio of |V_i| at the end to its bound over the runs with λ = 0",
        natural_range=_TIME,
        relation=Relation.AT_MOST,
        expression=sp.Le(sp.Abs(_V), _J * _m * sp.Symbol("M") ** _q),
        assumptions=(_positive,),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
        silent_about="The bound holds for all time because the signal's clock is finite before its margin "
        "passes 60; the runs end much earlier.",
    ),
    Claim(
        label="theorem_1.standard_training",
        statement="Standard training (λ = 0) is not robust even on its training set: robust train error ≈ 1/2. "
        "Robust overfitting comes from the adversarial term.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="robust train error with λ = 0, all points of all runs",
        natural_range=_RATE,
        relation=Relation.EQUALS,
        tolerance=0.1,
        expression=sp.Rational(1, 2),
        assumptions=(_positive, _radius),
        depends_on=("theorem_1.standard_signal", "theorem_1.standard_noise", "lemmas.odd_symmetry"),
        silent_about="The signs of the V_i(0) are independent fair coins; the tolerance 0.1 is fixed here.",
    ),
    Claim(
        label="theorem_1.adversarial_only_signal",
        statement="With λ = 1 the signal margin stays below 1 until a point is memorized.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="largest signal margin at the end over the runs with λ = 1",
        natural_range=_REAL,
        relation=Relation.AT_MOST,
        expression=sp.Lt(_z, 1),
        assumptions=(_width, _radius),
        depends_on=("theorem_1.gradient_identity",),
        silent_about="Measured when all points are memorized, which is later than the claim needs.",
    ),
    Claim(
        label="theorem_1.clean_weight_needed",
        statement="With λ = 1 the clean test error is 0 or 1 according to the sign of U(0), so 1 with "
        "probability 1/2: the assumption λ < 1 is necessary.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="distance of the clean test error from 1{U(0) < 0}, mean over the runs with λ = 1",
        natural_range=_RATE,
        relation=Relation.AT_MOST,
        expression=sp.Symbol("Var_V") / (2 * _z**2),
        assumptions=(_width, _radius),
        depends_on=("theorem_1.adversarial_only_signal", "lemmas.odd_symmetry"),
        silent_about="That the two signs of U(0) are equally likely is the symmetry of its law, not sampled.",
    ),
)

CLAIMS += (
    Claim(
        label="theorem_1.signal_time_exponent",
        statement="The signal time grows like d to the power -q a + (q-2) s.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.DERIVED,),
        quantity="slope of log T_I in log d, seed nearest to an end of its interval",
        natural_range=_REAL,
        relation=Relation.WITHIN,
        expression=-_q * sp.Symbol("a") + (_q - 2) * sp.Symbol("s"),
        assumptions=(_positive, _radius),
        depends_on=("theorem_1.signal_time",),
        silent_about="The interval holds the finite-size corrections of the enclosures over the same ladder.",
    ),
    Claim(
        label="theorem_1.memorization_time_exponent",
        statement="The first memorization time grows like d to the power (q-2)(s - b - 1/2) - (2b + 1).",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.DERIVED,),
        quantity="slope of log T_III in log d, seed nearest to an end of its interval",
        natural_range=_REAL,
        relation=Relation.WITHIN,
        expression=(_q - 2) * (sp.Symbol("s") - sp.Symbol("b") - sp.Rational(1, 2)) - (2 * sp.Symbol("b") + 1),
        assumptions=(_width, _radius),
        depends_on=("theorem_1.first_memorization_time",),
        silent_about="The interval holds the finite-size corrections of the enclosures over the same ladder.",
    ),
    Claim(
        label="theorem_1.attacked_signal_vanishes",
        statement="The attacked part of the signal vanishes against the noise: κ^q z / std V falls with d.",
        source=Source(_PAPER + " and theory.md", "2.4", "v1"),
        marks=(Mark.PAPER, Mark.DERIVED),
        quantity="largest ratio of κ^q z / std V from one dimension to the next, over the seeds",
        natural_range=_TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(_kappa**_q * _z / sp.sqrt(sp.Symbol("Var_V")), 1),
        assumptions=(_width, _mixed, _radius),
        depends_on=("theorem_1.signal_plateau", "theorem_1.noise_memorization"),
        silent_about="A fall over the ladder, not its limit; with κ = 1/(√d log d) it is only logarithmic.",
    ),
    Claim(
        label="theorem_1.memorization_order",
        statement="Memorization is a cascade: the shifts that memorized points give to later ones predict the "
        "later times better than each point's own formula.",
        source=Source(_PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="mean |log error| of the later times with the shifts over without them, median over the runs",
        natural_range=_TIME,
        relation=Relation.AT_MOST,
        expression=_v * sp.Symbol("K_ki") / _xi**2,
        assumptions=(_width, _radius, Assumption("attack", sp.Gt(_lam, 0), "λ > 0", "the prediction")),
        depends_on=("theorem_1.first_memorization_time",),
        silent_about="That the shifts help, and by how much; not that they are the whole difference.",
    ),
)

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant("init_exponent", "-1/2", "σ0 = d^-1/2; version 1 fixes it in its body only"),
    NamedConstant(
        "attacked_signal_fraction", "1/(√d log d)", "the form is the paper's, the power of the log ours"
    ),
    NamedConstant("num_samples, num_patches, width", "20, 2, 24", "sizes of a run; any are allowed"),
    NamedConstant("degree", "3", "the cubic activation of version 1"),
    NamedConstant("adversarial_weight", "0.9", "the paper needs λ in [1/poly(d), 1)"),
    NamedConstant("learned and memorized level", "margin 1", "Θ̃(1) made a number (theory.md 2.4)"),
    NamedConstant("horizon factor", "4", "a run may take four times its slowest point's own formula"),
)
