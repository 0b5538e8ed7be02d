"""The parameters of the patch setting and of its training, each declared once.

The command line, the calculator, the sweep and the errors take names, defaults, ranges and words from here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cgro_theory.parameter import POSITIVE, Parameter

MAX_DIMENSION = 10**18
MAX_DEGREE = 9

PATCH: Mapping[str, Parameter] = {
    each.name: each
    for each in (
        Parameter(
            "dimension",
            "integer",
            10_000,
            2,
            MAX_DIMENSION,
            setting_name="patch_dimension",
            symbol="d",
            help="dimension of a patch, such as 1e4",
        ),
        Parameter("samples", "integer", 20, 1, setting_name="num_samples", symbol="N", help="training points"),
        Parameter(
            "patches",
            "integer",
            2,
            2,
            setting_name="num_patches",
            symbol="P",
            help="patches of a point, one of them the signal",
        ),
        Parameter("width", "integer", 24, 1, symbol="m", help="neurons"),
        Parameter("degree", "integer", 3, 2, MAX_DEGREE, symbol="q", help="degree of the activation sgn(z)|z|^q"),
        Parameter("adversarial_weight", "number", 0.9, 0.0, 1.0, symbol="λ", help="weight of the attacked loss"),
        Parameter(
            "attacked_fraction",
            "number",
            "auto",
            -1.0,
            1.0,
            ("auto",),
            "attacked_signal_fraction",
            "κ",
            "share 1 - δ/α of the signal that the attack leaves; auto is 1/(√d log d)",
        ),
        Parameter("signal_exponent", "number", 0.249, -10, 10, symbol="a", help="the signal strength is α = d^a"),
        Parameter("noise_exponent", "number", -0.509, -10, 10, symbol="b", help="the noise has σ = d^b"),
        Parameter("init_exponent", "number", -0.5, -10, 10, symbol="-s", help="initial weights have σ0 = d^-s"),
    )
}
"""Version 1's regime: a, b and the form of κ are the paper's, the other defaults ours (theory.md 2.1)."""

PERTURBATION_RADIUS = Parameter(
    "perturbation_radius", "number", "auto", 0.0, words=("auto",), symbol="δ", help="in place of κ, in [0, 2α]"
)

TRAINING: Mapping[str, Parameter] = {
    each.name: each
    for each in (
        Parameter(
            "method",
            "word",
            "auto",
            words=("auto", "descent", "flow"),
            help="descent, flow (its limit η → 0, at any d), or auto: descent where steps are few",
        ),
        Parameter(
            "learning_rate",
            "number",
            "auto",
            POSITIVE,
            words=("auto",),
            symbol="η",
            help="step of descent; auto is the largest that follows the flow",
        ),
        Parameter(
            "steps", "integer", "auto", 1, words=("auto",), help="last step of descent; auto is until memorization"
        ),
        Parameter(
            "horizon",
            "number",
            "auto",
            POSITIVE,
            words=("auto",),
            help="time at which a flow stops; auto is until memorization",
        ),
        Parameter(
            "tolerance",
            "number",
            "auto",
            1e-12,
            1e-3,
            words=("auto",),
            help="relative error per step of a flow; auto is 1e-8",
        ),
        Parameter("engine", "word", "subspace", words=("subspace", "dense"), help="engine of descent"),
        Parameter(
            "adversary", "word", "transfer", words=("transfer", "span", "l2"), help="what training is faced with"
        ),
    )
}
"""How a network is trained. What is ``auto`` is decided by the setting."""

RUNS = Parameter("runs", "integer", 8, 1, help="independent runs; each has a seed of its own")
SEED = Parameter("seed", "integer", 0, 0, 2**62, help="seed of the first run; those of the others derive from it")


def default(name: str) -> Any:
    """The default of a parameter of the setting, as a number; κ's and δ's is None: by the setting."""
    value = PATCH[name].default
    return None if value == "auto" else value
