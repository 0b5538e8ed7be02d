"""The robust train error is also measured beside the certificate."""

import math
from dataclasses import replace

import numpy as np
import pytest

from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import Certificate
from cgro_theory.theorems.theorem_2_representation_complexity.claims import training_error
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import NamedMemorizer, RepresentationRuns


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_the_evaluation_counts_errors_that_the_certificate_hides(order, monkeypatch):
    rng = np.random.default_rng(9000)
    good = [gathering._random_memorizer(12, 3, order, (4,), rng) for _ in range(5)]

    # The certificate is replaced by one that passes everything: the padded net's layers must tell.
    def blind(circuit, data, *_, **__):
        return Certificate(np.ones(data.num_samples), "", (), ())

    def measured():
        runs = RepresentationRuns(9000, memorizers=tuple(named))
        return training_error.check_robust_train_error(runs, 0.0).measurement.interval

    monkeypatch.setattr(training_error, "certify", blind)
    named = [NamedMemorizer(str(index), built) for index, built in enumerate(good)]
    assert measured().high == 0.0
    wrong = next(index for index, built in enumerate(good) if built.clean_wrong_on)
    ball = int(np.argmin(good[wrong].data.labels * good[wrong].clean.evaluate(good[wrong].data.points)))
    broken = replace(good[wrong], circuit=with_bias(good[wrong].circuit, "indicator", ball, -1.0))
    named[wrong] = NamedMemorizer("one of five", broken)
    assert measured().low > 0.0
