"""What theorem 2 says: the claims of theory.md 3.2, with their formulas. Needs sympy only.

Symbols: N points, D inputs, M squarings, p the norm, W_clean the clean classifier's structural count, K = 2^(D-1)
corners, ε the share of errors (``error_share``), L layers, output included.
"""

from __future__ import annotations

import math

import sympy

from cgro_theory.claims import Assumption, Claim, Interval, Mark, Relation, Source
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_2_representation_complexity.runs.formulas import (
    input_dimension,
    missing_bits_expression,
    norm_order,
    num_parameters,
    num_samples,
    offset,
    opposite_distance,
    perturbation_radius,
    ramp_width,
    robust_lower_bound_expression,
    squarings,
    structural_expression,
)

_PAPER = "Li and Li, arXiv 2306.01271"
_N, _D, _M = num_samples, input_dimension, squarings

_STRUCTURAL = sympy.Piecewise(
    (structural_expression(1), sympy.Eq(norm_order, 1)),
    (structural_expression(2), sympy.Eq(norm_order, 2)),
    (structural_expression(math.inf), True),
)
_CORNERS = 2 ** (_D - 1)

SEPARATED = Assumption(
    "separated",
    sympy.Gt(opposite_distance, 2 * perturbation_radius),
    "opposite training labels are more than 2δ apart in the p-norm",
    "the construction and the certificate; else InvalidInput names the two points",
)
POPULATION_SEPARATED = Assumption(
    "population_separated",
    sympy.Gt(opposite_distance, 2 * perturbation_radius),
    "opposite labels of the whole population, not only of the sample, are more than 2δ apart",
    "the prediction, on the finite populations used",
)
NARROW_RAMP = Assumption(
    "narrow_ramp",
    sympy.Le(ramp_width, perturbation_radius),
    "the ramp is at most δ wide; γ from the sample alone can be wider, and then the claim is false",
    "the construction; a planted fault drops it",
)
FLAT_OFFSET = Assumption(
    "small_offset",
    sympy.And(sympy.Lt(offset, perturbation_radius), sympy.Lt(perturbation_radius, sympy.Rational(1, 2))),
    "0 < τ < δ < 1/2: each ball reaches past x_D = 0, and opposite corners stay more than 2δ apart",
    "the instance",
)

