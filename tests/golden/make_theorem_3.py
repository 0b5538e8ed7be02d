"""Writes theorem_3_bounds.json from plain formulas: python tests/golden/make_theorem_3.py

Nothing of the package is imported. The formulas of theory.md 4.2 in mpmath with 60 digits; total variations by
mpmath's quadrature between the sample's break points; losses and their derivatives by mpmath's differentiation.
"""

import itertools
import json
from pathlib import Path

import mpmath
from mpmath import mpf

SIZES = [
    # N, D, h, V = sum pi int |grad p|, class weights, F, B, delta, failure probability
    [1, 1, "0.5", "0", [1.0], "0", "1", "0", "1e-300"],
    [1, 10**9, "1e-300", "1e300", [0.5, 0.5], "1e-300", "1e-3", "0.25", "0.5"],
    [1000, 1, "0.1", "3.6", [0.5, 0.5], "2.5", "1", "0.03", "0.05"],
    [10**5, 2, "0.0625", "7.2", [0.25, 0.75], "12.5", "1", "0.04", "1e-6"],
    [10**6, 3, "0.0625", "10.8", [0.5, 0.5], "40", "2", "0.04", "1e-300"],
    [60000, 784, "0.4375", "1568", [0.125] * 8, "3", "2.302585", "0.3", "0.05"],
    [10**300, 64, "1e-4", "128", [0.5, 0.5], "5", "1", "0.03", "1e-9"],
    [10**300, 10**9, "0.5", "0", [0.5, 0.5], "1", "1", "0", "1e-300"],
]
STARTS = [
    # D, F, V, class weights, B, failure probability or None
    [1, "4", "3.6", [0.5, 0.5], "1", None],
    [1, "4", "3.6", [0.5, 0.5], "1", "0.05"],
    [2, "18.5", "7.2", [0.5, 0.5], "1", "1e-300"],
    [3, "0.125", "0", [1.0], "1", None],
    [64, "1", "230.4", [0.5, 0.5], "1", None],
    [784, "1", "2822.4", [0.5, 0.5], "1", "0.05"],
    [3072, "10", "11059.2", [0.5, 0.5], "1", None],
    [10**9, "1", "100", [0.5, 0.5], "1", None],
]
SAMPLE = [["0.02", 1], ["0.99", 1], ["0.4", -1], ["0.55", -1], ["0.97", 1], ["0.3125", -1], ["0.7", 1]]
AMPLITUDE = mpf("0.75")


def roots(weights):
    return mpmath.fsum(mpmath.sqrt(mpf(w)) for w in weights)


def expected_variation(n, d, h, v, weights):
    return (
        h * mpf(d) / (d + 1) * v + mpmath.exp(-(mpmath.log(n) + d * mpmath.log(2 * h)) / 2) * roots(weights)
    ) / 2


def deviation(n, probability):
    return mpmath.sqrt(mpmath.log(1 / probability) / (2 * mpf(n)))


def bounds(row):
    n, d, h, v, weights, flatness, scale, radius, probability = row
    # decimal strings are floats on the other side: take the same binary numbers
    h, v, flatness, scale, radius, probability = (
        mpf(float(x)) for x in (h, v, flatness, scale, radius, probability)
    )
    mean = expected_variation(n, d, h, v, weights)
    high = mean + deviation(n, probability)
    total = h * flatness + scale * high
    local = h * mpf(d) / (d + 1) * flatness + scale * high
    return {
        "log10_expected": text(mpmath.log10(mean)),
        "log10_variation": text(mpmath.log10(high)),
        "log10_global": text(mpmath.log10(total)),
        "log10_local": text(mpmath.log10(local)),
        "hoeffding": text(scale * deviation(n, probability)),
        "log10_rate": text(-mpmath.log10(n) / (d + 2)),
        "log10_per_constant": text(-mpmath.log10(n) / (d + 2) - mpmath.log10(probability) / 2),
    }


def best_bound(log_n, d, rising, falling, scale, probability):
    log_h = (2 * mpmath.log(d * falling / rising) - log_n) / (d + 2) - mpmath.log(2)
    log_h = min(log_h, mpmath.log(mpf(1) / 2))
    value = mpmath.exp(log_h) * rising
    value += falling * mpmath.exp(-(log_n + d * (log_h + mpmath.log(2))) / 2)
    if probability is not None:
        value += scale * mpmath.sqrt(mpmath.log(1 / probability) / 2) * mpmath.exp(-log_n / 2)
    return value


