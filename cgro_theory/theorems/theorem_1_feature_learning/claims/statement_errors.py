"""Claims about train and test errors, and about training with one loss only (theory.md 2.4). Needs sympy only."""

from __future__ import annotations

import sympy as sp

from cgro_theory.claims import Claim, Mark, Relation, Source
from cgro_theory.theorems.theorem_1_feature_learning.claims.symbols import (
    ONE_SETTING,
    PAPER,
    PROJECT,
    RATE,
    REAL,
    TIME,
    J,
    P,
    V,
    m,
    q,
    z,
    z_attacked,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACK,
    BELOW_BOUNDARY,
    CLEAN_WEIGHT,
    NO_ATTACK,
    NO_CLEAN_POINTS,
    PAPERS_ATTACK,
    RADIUS,
    SIGNAL_NEURON,
    WIDTH,
)

ERRORS: tuple[Claim, ...] = (
    Claim(
        label="theorem_1.clean_train_error",
        statement="Every trained network classifies every clean training point correctly.",
        source=Source(PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest clean train error over the runs",
        natural_range=RATE,
        relation=Relation.AT_MOST,
        expression=sp.Integer(0),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, RADIUS, BELOW_BOUNDARY),
        depends_on=("theorem_1.noise_memorization",),
        silent_about=ONE_SETTING,
    ),
    Claim(
        label="theorem_1.robust_train_error",
        statement="Every trained network classifies every training point correctly under the worst shift of its "
        "signal patch within span(w*).",
        source=Source(PAPER, "main result", "v1"),
        marks=(Mark.PAPER,),
        quantity="largest robust train error over the runs",
        natural_range=RATE,
        relation=Relation.AT_MOST,
        expression=sp.Integer(0),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, RADIUS, BELOW_BOUNDARY),
        depends_on=("theorem_1.noise_memorization", "lemmas.signal_homogeneity"),
        silent_about="The worst shift within span(w*) is found by a scan of shifts. Attacks over all patches are "
        "stronger; the argument of questions.attack_off_the_signal holds for training points too.",
    ),
    Claim(
        label="theorem_1.clean_test_error",
        statement="A fresh clean point is misclassified with probability P(|V| > z)/2, at most Var V / (2 z²).",
        source=Source(PROJECT, "2.2.4"),
        marks=(Mark.DERIVED,),
        quantity="counted error rates that contradict the law or the bound, and contradicted variances, over runs "
        "and noise levels",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Symbol("Var_V") / (2 * z**2),
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT),
        depends_on=("lemmas.odd_symmetry", "lemmas.gaussian_chaos_variance", "theorem_1.signal_plateau"),
        silent_about="Errors are counted where fresh noise is louder than in training: the bound is about noise "
        "of any strength. At the noise of training none is seen, which shows only that they are rare.",
    ),
    Claim(
        label="theorem_1.robust_test_error",
        statement="Under the worst shift within span(w*) a fresh point is misclassified with probability "
        "1/2 - P(|V| <= z̃)/2, which is close to 1/2 while κ is far below κ_1.",
        source=Source(PAPER + " and theory.md", "2.2.4", "v1"),
        marks=(Mark.DERIVED,),
        quantity="robust test error under the worst shift within span(w*), mean over the runs",
        natural_range=RATE,
        relation=Relation.EQUALS,
        tolerance=0.01,
        expression=sp.Rational(1, 2) - P(sp.Abs(V) <= z_attacked) / 2,
        assumptions=(WIDTH, ATTACK, CLEAN_WEIGHT, RADIUS),
        depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
        silent_about="Attacks outside span(w*), under which the error is larger. The tolerance 0.01 is the "
        "resolution of the sampled points, fixed here.",
    ),
    Claim(
        label="theorem_1.standard_signal",
        statement="Standard training (λ = 0) learns the signal: α^q U >= 1.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="smallest final signal margin over the runs with λ = 0",
        natural_range=REAL,
        relation=Relation.AT_LEAST,
        expression=sp.Ge(z, 1),
        assumptions=(SIGNAL_NEURON, NO_ATTACK),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
    ),
    Claim(
        label="theorem_1.standard_noise",
        statement="Standard training (λ = 0) memorizes nothing: every |V_i| stays below a bound of its initial "
        "order until the signal margin passes 60, which takes some e^60 units of time.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="largest ratio of |V_i| at the end to its bound over the runs with λ = 0",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Le(sp.Abs(V), J * m * sp.Symbol("M") ** q),
        assumptions=(SIGNAL_NEURON, NO_ATTACK),
        depends_on=("theorem_1.gradient_identity", "lemmas.common_clock"),
        silent_about="The bound comes from the whole clock that the signal can use before its margin passes 60; "
        "the runs end much earlier, and nothing is said of what comes after.",
    ),
    Claim(
        label="theorem_1.standard_training",
        statement="Standard training (λ = 0) is not robust even on its training set, under an attack of the "
        "paper's form: its robust train error is near 1/2.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="robust train error with λ = 0, all points of all runs",
        natural_range=RATE,
        relation=Relation.EQUALS,
        tolerance=0.1,
        expression=sp.Rational(1, 2),
        assumptions=(SIGNAL_NEURON, NO_ATTACK, PAPERS_ATTACK),
        depends_on=("theorem_1.standard_signal", "theorem_1.standard_noise", "lemmas.odd_symmetry"),
        silent_about="Other κ: with a weaker attack the signal alone makes the network robust. The signs of the "
        "V_i(0) are independent fair coins; the tolerance 0.1 is fixed here.",
    ),
    Claim(
        label="theorem_1.adversarial_only_signal",
        statement="With λ = 1 and an attack of the paper's form the signal margin stays below 1 until a point is "
        "memorized.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="largest signal margin at the end over the runs with λ = 1",
        natural_range=REAL,
        relation=Relation.AT_MOST,
        expression=sp.Lt(z, 1),
        assumptions=(WIDTH, NO_CLEAN_POINTS, PAPERS_ATTACK),
        depends_on=("theorem_1.gradient_identity",),
        silent_about="Other κ. Measured when all points are memorized, which is later than the claim needs.",
    ),
    Claim(
        label="theorem_1.clean_weight_needed",
        statement="With λ = 1 and an attack of the paper's form the clean test error is near 0 or near 1 "
        "according to the sign of U(0), up to Var V / (2 z²) in the mean over the runs; so λ < 1 cannot be "
        "dropped.",
        source=Source(PROJECT, "2.4"),
        marks=(Mark.NEW,),
        quantity="distance of the clean test error from 1{U(0) < 0}, mean over the runs with λ = 1",
        natural_range=RATE,
        relation=Relation.AT_MOST,
        expression=sp.Symbol("Var_V") / (2 * z**2),
        assumptions=(WIDTH, NO_CLEAN_POINTS, PAPERS_ATTACK),
        depends_on=("theorem_1.adversarial_only_signal", "lemmas.odd_symmetry"),
        silent_about="A statement about the mean: a run whose U(0) is small against std V may err anywhere "
        "between. That the two signs of U(0) are equally likely is the symmetry of its law, not sampled.",
    ),
)
