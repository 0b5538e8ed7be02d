"""Values that only the paper's body fixes, and choices of this project, by name."""

from __future__ import annotations

from cgro_theory.theorems.room import NamedConstant

CONSTANTS: tuple[NamedConstant, ...] = (
    NamedConstant("init_exponent", "-1/2", "σ0 = d^-1/2; version 1 fixes it in its body only"),
    NamedConstant(
        "attacked_signal_fraction", "1/(√d log d)", "the form is the paper's, the power of the log ours"
    ),
    NamedConstant("num_samples, num_patches, width", "20, 2, 24", "sizes of a run; any are allowed"),
    NamedConstant("degree", "3", "the cubic activation of version 1"),
    NamedConstant("adversarial_weight", "0.9", "the paper needs λ in [1/poly(d), 1)"),
    NamedConstant("learned and memorized level", "margin 1", "Θ̃(1) made a number (theory.md 2.4)"),
    NamedConstant("horizon factor", "4", "a run may take four times its slowest point's own formula"),
    NamedConstant("race horizon", "50 T_III", "time given to memorize a first point, for the phase boundary"),
    NamedConstant("overfitting level", "1/4", "half of the full robust overfitting error marks κ_1"),
    NamedConstant(
        "over-attack level", "3/4", "halfway from 1/2, the most under κ >= 0, to a robust test error of 1"
    ),
    NamedConstant("runs left out", "5 %", "more that miss an assumption leave a claim inconclusive"),
    NamedConstant("noise levels", "|V| > z with 1/2, 1/10, 1/50", "how loud fresh noise is made to see errors"),
    NamedConstant("small noise margin", "0.01", "below it a noise margin changes pulls by 1 % at most"),
)
