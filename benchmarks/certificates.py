"""How long the certificate of theorem 2 takes: `python benchmarks/certificates.py`.

Measures the separation, builds the memorizer for p = inf and proves its robust train error 0 by intervals.
"""

import math
import resource
import sys
import time

import numpy as np

from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import certify
from cgro_theory.theorems.theorem_2_representation_complexity.networks.clean_classifier import linear_classifier
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import memorize
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import separation, training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.making import digits


def run(name, points, labels, share, clean):
    started = time.perf_counter()
    data = training_set(points, labels)
    radius = share * separation(data, math.inf).distance
    built = memorize(data, radius, math.inf, clean)
    complete = certify(built.circuit, data, radius, math.inf).is_complete
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 1024**2)
    print(f"{name:<32} {seconds:6.1f} s   peak memory {memory:6.0f} MiB   proved: {complete}")


def main():
    whole = digits(8, None)
    generator = np.random.default_rng(0)
    run(
        "1,000 digits, D = 64",
        whole.points[:1000],
        whole.labels[:1000],
        0.375,
        linear_classifier(np.zeros(64), 1.0),
    )
    points, labels = generator.random((10_000, 64)), generator.choice((-1.0, 1.0), 10_000)
    run("10,000 random points, D = 64", points, labels, 0.4, linear_classifier(generator.standard_normal(64), 0.1))


if __name__ == "__main__":
    main()
