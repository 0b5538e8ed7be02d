"""What the predictions of theorem 1 assume (docs/theory/theorem_1.md, 2.4 and 8.2).

The symbols are those of the notation table; u_max, u_min are the largest and smallest u_r(0), v_0 the largest
y v(0), v_least the least over the points of the best one's.
"""

from __future__ import annotations

from cgro_theory.claims import Condition

LATEST = 1e300
"""Times beyond this are not followed: they leave the range of floats."""
RACE_HORIZON = 50.0
"""Time that runs are given to memorize a point, in units of the first memorization time's leading order."""

SIGNAL_NEURON = Condition("signal neuron", "u_max > 0", "some neuron starts with u_r > 0")
REPRESENTABLE = Condition(
    "representable", "u_max >= u_tiny", "the largest u_r(0)^(2-q) is below 10^300 (u_tiny: where it is that)"
)
RADIUS = Condition("radius", "kappa >= 0", "the attack radius is at most the signal strength")
ATTACK = Condition("attack", "lambda_ > 0", "attacked points are trained on")
CLEAN_WEIGHT = Condition("clean weight", "lambda_ < 1", "clean points are trained on")
NO_ATTACK = Condition("no attack", "lambda_ == 0", "only clean points are trained on")
NO_CLEAN_POINTS = Condition("no clean points", "lambda_ == 1", "only attacked points are trained on")
DEGREE = Condition("degree", "q > 2", "the growth ends in a blow-up, which needs q > 2")
PAPERS_ATTACK = Condition(
    "attack of the paper's form",
    "kappa * sqrt(d) * log(d) < 1.000001",
    "the attack leaves at most the fraction 1/(√d log d) of the signal",
)
STEP = Condition(
    "step",
    "u_min >= 0 or eta * q * g_max * abs(u_min) ** (q - 2) <= 1",
    "no step carries a negative u_r past 0 (g_max: the largest gain, (1-λ)α^q + λ(κα)^q)",
)
SOME_NOISE_NEURON = Condition("noise neuron", "v_0 > 0", "some point has a neuron with y v > 0")
WIDTH = Condition(
    "width",
    "v_least > 0",
    "every point has a neuron with y v > 0; a draw fails with probability at most N 2^(-m)",
)
WITHIN_FLOATS = Condition("within floats", f"T_lead < {LATEST}", "the leading-order time is below 10^300")
SMALL_START = Condition("small start", "z_0 < 1", "the initial signal margin is below 1 in size (z_0: a bound)")
SMALL_NOISE = Condition(
    "small noise margins", "V_max <= 1", "noise margins stay below 1 until the time asked for (V_max: their bound)"
)
BELOW_BOUNDARY = Condition(
    "below the phase boundary",
    f"T_least == 0 or T_least < {RACE_HORIZON:g} * T_lead",
    "κ is below κ*: some V_i can reach 1 within 50 times the leading order (T_least: no V_i reaches 1 before)",
)
ATTACKED_SIGNAL_SMALL = Condition(
    "attacked signal small",
    f"z_end < {LATEST}",
    "the attacked signal stays small until the run ends (z_end: the largest z then, inf beyond what was followed)",
)
SIGNAL_LEARNED = Condition(
    "signal learned",
    "z_start > 0",
    "the signal is learned by the time at which z is bounded from below (z_start: that bound)",
)
BEYOND = Condition("beyond α", "kappa < 0", "the attack is stronger than the signal: δ > α")
ROOT_NEURON = Condition(
    "neuron on the root's side", "u_towards > 0", "some u_r(0) has the sign of the root, that of 1 - λ - λ|κ|^q"
)
BOTH_SIDES = Condition(
    "neurons of both signs", "u_min < 0 and u_max > 0", "some u_r(0) is positive and some is negative"
)
START_INSIDE = Condition(
    "start inside", "z_0 < abs(z_rest)", "|z(0)| is below the root of memorized points (z_rest; z_0: a bound)"
)
SMALL_BEFORE_ARRIVAL = Condition(
    "arrival", "T_arrival < T_small", "z is at its root before any noise margin is 0.01 (T_small: none is by then)"
)
STAYS_SMALL = Condition(
    "depth",
    "w < 100",
    "no noise margin falls far below 0 (w: none falls below -w until the run's end)",
)
UPPER_END = Condition(
    "upper end",
    f"T_latest < {LATEST}",
    "the bracket of the noise shows that some V_i reaches 1 (T_latest: by then, inf where it comes apart before)",
)

LEARNING = (SIGNAL_NEURON, REPRESENTABLE, RADIUS, STEP, SMALL_NOISE, WITHIN_FLOATS)
"""What the enclosure of the signal time evaluates."""
FIRST_MEMORIZED = (ATTACK, RADIUS, SOME_NOISE_NEURON, STEP, WITHIN_FLOATS, BELOW_BOUNDARY)
"""What the enclosure of the first memorization evaluates."""
MEMORIZING = (ATTACK, RADIUS, WIDTH, BELOW_BOUNDARY)
"""That every point is memorized."""
TRAINED = (ATTACK, RADIUS, WIDTH, CLEAN_WEIGHT)
"""Both losses, and every point with a neuron of its own."""
REGIME = (*TRAINED, BELOW_BOUNDARY)
"""What the main results assume."""
SEEN_AT_START = (*TRAINED, SIGNAL_NEURON, REPRESENTABLE)
NOISE_OVER_SIGNAL = (*SEEN_AT_START, ATTACKED_SIGNAL_SMALL, SIGNAL_LEARNED)
"""What the estimates of V over z evaluate, the first of them before anything is followed."""
RACE = (ATTACK, SOME_NOISE_NEURON, DEGREE, SIGNAL_NEURON, REPRESENTABLE, CLEAN_WEIGHT, SMALL_START)
"""What the enclosure of κ* evaluates."""
OVER_ATTACK = (BEYOND, ATTACK, CLEAN_WEIGHT, SOME_NOISE_NEURON, ROOT_NEURON, START_INSIDE)
"""What the enclosures for κ < 0 evaluate, all but the last two before anything is computed."""
