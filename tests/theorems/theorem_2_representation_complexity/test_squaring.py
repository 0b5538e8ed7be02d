"""The sawtooth network's error, and what its check does with broken ones."""

from fractions import Fraction

import pytest
from rechecking import judge_claim

from cgro_theory.claims import Outcome
from cgro_theory.theorems.theorem_2_representation_complexity.claims.altered_networks import with_bias
from cgro_theory.theorems.theorem_2_representation_complexity.claims.squaring import (
    SQUARING_ERROR,
    check_squaring_error,
)
from cgro_theory.theorems.theorem_2_representation_complexity.networks.memorizer import squaring_circuit
from cgro_theory.theorems.theorem_2_representation_complexity.runs.made import (
    RepresentationRuns,
    SquaringRun,
)


def outcome(runs):
    return judge_claim(SQUARING_ERROR, check_squaring_error, runs, 0.0).outcome


@pytest.mark.parametrize("squarings", range(1, 7))
def test_sawtooth_error_is_a_power_of_four_exactly(squarings):
    circuit = squaring_circuit(squarings)
    pieces = 2**squarings
    errors = []
    for j in range(2 * pieces + 1):
        x = Fraction(j, 2 * pieces)
        errors.append(circuit.evaluate_exact([x]) - x * x)
    assert max(errors) == Fraction(1, 4 ** (squarings + 1))
    assert min(errors) == 0


def test_a_wrong_squaring_refutes_beside_one_that_cannot_be_decided():
    wrong = SquaringRun(3, squaring_circuit(2))
    bent = SquaringRun(2, with_bias(squaring_circuit(2), "tent.1", 1, -0.4))
    for runs in ((wrong, bent), (bent, wrong)):
        assert outcome(RepresentationRuns(0, squarings=runs)) is Outcome.REFUTED
    assert outcome(RepresentationRuns(0, squarings=(bent,))) is Outcome.INCONCLUSIVE
