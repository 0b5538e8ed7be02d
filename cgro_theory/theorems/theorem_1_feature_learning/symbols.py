"""Symbols, sources, ranges and assumptions that theorem 1's statements share. Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Assumption, Interval

alpha, sigma, kappa, lam, d = sp.symbols("alpha sigma kappa lambda d", positive=True)
q, N, J, m, u, v, xi, t = sp.symbols("q N J m u_max v_0 xi t", positive=True)
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
    sp.Gt(m * J, sp.log(N, 2)),
    "every point has a neuron with y v(0) > 0; fails with probability at most N 2^(-mJ)",
    "each run, from its draw",
)
radius = Assumption(
    "radius", sp.Ge(kappa, 0), "the attack radius is at most the signal strength", "the prediction"
)
positive = Assumption("signal neuron", sp.Gt(u, 0), "some neuron starts with u_r(0) > 0", "each run")
mixed = Assumption("mixed weight", sp.And(lam > 0, lam < 1), "both losses are trained on", "the prediction")
step = Assumption(
    "step",
    sp.Le(eta, 1 / (q**2 * alpha**2 * (1 - lam))),
    "the learning rate is small enough for descent to follow its flow (theory.md 2.2.6)",
    "the room's own choice of learning rate",
)
ONE_SETTING = "One setting, the version-1 regime at one d; the limit in d is a later check."
attacked = Assumption("attack", sp.Gt(lam, 0), "λ > 0", "the prediction")
cubic = Assumption("degree", sp.Gt(q, 2), "the growth ends in a blow-up, which needs q > 2", "the prediction")
