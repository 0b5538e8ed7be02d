"""What the landscape's claims share: symbols of theory.md 4.4, sources and limitations. Needs sympy only."""

from __future__ import annotations

import sympy

from cgro_theory.claims import Source

SOURCE = Source("Li and Li, arXiv 2306.01271", "experiments on the loss landscape (theory.md 4.4)")
UNDECIDED = (
    "; networks that did not fit: one training above a robust train error of 0.1 (20 PGD steps, 3 starts) after "
    "three doublings of its epochs leaves the claim undecided"
)
STUDENT = "; Student's interval over the seeds, exact for normal values only"

epsilon_0, T = sympy.symbols("epsilon_0 T", positive=True)
"""Training radius, epochs."""
m_narrow, m_middle, m_wide = sympy.symbols("m_narrow m_middle m_wide", positive=True)
"""The widths of the ladder that the claims name."""
rho = sympy.Symbol("rho", real=True)
"""Spearman's rank correlation, in the mean over seeds."""
C, F = sympy.Function("C", real=True), sympy.Function("F", real=True)
"""Mean maximum loss change and gradient norm on the training images, at a radius."""
F_train, F_test = sympy.Function("F_train", real=True), sympy.Function("F_test", real=True)
"""Local and global flatness after so many epochs."""
gap = sympy.Function("gap", real=True)
"""Robust generalization gap after so many epochs, or at a width."""
robust_train_accuracy = sympy.Function("robust_train_accuracy", real=True)
"""At a width."""
