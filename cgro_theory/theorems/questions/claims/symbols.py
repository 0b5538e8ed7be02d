"""Symbols, sources and ranges that the questions' claims share. Needs sympy only."""

from __future__ import annotations

import math

import sympy as sp

from cgro_theory.claims import Interval, StatedAssumption

alpha, sigma, d = sp.symbols("alpha sigma d", positive=True)
q, N, kappa, lam, z, V = sp.symbols("q N kappa lambda z V", real=True)
u_max, v_0, xi = sp.symbols("u_max v_0 xi", real=True)
a, b, slope = sp.symbols("a b slope", real=True)
delta, R = sp.symbols("delta R", real=True)
P = sp.Function("P")

PROJECT = "this project, theory.md"
RATE = Interval(0.0, 1.0)
GAP = Interval(-1.0, 1.0)
NOT_NEGATIVE = Interval(0.0, math.inf)
REAL = Interval(-math.inf, math.inf)

FRESH_POINT = StatedAssumption(
    "fresh point", "the noise is independent of the weights", "the setting: test points are drawn after training"
)
