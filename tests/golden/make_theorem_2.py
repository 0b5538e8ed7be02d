"""Writes theorem_2_networks.json from plain formulas: python tests/golden/make_theorem_2.py

Nothing of the package is imported. Networks: the formulas of theory.md 3.1 in exact fractions, the square
interpolated at dyadic points. Bounds: mpmath with 60 digits.
"""

import json
import math
from fractions import Fraction
from pathlib import Path

import mpmath

POINTS = [[0, 0, 0], [1, 0, 0], [0, 1, 1], [1, 1, "1/2"]]
LABELS = [1, -1, 1, -1]
CLEAN = ([1, "-1/2", "1/4"], "1/8")
QUERIES = [
    ["1/8", "1/8", 0],
    ["1/4", "1/4", "1/4"],
    ["3/8", 0, 0],
    ["7/16", "1/16", "1/32"],
    ["1/2", "1/2", "1/2"],
    [1, "1/8", "1/8"],
    ["5/8", 0, "1/16"],
    ["3/4", 1, "3/4"],
    [2, 2, 2],
]
RADIUS, RAMP = Fraction(1, 4), Fraction(1, 8)


def interpolated_square(value, squarings):
    pieces = 2**squarings
    cell = min(math.floor(value * pieces), pieces - 1)
    left, right = Fraction(cell, pieces), Fraction(cell + 1, pieces)
    return left * left + (left + right) * (value - left)


def indicator(point, centre, norm, squarings, scale):
    gaps = [abs(x - c) for x, c in zip(point, centre, strict=True)]
    if norm == "inf":
        outside = sum(max(gap - RADIUS, Fraction(0)) for gap in gaps)
        return max(Fraction(0), 1 - outside / RAMP)
    if norm == "1":
        return max(Fraction(0), 1 - max(sum(gaps) - RADIUS, Fraction(0)) / RAMP)
    total = scale**2 * sum(interpolated_square(gap / scale, squarings) for gap in gaps)
    start = RADIUS**2 + len(gaps) * scale**2 * Fraction(1, 4 ** (squarings + 1))
    return max(Fraction(0), 1 - max(total - start, Fraction(0)) / ((RADIUS + RAMP) ** 2 - start))


def network(point, norm, squarings, scale, bound):
    clean = sum(Fraction(w) * x for w, x in zip(CLEAN[0], point, strict=True)) + Fraction(CLEAN[1])
    values = [indicator(point, [Fraction(c) for c in centre], norm, squarings, scale) for centre in POINTS]
    gate = max(clean - bound * sum(values), 0) - max(-clean - bound * sum(values), 0)
    return gate + sum(y * value for y, value in zip(LABELS, values, strict=True))


def clean_bound():
    """|f_clean| on the hull of all points enlarged by δ and the ramp."""
    reach = RADIUS + RAMP
    ends = [(-reach, 1 + reach)] * 3
    weights = [Fraction(w) for w in CLEAN[0]]
    high = sum(max(w * low, w * top) for w, (low, top) in zip(weights, ends, strict=True)) + Fraction(CLEAN[1])
    low = sum(min(w * low, w * top) for w, (low, top) in zip(weights, ends, strict=True)) + Fraction(CLEAN[1])
    return max(high, -low)


def squarings_of(scale):
    room = RAMP * (2 * RADIUS + RAMP) / 2
    stages = 1
    while 3 * scale**2 / Fraction(4 ** (stages + 1)) > room:
        stages += 1
    return stages


def parameter_bound(dimension, share, layers):
    share, points = mpmath.mpf(share), mpmath.mpf(2) ** (dimension - 1)
    entropy = mpmath.mpf(0)
    if share:
        entropy = -share * mpmath.log(share, 2) - (1 - share) * mpmath.log(1 - share, 2)
    logs = mpmath.fsum(mpmath.log(2 * mpmath.e * points * i, 2) for i in range(1, layers + 1))
    return max(0, int(mpmath.ceil((points * (1 - entropy) - layers) / logs)))


def main():
    mpmath.mp.dps = 60
    scale = Fraction(2)  # a power of two >= 1 + 2 (δ + ramp) = 7/4
    cases = []
    for norm in ("1", "2", "inf"):
        stages = squarings_of(scale) if norm == "2" else 0
        queries = [[Fraction(value) for value in query] for query in QUERIES]
        # far outside R the interpolation does not hold; the last query is beyond every ball, where f = f_clean
        values = [network(query, norm, stages, scale, clean_bound()) for query in queries[:-1]]
        values.append(sum(Fraction(w) * 2 for w in CLEAN[0]) + Fraction(CLEAN[1]))
        cases.append({"norm_order": norm, "squarings": stages, "values": [float(value) for value in values]})
    bounds = [
        {
            "input_dimension": d,
            "error_share": e,
            "layers": layers,
            "parameters": str(parameter_bound(d, e, layers)),
        }
        for d in (3, 9, 17, 33, 65, 129)
        for e in (0.0, 0.1, 0.25)
        for layers in (2, 4)
    ]
    document = {
        "theorem": "theorem_2",
        "command": "python tests/golden/make_theorem_2.py",
        "points": [[str(value) for value in point] for point in POINTS],
        "labels": LABELS,
        "clean": {"weights": [str(value) for value in CLEAN[0]], "bias": CLEAN[1]},
        "queries": [[str(value) for value in query] for query in QUERIES],
        "perturbation_radius": str(RADIUS),
        "ramp_width": str(RAMP),
        "networks": cases,
        "bounds": bounds,
    }
    path = Path(__file__).parent / "theorem_2_networks.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
