"""How long the certificate of theorem 2 takes: `python benchmarks/certificates.py [--quick]`.

Measures the separation, builds the memorizer for p = inf and proves its robust train error 0 by intervals, each
case in a new process, whose peak memory is shown.
"""

import math
import sys
import time

import numpy as np
from engines import peak_memory
from measure import Row, command_output, run_part

from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import certify
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation, training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import digits

CASES = {"1,000 digits": (3.0, None), "2,000 random points": (None, None), "10,000 random points": (30.0, 4096.0)}
"""Seconds and MiB that were asked for."""


def prove(name):
    """Seconds and peak MiB of building and proving one case."""
    count = int(name.split()[0].replace(",", ""))
    if "digits" in name:
        whole = digits(8, None)
        points, labels, share = whole.points[:count], whole.labels[:count], 0.375
        clean = linear_classifier(np.zeros(64), 1.0)
    else:
        generator = np.random.default_rng(0)
        points, labels, share = generator.random((count, 64)), generator.choice((-1.0, 1.0), count), 0.4
        clean = linear_classifier(generator.standard_normal(64), 0.1)
    started = time.perf_counter()
    data = training_set(points, labels)
    radius = share * separation(data, math.inf).distance
    built = memorize(data, radius, math.inf, clean)
    assert certify(built.circuit, data, radius, math.inf).is_complete, name
    print(time.perf_counter() - started, peak_memory())


def rows(quick):
    for name in list(CASES)[:2] if quick else CASES:
        taken, memory = map(float, command_output([__file__, "prove", name]).split())
        limit, most = CASES[name]
        yield Row(f"certificate, p = ∞, D = 64, {name}: build and prove", taken, "s", limit)
        yield Row(f"its peak memory, {name}", memory, "MiB", most)


if __name__ == "__main__":
    if sys.argv[1:2] == ["prove"]:
        prove(sys.argv[2])
    else:
        run_part(__doc__, rows)
