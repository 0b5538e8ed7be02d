"""Writes questions.json from plain formulas: python tests/golden/make_questions.py

Nothing of the package is imported. Volumes in mpmath with 50 digits; the signal after some clock by mpmath's own
Taylor integration of du/dτ = q|u|^(q-1); expected errors on the hypercube by listing every sample.
"""

import itertools
import json
from fractions import Fraction
from pathlib import Path

import mpmath
from mpmath import mpf

GAP = mpf(0.4)  # the same binary number on the other side
VOLUMES = [(2, 0.05, 2.0), (3, 0.1, 1.0), (3, 0.1, 2.0), (3, 0.1, "inf"), (6, 0.05, "inf"), (9, 0.1, 2.0)]
SIGNALS = [
    # initial projections, clock, degree
    [[0.25, -0.5, 0.125], 0.5, 2],
    [[0.25, -0.5, 0.125], 1.0, 3],
    [[0.01, -0.02, 0.005], 30.0, 3],
    [[0.5, -0.75], 0.4, 4],
    [[0.5, -0.75, 0.6], 0.25, 5],
]


def volume(dimension, radius, order):
    """Chance that one training point of the right label lies where its indicator can reach."""
    free, radius = dimension - 1, mpf(radius)
    density = 1 / (mpf(1) / 2 - GAP / 2)
    if order == "inf":
        side = 4 * radius
        return min(mpf(1), side * density) * side ** (free - 1) / 2
    reach, power = (radius, mpf(1)) if order == 1.0 else (mpmath.sqrt(3) * radius, mpf(2))
    ball = (2 * mpmath.gamma(1 + 1 / power)) ** free / mpmath.gamma(1 + free / power) * reach**free
    return min(mpf(1) / 2, ball * density / 2)


def signal_after(initial, clock, degree):
    total = mpf(0)
    for start in initial:
        path = mpmath.odefun(lambda t, u: [degree * abs(u[0]) ** (degree - 1)], 0, [mpf(start)])
        end = path(mpf(clock))[0]
        total += mpmath.sign(end) * abs(end) ** degree
    return total


def corner_error(corners, samples):
    """Mean share of unseen corners over all samples, one by one."""
    total = sum(corners - len(set(sample)) for sample in itertools.product(range(corners), repeat=samples))
    return Fraction(total, corners ** (samples + 1))


def main():
    mpmath.mp.dps = 50
    document = {
        "theorem": "questions",
        "command": "python tests/golden/make_questions.py",
        "volumes": [[d, r, o, float(volume(d, r, o))] for d, r, o in VOLUMES],
        "signals": [],
        "corners": [[k, n, str(corner_error(k, n))] for k, n in ((2, 3), (4, 4), (8, 4), (16, 3))],
    }
    mpmath.mp.dps = 25
    document["signals"] = [[u, t, q, float(signal_after(u, t, q))] for u, t, q in SIGNALS]
    path = Path(__file__).parent / "questions.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
