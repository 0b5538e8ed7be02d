"""Theorem 2's checks can fail: where bounds bind, NaN as an error, faults in one network, seeds of their own."""

import math
from dataclasses import replace

import numpy as np
import pytest
import scipy.stats  # noqa: F401 (draws numbers of its own when it is loaded, in the test of the generators)

from cgro_theory.claims import Outcome
from cgro_theory.theorems.theorem_2_representation_complexity.certificate.proof import Certificate
from cgro_theory.theorems.theorem_2_representation_complexity.claims import statement
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias
from cgro_theory.theorems.theorem_2_representation_complexity.claims.checks import check_squaring_error
from cgro_theory.theorems.theorem_2_representation_complexity.claims.error_checks import check_robust_train_error
from cgro_theory.theorems.theorem_2_representation_complexity.claims.lower_bound_check import (
    check_robust_lower_bound,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import squaring_circuit
from cgro_theory.theorems.theorem_2_representation_complexity.runs import making as gathering
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainedNet,
    TrainingBudget,
    train_on,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import random_instance
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    NamedMemorizer,
    RepresentationEvidence,
    SquaringRun,
)
from cgro_theory.theorems.theorem_2_representation_complexity.theory.lower_bound import Architecture
from cgro_theory.theorems.verification import judge_claim

CLAIM = {entry.label: entry for entry in statement.CLAIMS}
EMPTY = RepresentationEvidence("quick", 9000)


def judged(evidence):
    return judge_claim(CLAIM["theorem_2.robust_lower_bound"], check_robust_lower_bound, evidence, 5e-4)


def test_every_enumerated_comparison_binds():
    evidence = replace(EMPTY, growth=gathering._growth(9000), covers=gathering._covers(9000))
    verdict = judged(evidence)
    assert verdict.measurement.binding == len(evidence.growth) + len(evidence.covers) == verdict.measurement.runs
    assert verdict.outcome is Outcome.CONSISTENT
    assert 1.0 < verdict.measurement.estimate < 1.1
    assert all(entry.bound_bits < entry.num_points for entry in evidence.growth)


def test_nets_too_small_to_be_excluded_leave_the_claim_vacuous():
    # What the quick profile had: D = 6, where the slack for random labels exceeds what the bound demands.
    fitting = TrainedNet(Architecture(6, (8, 1)), 0, 32, 0, 0, 0)
    tiny_growth = replace(gathering._growth(9000)[0], num_points=8, found=58, bound_bits=8.0)
    verdict = judged(replace(EMPTY, growth=(tiny_growth,), trained=(fitting,)))
    assert verdict.measurement.binding == 0
    assert verdict.outcome is Outcome.VACUOUS


def test_a_tried_net_of_an_excluded_size_binds_and_one_that_diverged_does_not():
    growth = gathering._growth(9000)[:1]
    tried = TrainedNet(Architecture(11, (2, 1)), 0, 1024, 480, 500, 1024)
    assert judged(replace(EMPTY, growth=growth, trained=(tried,))).measurement.binding == 2
    diverged = replace(tried, zero_errors=1024)
    assert judged(replace(EMPTY, growth=growth, trained=(diverged,))).measurement.binding == 1
    assert judged(replace(EMPTY, growth=growth, trained=(tried, replace(tried, zero_errors=0)))).outcome is (
        Outcome.REFUTED
    )


def test_the_profiles_try_sizes_that_the_bound_excludes():
    for sizes in gathering.SIZES.values():
        assert min(sizes.excluded_dimensions) >= 9


def test_a_margin_of_nan_is_not_certified():
    assert Certificate(np.array([1.0, math.nan]), "readings", (), ()).uncertified == (1,)


@pytest.mark.parametrize("order", [1.0, 2.0, math.inf])
def test_the_evaluation_counts_errors_that_the_certificate_hides(order, monkeypatch):
    from cgro_theory.theorems.theorem_2_representation_complexity.claims import error_checks

    rng = np.random.default_rng(9000)
    good = [gathering._random_memorizer(12, 3, order, (4,), rng) for _ in range(5)]
    # The certificate is replaced by one that passes everything: the padded net's layers must tell.
    monkeypatch.setattr(
        error_checks, "certify", lambda circuit, data, *_, **__: Certificate(np.ones(data.num_samples), "", (), ())
    )
    named = [NamedMemorizer(str(index), built) for index, built in enumerate(good)]
    passing = check_robust_train_error(replace(EMPTY, memorizers=tuple(named)), 0.0).measurement
    assert passing.interval.high == 0.0
    wrong = next(index for index, built in enumerate(good) if built.clean_wrong_on)
    ball = int(np.argmin(good[wrong].data.labels * good[wrong].clean.evaluate(good[wrong].data.points)))
    broken = replace(good[wrong], circuit=with_bias(good[wrong].circuit, "indicator", ball, -1.0))
    named[wrong] = NamedMemorizer("one of five", broken)
    found = check_robust_train_error(replace(EMPTY, memorizers=tuple(named)), 0.0).measurement
    assert found.interval.low > 0.0


def test_a_wrong_squaring_refutes_beside_one_that_cannot_be_decided():
    wrong = SquaringRun(3, squaring_circuit(2))
    bent = SquaringRun(2, with_bias(squaring_circuit(2), "tent.1", 1, -0.4))
    claim = CLAIM["theorem_2.squaring_error"]
    for runs in ((wrong, bent), (bent, wrong)):
        assert judge_claim(claim, check_squaring_error, replace(EMPTY, squarings=runs), 0.0).outcome is (
            Outcome.REFUTED
        )
    only = judge_claim(claim, check_squaring_error, replace(EMPTY, squarings=(bent,)), 0.0)
    assert only.outcome is Outcome.INCONCLUSIVE


def test_base_seeds_share_no_training_run():
    budget = TrainingBudget((1, 2), (1, 2), 2, 1, final_attack_steps=1, final_restarts=1, max_boxes=1)
    seeds = [
        net.seed
        for base in (9000, 9001, 9002)
        for dimension in (2, 3)
        for net in train_on(random_instance(dimension, 1), budget, base)
    ]
    assert len(set(seeds)) == len(seeds) == 3 * 2 * 8


def test_two_parts_of_the_gathering_share_no_generator(monkeypatch):
    # [seed, 4] was both the comparisons' generator and that of the hypercube's labels at D = 4.
    used = []
    original = np.random.default_rng

    def spy(seed=None):
        if isinstance(seed, int | list):  # not the generators that scipy passes through
            used.append(repr(seed))
        return original(seed)

    monkeypatch.setattr(np.random, "default_rng", spy)
    for base in (9000, 9001):
        gathering._comparisons(base)
        gathering._exact_errors(replace(gathering.SIZES["quick"], sample_limit=4), base)
        gathering._growth(base)
    assert len(set(used)) == len(used)
