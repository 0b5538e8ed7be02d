"""What theorem 2's claims say, and what no check may let pass."""

import math

import numpy as np
import pytest

from cgro_theory.calculator.robust_size import robust_size
from cgro_theory.theorems.theorem_2_representation_complexity.claims import statement
from cgro_theory.theorems.theorem_2_representation_complexity.networks.circuit import INPUT, Circuit, block
from cgro_theory.theorems.theorem_2_representation_complexity.networks.training_set import training_set
from cgro_theory.theorems.theorem_2_representation_complexity.runs.adversarial_training import (
    TrainingBudget,
    _examine,
)
from cgro_theory.theorems.theorem_2_representation_complexity.runs.attack import attack_balls
from cgro_theory.theorems.theorem_2_representation_complexity.runs.hypercube import random_instance

CLAIM = {entry.label: entry for entry in statement.CLAIMS}


@pytest.mark.parametrize("label", ["theorem_2.hierarchy", "theorem_2.robust_lower_bound"])
def test_no_claim_speaks_of_every_robust_net(label):
    # Parity has a robust net with 9(D-1) parameters: the bound is for one fixed graph and the worst labelling.
    entry = CLAIM[label]
    assert "every robust net" not in entry.statement
    assert "one fixed graph" in entry.statement.lower()
    assert "every labelling" in entry.statement
    assert "graph" in entry.silent_about
    assert "parity" in entry.statement + entry.silent_about


def test_both_crossings_have_a_claim():
    assert "graph may depend on the labels" in CLAIM["theorem_2.hierarchy_any_graph"].statement


def test_the_calculator_says_whose_parameters_it_bounds():
    answer = robust_size(27, num_samples=1797, error_share=0.1)
    said = " ".join([*(entry.statement for entry in answer.conditions), answer["hierarchy_dimension"].note])
    assert "one fixed graph" in said
    assert "parity" in said


def test_a_net_of_nan_is_wrong_everywhere():
    instance = random_instance(3, 9000)
    weights, biases = [np.full((2, 3), math.nan), np.ones((1, 2))], [np.zeros(2), np.zeros(1)]
    net = _examine(instance, TrainingBudget((2,), (1,), 1, 1), weights, biases, 0, 0)
    assert net.zero_errors == net.attack_errors == net.unproved == 4


def test_the_attack_counts_an_output_of_nan_as_an_error():
    data = training_set([[1.0], [3.0]], [1, 1])
    # 1e308 x + 1e308 x - the same: infinity minus infinity.
    overflow = Circuit(
        1,
        (
            block("a", True, {INPUT: np.array([[1e308], [1e308]])}, [0.0, 0.0]),
            block("b", True, {"a": np.array([[1e300, 0.0], [0.0, 1e300]])}, [0.0, 0.0]),
            block("output", False, {"b": np.array([[1.0, -1.0]])}, [0.0]),
        ),
    )
    assert attack_balls(overflow, data, 0.25, math.inf, balls=2, steps=1, seed=9000).errors == 2
