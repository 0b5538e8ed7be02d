"""Symbols, sources, ranges and assumptions that theorem 1's statements share. Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Assumption, Interval

# Only what is positive by definition is declared so: a condition on a symbol that is declared to fulfil it would
# be the constant true, and say nothing.
alpha, sigma, d = sp.symbols("alpha sigma d", positive=True)
q, N, J, m, v, xi, t = sp.symbols("q N J m v_0 xi t", positive=True)
kappa, lam, u = sp.symbols("kappa lambda u_max", real=True)
z, z_attacked, eta, U, V = sp.symbols("z z_a eta U V", real=True)
a, b, s = sp.symbols("a b s", real=True)
P = sp.Function("P")
gain = ((1 - lam) * alpha**q + lam * (kappa * alpha) ** q) / 2
signal_time = u ** (2 - q) / (q * (q - 2) * gain)
memorization_time = N * v ** (2 - q) / (q * (q - 2) * lam / 2 * xi**2)

PAPER = "Li and Li, arXiv 2306.01271"
PROJECT = "this project, theory.md"
RATE = Interval(0.0, 1.0)
TIME = Interval(0.0, math.inf)
REAL = Interval(-math.inf, math.inf)

width = Assumption(
    "width",
    sp.Gt(sp.Symbol("v_least", real=True), 0),
    "every point has a neuron with y v(0) > 0 (v_least: the least over the points of the best one's); fails with "
    "probability at most N 2^(-m)",
    "each run, from its draw",
)
radius = Assumption(
    "radius", sp.Ge(kappa, 0), "the attack radius is at most the signal strength", "the prediction"
)
positive = Assumption(
    "signal neuron", sp.Gt(u, 0), "some neuron starts with u_r(0) > 0", "each run, from its draw"
)
mixed = Assumption("mixed weight", sp.And(lam > 0, lam < 1), "both losses are trained on", "the prediction")
step = Assumption(
    "step",
    sp.Le(eta, 1 / (q**2 * alpha**2 * (1 - lam))),
    "the learning rate is small enough for descent to follow its flow (theory.md 2.2.6)",
    "the room's own choice of learning rate",
)
attacked = Assumption("attack", sp.Gt(lam, 0), "attacked points are trained on", "the prediction")
clean_only = Assumption("no attack", sp.Eq(lam, 0), "only clean points are trained on", "the runs")
attacked_only = Assumption("no clean points", sp.Eq(lam, 1), "only attacked points are trained on", "the runs")
default_attack = Assumption(
    "attack of the paper's form",
    sp.Eq(kappa, 1 / (sp.sqrt(d) * sp.log(d))),
    "the attack leaves the fraction 1/(√d log d) of the signal; one that leaves much more is not covered",
    "the runs",
)
memorizing = Assumption(
    "below the phase boundary",
    sp.Lt(kappa, sp.Symbol("kappa_star", positive=True)),
    "the attacked signal loses the race against the noise; above κ* nothing is memorized and there is no such "
    "time",
    "the prediction, from the draw: κ lies below the enclosure of κ*",
)
cubic = Assumption("degree", sp.Gt(q, 2), "the growth ends in a blow-up, which needs q > 2", "the prediction")
ARITHMETIC = "The enclosure is evaluated in float64 with outward slack, not in exact arithmetic."
ONE_SETTING = (
    "One setting, version 1's regime with N = 20, P = 2, m = 24, q = 3 and λ = 0.9; d = 10^4, 10^6, 10^9 and "
    "10^12, in profile full 10^15 too. Other sizes and the limit in d are not shown by it."
)