def start(row):
    """log10 of the N at which the best bound is B."""
    d, flatness, v, weights, scale, probability = row
    flatness, v, scale = (mpf(float(x)) for x in (flatness, v, scale))
    probability = None if probability is None else mpf(float(probability))
    rising = flatness + scale * mpf(d) / (2 * (d + 1)) * v
    falling = scale * roots(weights) / 2
    low, high = mpf(0), mpf(1)
    if best_bound(low, d, rising, falling, scale, probability) < scale:
        return mpf(0)
    while best_bound(high, d, rising, falling, scale, probability) >= scale:
        high *= 2
    for _ in range(190):
        middle = (low + high) / 2
        if best_bound(middle, d, rising, falling, scale, probability) < scale:
            high = middle
        else:
            low = middle
    return high / mpmath.log(10)


def total_variation(h):
    """TV(P, P_h) of SAMPLE on the circle, p_y = 1 + a cos(2 pi x + phase), phases 0 and pi, weights 1/2."""
    h, total = mpf(h), mpf(0)
    for label, phase in ((1, mpf(0)), (-1, mpmath.pi)):
        own = [mpf(float(x)) for x, y in SAMPLE if y == label]

        def height(x, own=own):
            near = [abs(x - c - k) <= h for c in own for k in (-1, 0, 1)]
            return mpf(sum(near)) / (len(SAMPLE) * 2 * h)

        def target(x, phase=phase):
            return (1 + AMPLITUDE * mpmath.cos(2 * mpmath.pi * x + phase)) / 2

        cuts = {mpf(0), mpf(1), mpf(1) / 2}
        cuts |= {(c + s * h) % 1 for c in own for s in (-1, 1)}
        cuts = sorted(cuts)
        for left, right in itertools.pairwise(cuts):
            level = height((left + right) / 2)
            total += piece(level, target, left, right)
    return total / 2


def piece(level, target, left, right):
    """int |level - target| where target is monotone, so that there is one sign change at most."""
    first, last = level - target(left), level - target(right)
    if first * last >= 0:
        return abs(mpmath.quad(lambda x: level - target(x), [left, right]))
    root = mpmath.findroot(lambda x: level - target(x), (left, right), solver="anderson", tol=1e-40)
    parts = ([left, root], [root, right])
    return mpmath.fsum(abs(mpmath.quad(lambda x: level - target(x), part)) for part in parts)


NETWORK = {
    "cosines": [[["0.5", "-0.25"], ["1.5", "0.125"]], [["-1", "0.75"], ["0.25", "0.5"]]],
    "sines": [[["0.75", "0.5"], ["-0.5", "1"]], [["0.125", "-1.25"], ["2", "-0.75"]]],
    "biases": ["0.25", "-0.5"],
    "outputs": ["2", "-1.5"],
    "offset": "0.375",
}
POINTS = [["0.125", "0.8"], ["0.5", "0.03"], ["0.99", "0.25"]]


def loss(label):
    def value(x1, x2):
        total = mpf(NETWORK["offset"])
        for j in range(2):
            inner = mpf(NETWORK["biases"][j])
            for k, x in enumerate((x1, x2)):
                for m in range(2):
                    angle = 2 * mpmath.pi * (m + 1) * x
                    inner += mpf(NETWORK["cosines"][j][k][m]) * mpmath.cos(angle)
                    inner += mpf(NETWORK["sines"][j][k][m]) * mpmath.sin(angle)
            total += mpf(NETWORK["outputs"][j]) * mpmath.tanh(inner)
        return 1 / (1 + mpmath.exp(label * total))

    return value


def derivatives(point):
    x = tuple(mpf(float(value)) for value in point)
    plus = loss(1)
    slope = [mpmath.diff(plus, x, order) for order in ((1, 0), (0, 1))]
    bend = [mpmath.diff(plus, x, order) for order in ((2, 0), (1, 1), (0, 2))]
    norm = max(abs(bend[0] + s * bend[1]) + abs(bend[1] + s * bend[2]) for s in (1, -1))
    return {
        "loss_plus": text(plus(*x)),
        "loss_minus": text(loss(-1)(*x)),
        "gradient_norm": text(abs(slope[0]) + abs(slope[1])),
        "curvature": text(norm),
    }


def text(value):
    return mpmath.nstr(value, 40)


def main():
    mpmath.mp.dps = 60
    document = {
        "theorem": "theorem_3",
        "command": "python tests/golden/make_theorem_3.py",
        "bounds": [{"sizes": [str(row[0]), *row[1:]], **bounds(row)} for row in SIZES],
        "starts": [{"sizes": row, "log10_samples": text(start(row))} for row in STARTS],
        "sample": SAMPLE,
        "amplitude": text(AMPLITUDE),
        "variations": [
            {"bandwidth": h, "variation": text(total_variation(h))} for h in ("0.0625", "0.125", "0.375")
        ],
        "network": NETWORK,
        "points": [{"point": point, **derivatives(point)} for point in POINTS],
    }
    path = Path(__file__).parent / "theorem_3_bounds.json"
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