PARAMETER_COUNT = Claim(
    label="theorem_2.parameter_count",
    statement="The memorizer around a clean classifier has W_clean + N(6D+4) + 4 edges and biases for p = inf, "
    "W_clean + N(6D+6) + 4 for p = 1 and W_clean + N((7M+6)D+M+6) + 4 for p = 2; its padded net has the dense "
    "count of the layer widths.",
    source=Source("theory.md", "3.1"),
    marks=(Mark.NEW,),
    quantity="largest |count of the built network - formula|, structural and dense [parameters]",
    natural_range=Interval.at_least(0.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=_STRUCTURAL,
    statistical=False,
    silent_about="other constructions; no minimality is claimed",
)
COUNT_GROWTH = Claim(
    label="theorem_2.count_growth",
    statement="The memorizer's structural count grows with exponent 1 in N and 1 in D for p = 1 and inf, and for "
    "p = 2 after division by M.",
    source=Source(_PAPER, "Theorem 4.4", "version 4"),
    marks=(Mark.PAPER,),
    quantity="fitted exponent of the count in N or D: the one that uses most of its allowance",
    natural_range=Interval(-math.inf, math.inf),
    relation=Relation.WITHIN,
    expression=sympy.Integer(1),
    depends_on=("theorem_2.parameter_count",),
    statistical=False,
    silent_about="M itself, which is O(log(D R²/(γ(2δ+γ))))",
)
SQUARING_ERROR = Claim(
    label="theorem_2.squaring_error",
    statement="The sawtooth network with M compositions errs from x² on [0, 1] by exactly 4^-(M+1), attained.",
    source=Source("theory.md", "3.1, 3.2"),
    marks=(Mark.DERIVED,),
    quantity="sup |g_M(x) - x²| · 4^(M+1) over [0, 1], the M furthest from 1",
    natural_range=Interval.at_least(0.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=4 ** -(squarings + 1),
    statistical=False,
)
ROBUST_TRAIN_ERROR = Claim(
    label="theorem_2.robust_train_error",
    statement="The memorizer classifies every point of every training ball correctly, p = 1, 2 and inf.",
    source=Source(_PAPER, "Theorem 4.4", "version 4"),
    marks=(Mark.DERIVED,),
    quantity="robust train error: from witnesses and evaluated ball ends below, from uncertified balls above",
    natural_range=Interval(0.0, 1.0),
    relation=Relation.AT_MOST,
    expression=sympy.Integer(0),
    assumptions=(SEPARATED,),
    depends_on=("theorem_2.squaring_error",),
    statistical=False,
    silent_about="float evaluation of the network: the certificate is about its real function",
)
CLEAN_TEST_ERROR = Claim(
    label="theorem_2.clean_test_error",
    statement="Memorizing does not raise the clean test error above that of the clean classifier.",
    source=Source("theory.md", "3.2"),
    marks=(Mark.DERIVED,),
    quantity="clean error of the memorizer minus that of f_clean, the worst over populations",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.AT_MOST,
    expression=sympy.Integer(0),
    assumptions=(POPULATION_SEPARATED, NARROW_RAMP),
    statistical=False,
    silent_about="populations other than the finite ones enumerated",
)
ROBUST_TEST_ERROR = Claim(
    label="theorem_2.robust_test_error",
    statement="On the hypercube the expected robust test error is exactly (1 - 1/K)^N, K = 2^(D-1): robust "
    "overfitting holds if and only if N << K.",
    source=Source("theory.md", "3.2, 3.3"),
    marks=(Mark.NEW,),
    quantity="expected robust test error minus (1 - 1/K)^N, the largest over sizes",
    natural_range=Interval(-1.0, 1.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=(1 - 1 / _CORNERS) ** _N,
    assumptions=(FLAT_OFFSET,),
    depends_on=("theorem_2.robust_train_error",),
    silent_about="other distributions; a continuous example is a figure, not a check",
)
ROBUST_LOWER_BOUND = Claim(
    label="theorem_2.robust_lower_bound",
    statement="One fixed graph that is robust up to a share ε of errors for every labelling of the hypercube has "
    "K(1 - H2(ε)) <= log2 G(K), hence W >= (K(1 - H2(ε)) - L)/Σ log2(2eKi).",
    source=Source("theory.md", "3.3 (with Bartlett, Harvey, Liaw and Mehrabian 2019)"),
    marks=(Mark.PAPER, Mark.DERIVED),
    quantity="smallest ratio: bound of log2 G to log2 of the patterns enumerated; these bits and the luck of the "
    "labels to K(1 - H2); bound to K(1 - H2) for trained nets that fit",
    natural_range=Interval.at_least(0.0),
    relation=Relation.AT_LEAST,
    expression=robust_lower_bound_expression(4),
    assumptions=(FLAT_OFFSET,),
    silent_about="a single labelling, which can be far cheaper (parity: 9(D-1) parameters); a graph that depends "
    "on the labels (theorem_2.hierarchy_any_graph); failing to train a small net proves nothing",
)
HIERARCHY = Claim(
    label="theorem_2.hierarchy",
    statement="clean <= CGRO << robust for the worst labelling: from a computed dimension on, one fixed graph of "
    "the CGRO net's depth that is robust for every labelling has more parameters than the CGRO net, and "
    "K(6D+4) + W_clean + 4 suffice; one labelling can be far cheaper: parity has a robust net with 9(D-1).",
    source=Source(_PAPER, "Theorems 4.4, 4.7", "version 4"),
    marks=(Mark.DERIVED,),
    quantity="least dimension from which clean <= CGRO < lower bound of one fixed graph for every labelling <= "
    "upper",
    natural_range=Interval.at_least(2.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sympy.Gt(robust_lower_bound_expression(4), structural_expression(math.inf)),
    assumptions=(FLAT_OFFSET,),
    depends_on=("theorem_2.parameter_count", "theorem_2.robust_train_error", "theorem_2.robust_lower_bound"),
    statistical=False,
    silent_about="the robust nets of one given labelling; graphs that depend on the labels "
    "(theorem_2.hierarchy_any_graph); nets of another depth (the any-depth dimension is a note)",
)
HIERARCHY_ANY_GRAPH = Claim(
    label="theorem_2.hierarchy_any_graph",
    statement="Where the graph may depend on the labels, log2(number of graphs) is added to log2 G: from a "
    "computed dimension on, some labelling has no robust net of the CGRO net's depth, whatever its graph, with as "
    "few parameters as the CGRO net.",
    source=Source("theory.md", "3.3"),
    marks=(Mark.NEW,),
    quantity="least dimension from which CGRO < lower bound of every graph for the worst labelling",
    natural_range=Interval.at_least(2.0),
    relation=Relation.EQUALS,
    tolerance=0.0,
    expression=sympy.Gt(
        missing_bits_expression(4, any_graph=True).xreplace({num_parameters: structural_expression(math.inf)}), 0
    ),
    assumptions=(FLAT_OFFSET,),
    depends_on=("theorem_2.parameter_count", "theorem_2.robust_train_error", "theorem_2.robust_lower_bound"),
    statistical=False,
    silent_about="which labelling that is: most are, but parity is not; nets of another depth",
)

CLAIMS: tuple[Claim, ...] = (
    PARAMETER_COUNT,
    COUNT_GROWTH,
    SQUARING_ERROR,
    ROBUST_TRAIN_ERROR,
    CLEAN_TEST_ERROR,
    ROBUST_TEST_ERROR,
    ROBUST_LOWER_BOUND,
    HIERARCHY,
    HIERARCHY_ANY_GRAPH,
)

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant("ramp_width", "min(γ, δ)", "γ alone can raise the clean error (theorem_2.clean_test_error)"),
    NamedConstant("error_share", "0.1", "robust error that the lower bound and the trained nets allow"),
    NamedConstant("offset", "τ = δ/2 on the hypercube", "any 0 < τ < δ gives the same bound"),
    NamedConstant("radius_share", "0.375", "δ of data sets as a share of the smallest opposite distance"),
    NamedConstant("li_polylog", "log, constant 1", "Li et al. 2022 leave both open; printed, never judged"),
)
