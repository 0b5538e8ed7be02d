"""What the experiments on the readers' questions check (theory.md 5). Needs sympy only."""

from __future__ import annotations

import sympy as sp

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_1_feature_learning.claims.symbols import (
    PAPER,
    PROJECT,
    RATE,
    REAL,
    TIME,
    J,
    N,
    P,
    V,
    a,
    alpha,
    b,
    d,
    kappa,
    lam,
    q,
    sigma,
    u,
    v,
    xi,
    z,
)
from cgro_theory.theorems.theorem_1_feature_learning.theory.conditions import (
    ATTACK,
    CLEAN_WEIGHT,
    RADIUS,
    SIGNAL_NEURON,
    WIDTH,
)

_K, _hit, _delta = sp.symbols("K p_hit delta", positive=True)
_slope = sp.Symbol("slope", real=True)
_carries = Assumption(
    "carries a patch",
    sp.Gt(((_delta - xi) / xi) ** q, z),
    "the radius pays for replacing a noise patch by a scaled training patch of the other class",
    "the prediction, with the plateau's z and the largest noise norm it allows",
)
_GAP = Interval(-1.0, 1.0)

CLAIMS: tuple[Claim, ...] = (
    Claim(
        label="questions.current_iterate",
        statement="Attacking the current iterate within the signal's span trains the same network as the fixed "
        "linear target, whenever U > 0 at the start: the worst shift found by a scan, the engine's rule and its "
        "recursion agree with the fixed target at every step.",
        source=Source(PROJECT, "2.2.1 and 5.1"),
        marks=(Mark.DERIVED,),
        quantity="largest relative difference of U and the V_i, at any step, between the scan's training and each "
        "of the others, on weights in R^d, over the draws with U > 0",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Integer(0),
        assumptions=(RADIUS,),
        depends_on=("lemmas.signal_homogeneity",),
        silent_about="Networks that start with U < 0 differ until U > 0; the answer says how they end. Small d, "
        "where autograd can hold every weight; allowed is 100 times what the order of summation changes.",
    ),
    Claim(
        label="questions.attack_off_the_signal",
        statement="An attack of the same radius on all patches defeats the trained network almost everywhere: the "
        "noise patch can be replaced by a scaled training patch of the other class.",
        source=Source(PROJECT, "5.1 and 6"),
        marks=(Mark.NEW,),
        quantity="least robust test error of a network under projected gradient descent over all patches",
        natural_range=RATE,
        relation=Relation.AT_LEAST,
        expression=P(V * ((_delta - xi) / xi) ** q > z),
        assumptions=(_carries, ATTACK, CLEAN_WEIGHT),
        depends_on=("lemmas.signal_homogeneity",),
        silent_about="Networks trained against the span; the argument needs every V_i >= 1 and holds for training "
        "points too, so robust train error 0 is a statement about the attack within the span.",
    ),
    Claim(
        label="questions.activation_degree",
        statement="For q = 2, 3, 4, 5 the two stages separate like d to the power q (a - b - 1/2), when σ0 = "
        "d^-1/2.",
        source=Source(PROJECT, "5.2"),
        marks=(Mark.NEW,),
        quantity="slope of log T_III/T_I in log d, degree and ladder nearest to an end of its interval; a network "
        "without a time is outside",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=sp.Eq(_slope, q * (a - b - sp.Rational(1, 2))),
        assumptions=(WIDTH, SIGNAL_NEURON, RADIUS, CLEAN_WEIGHT),
        depends_on=("lemmas.common_clock",),
        silent_about="Integer degrees; the interval holds the finite-size corrections over the same ladder. The "
        "integrator's error is measured: the difference of two at far finer tolerances.",
    ),
    Claim(
        label="questions.exponent_plane",
        statement="Over the (a, b) plane the order of the stages and memorization follow the leading-order times "
        "and κ*, which tend to the lines a = b + 1/2 and 2a = 1 + 3(b + 1/2).",
        source=Source(PROJECT, "5.3"),
        marks=(Mark.DERIVED,),
        quantity="networks clear of both leading-order boundaries that do something else",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.And(sp.Gt(a, b + sp.Rational(1, 2)), sp.Lt(2 * a, 1 + 3 * (b + sp.Rational(1, 2)))),
        assumptions=(WIDTH, SIGNAL_NEURON, CLEAN_WEIGHT),
        depends_on=("lemmas.common_clock",),
        silent_about="Networks within a factor of 10 in time, or of 3 in κ, of a boundary are not judged.",
    ),
    Claim(
        label="questions.three_phases",
        statement="Three phases follow each other in κ: robust overfitting below κ_1, memorization with robust "
        "generalization up to κ*, no memorization beyond.",
        source=Source(PROJECT, "2.4 and 5.4"),
        marks=(Mark.NEW,),
        quantity="networks outside the enclosures of both boundaries that are in another phase",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(
            (sp.sqrt(sp.Symbol("Var_V")) / z) ** (1 / q), (sigma**2 * d * v ** (q - 2) / (N * alpha**2)) ** (1 / q)
        ),
        assumptions=(WIDTH, SIGNAL_NEURON, CLEAN_WEIGHT),
        depends_on=("lemmas.common_clock", "lemmas.odd_symmetry"),
        silent_about="Networks inside an enclosure are not judged; where the boundaries are is theorem 1's claim.",
    ),
    Claim(
        label="questions.clean_weight",
        statement="While the clean loss lets T_I come before T_III the network generalizes; beyond, and at λ = 1, "
        "it is right or wrong everywhere by the sign of U.",
        source=Source(PROJECT, "2.4 and 5.5"),
        marks=(Mark.NEW,),
        quantity="networks whose clean test error is not the one that their draw predicts",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(
            u ** (2 - q) / ((1 - lam) * alpha**q),
            N * v ** (2 - q) / (lam * xi**2),
        ),
        assumptions=(WIDTH, SIGNAL_NEURON, RADIUS, ATTACK),
        depends_on=("lemmas.common_clock", "lemmas.odd_symmetry"),
        silent_about="Not judged: networks whose two times are within a factor of 10, or whose U can change "
        "its sign "
        "before the noise is memorized; at λ = 1 it hardly moves.",
    ),
    Claim(
        label="questions.standard_control",
        statement="Without the adversarial term there is no robust overfitting: training and fresh points are "
        "misclassified under attack equally often.",
        source=Source(PROJECT, "2.4 and 5.6"),
        marks=(Mark.NEW,),
        quantity="robust test error minus robust train error under standard training, mean over the networks",
        natural_range=_GAP,
        relation=Relation.WITHIN,
        expression=sp.Integer(0),
        assumptions=(RADIUS,),
        depends_on=("lemmas.odd_symmetry",),
        silent_about="The interval, half of the gap that full robust overfitting has to either side, is wide. "
        "Student's interval of a mean of gaps, cut to [-1, 1] where every gap lies.",
    ),
    Claim(
        label="questions.fresh_sample",
        statement="A fresh sample, clean or attacked, is misclassified with probability P(|V| > φ_q(κ) z)/2, also "
        "where that is neither 0 nor 1/2.",
        source=Source(PROJECT, "2.2.4 and 5.7"),
        marks=(Mark.DERIVED,),
        quantity="pairs of network and attack whose counted error and law have disjoint intervals",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=P(sp.Abs(V) > kappa**q * z) / 2,
        assumptions=(Assumption("one signal", sp.Ge(J, 1), "fresh noise is independent of the weights", "2.1"),),
        depends_on=("lemmas.odd_symmetry", "lemmas.signal_homogeneity"),
        silent_about="The attack within the signal's span; resolved to the counts' Clopper-Pearson intervals. At "
        "d = 300 errors are counted in R^d on weights trained there, against the law of the recursions; above, "
        "count and law share the reduced weights.",
    ),
    Claim(
        label="questions.memorizer_corners",
        statement="On the hypercube the memorizer's expected robust test error is exactly (1 - 1/K)^N: it "
        "overfits "
        "if and only if N is small against K = 2^(D-1).",
        source=Source(PROJECT, "3.2 and 5.8"),
        marks=(Mark.NEW,),
        quantity="largest difference of built networks from the formula, over N and D",
        natural_range=RATE,
        relation=Relation.AT_MOST,
        expression=(1 - 1 / _K) ** N,
        statistical=False,
        silent_about="Where not all samples are enumerated, one sample's network is, and the occupancy law.",
    ),
    Claim(
        label="questions.memorizer_cube",
        statement="On a continuous example the memorizer's robust test error is at least 1 - N p_hit, with "
        "p_hit the "
        "volume that one training ball and its ramp protect, for p = 1, 2, ∞.",
        source=Source(PROJECT, "5.8"),
        marks=(Mark.NEW,),
        quantity="configurations of N, δ, p and D whose interval lies below the bound",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=1 - N * _hit,
        silent_about="A lower bound by union; it says nothing once N p_hit > 1.",
    ),
    Claim(
        label="questions.dimension",
        statement="What varies with the dimension is the size of a fresh point's noise against the signal: "
        "std V/z falls like d to the power -q/2.",
        source=Source(PROJECT, "2.4 and 5.9"),
        marks=(Mark.DERIVED,),
        quantity="slope of log std V/z in log d, seed nearest to an end of its interval",
        natural_range=REAL,
        relation=Relation.WITHIN,
        expression=sp.Eq(_slope, -q / 2),
        assumptions=(WIDTH, SIGNAL_NEURON, CLEAN_WEIGHT),
        depends_on=("lemmas.gaussian_chaos_variance",),
        silent_about="q = 3; the interval holds the slowly varying factors over the same ladder.",
    ),
    Claim(
        label="questions.image_stages",
        statement="On images of digits clean test accuracy comes near its last value before robust train accuracy "
        "does: generalization first, memorization last.",
        source=Source(PAPER + " (patch data) and theory.md", "5.10", "v1"),
        marks=(Mark.NEW,),
        quantity="largest ratio over the runs of the first epochs at nine tenths of the last accuracy; inf for a "
        "run that never classifies anything",
        natural_range=TIME,
        relation=Relation.AT_MOST,
        expression=sp.Lt(sp.Symbol("epoch_clean"), sp.Symbol("epoch_robust")),
        silent_about="An observation: no theorem covers these networks. The radius of the attack grows over the "
        "first fifth of the epochs, which alone delays robust accuracy; epochs are recorded, not all.",
    ),
)

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant(
        "question margin in time", "10", "the leading-order times were within a factor of 2 in theorem 1"
    ),
    NamedConstant("question margin in κ", "3", "κ_1 and κ* are known to a factor of 3 at worst in theorem 1"),
    NamedConstant(
        "question sizes", "N = 10, m = 16", "questions 2, 5 and 9 train many networks; any size is allowed"
    ),
    NamedConstant("near the last accuracy", "9/10", "a level that noise of a hundred test images can resolve"),
)
