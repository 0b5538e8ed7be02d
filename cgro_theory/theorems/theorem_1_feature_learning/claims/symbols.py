"""Symbols, sources, ranges and assumptions that theorem 1's statements share. Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Interval

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

ARITHMETIC = "The enclosure is evaluated in float64 with outward slack, not in exact arithmetic."
ONE_SETTING = (
    "One setting, version 1's regime with N = 20, P = 2, m = 24, q = 3 and λ = 0.9; d = 10^4, 10^6, 10^9 and "
    "10^12, in profile full 10^15 too. Other sizes and the limit in d are not shown by it."
)
