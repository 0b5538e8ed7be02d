"""Symbols, sources and ranges that theorem 1's statements share. Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Interval

alpha, sigma, d, q, N, J, m, xi = sp.symbols("alpha sigma d q N J m xi", positive=True)
kappa, lam, u, v, t, eta = sp.symbols("kappa lambda u_max v_0 t eta", real=True)
z, z_attacked, V = sp.symbols("z z_a V", real=True)
T_I, T_III, slope = sp.symbols("T_I T_III slope", real=True)
err_clean, err_robust, Var_V = sp.symbols("err_clean err_robust Var_V", real=True)
a, b, s = sp.symbols("a b s", real=True)
P = sp.Function("P")

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
