"""Base seeds that were used while something was built or tuned. No published result may rest on one of them."""

from __future__ import annotations

from cgro_theory.errors import InvalidInput

BUILDING_SEEDS: tuple[tuple[int, int, str], ...] = (
    (0, 0, "the default; the landscape's sizes were changed while it was looked at"),
    (1, 63, "early trials and tests"),
    (1000, 1063, "pilots of the landscape"),
    (2000, 2000, "an independent look at the landscape, before its claims were restated"),
    (5000, 5063, "timings"),
    (8101, 8102, "enclosures against an integrator"),
    (9000, 9999, "tests, timings and sizes of enclosures"),
    (20271, 20273, "enclosures on random small settings"),
    (77123, 77123, "enclosures"),
    (300001, 300004, "a first re-verification, after which a control of a question got more runs"),
    (310001, 310005, "a second one, after which a negative control of theorem 2 was made sharper"),
    (
        320004,
        320004,
        "the exception of a third one, after which a negative control of theorem 1 chose its network",
    ),
    (370005, 370005, "an exception, after which the runs under over-attack grow at a later look"),
    (370015, 370015, "exceptions of the twenty, after which a control and the question of images were changed"),
    (370018, 370018, "an exception, after which a negative control of theorem 2 flips all labels"),
    (370020, 370020, "an exception, after which an undecided bracket of the noise may take more steps"),
    (370028, 370028, "an exception, after which a refused certificate is proposed again with more care"),
    (880000, 889999, "κ_1 from the cascade, power of the landscape, the second opinion, mutants"),
)
"""First and last of each range, and what it was used for."""


def require_unused(seed: int) -> int:
    """The base seed, when nothing was tuned while it was looked at; else :class:`InvalidInput`."""
    for first, last, purpose in BUILDING_SEEDS:
        if first <= seed <= last:
            raise InvalidInput("seeds", seed, f"no seed used while building ({first} to {last}: {purpose})")
    return seed
