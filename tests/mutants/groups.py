"""Which modules are mutated, in groups, and the fast tests of each."""

from __future__ import annotations

THEOREMS = "cgro_theory/theorems"
THEOREM_1 = f"{THEOREMS}/theorem_1_feature_learning"
THEOREM_2 = f"{THEOREMS}/theorem_2_representation_complexity"
THEOREM_3 = f"{THEOREMS}/theorem_3_global_flatness"
TESTS_1 = "tests/theorems/theorem_1_feature_learning"
TESTS_2 = "tests/theorems/theorem_2_representation_complexity"
TESTS_3 = "tests/theorems/theorem_3_global_flatness"

SLOW_FIXTURES = ("evidence", "tiny_dense")
"""Tests that ask for one of these train for many seconds: left out, as are single tests above the limit."""
LONGEST_TEST = 1.5
"""Seconds."""

_ENCLOSURES = (
    f"{TESTS_1}/test_bracket_steps.py",
    f"{TESTS_1}/test_enclosures.py",
    f"{TESTS_1}/test_phase_boundaries.py",
    f"{TESTS_1}/test_leading_orders.py",
)
_FORMULAS_1 = (
    f"{TESTS_1}/test_prediction_oracles.py",
    "tests/test_formulas_theorem_1.py",
    "tests/test_calculator_patch_data.py",
)
_CHECKER = (f"{TESTS_1}/test_certificate_checker.py", f"{TESTS_1}/test_certificates.py")
_CERTIFICATE = (
    f"{TESTS_2}/test_reading_oracles.py",
    f"{TESTS_2}/test_certificate.py",
    f"{TESTS_2}/test_networks.py",
    f"{TESTS_2}/test_squaring.py",
)
_COUNTS = (
    f"{TESTS_2}/test_count_oracles.py",
    f"{TESTS_2}/test_lower_bound.py",
    f"{TESTS_2}/test_hypercube.py",
    "tests/test_formulas_theorem_2.py",
)
_BOUNDS = (f"{TESTS_3}/test_bound_oracles.py", f"{TESTS_3}/test_bounds.py", "tests/test_formulas_theorem_3.py")
_VARIATION = (f"{TESTS_3}/test_bound_oracles.py", f"{TESTS_3}/test_variation.py", f"{TESTS_3}/test_enclosure.py")
_JUDGE = ("tests/test_judging_oracles.py", "tests/test_claims.py")
_TRAINER = ("tests/test_trainer_oracles.py", "tests/test_trainer.py", f"{TESTS_1}/test_training_oracle.py")

GROUPS: dict[str, dict[str, tuple[str, ...]]] = {
    "predictions of theorem 1 and the lemmas": {
        f"{THEOREM_1}/theory/boundaries.py": (f"{TESTS_1}/test_phase_boundaries.py", *_FORMULAS_1),
        f"{THEOREM_1}/theory/cascade.py": (f"{TESTS_1}/test_leading_orders.py", *_FORMULAS_1),
        f"{THEOREM_1}/theory/overfitting.py": (f"{TESTS_1}/test_phase_boundaries.py", *_FORMULAS_1),
        f"{THEOREM_1}/theory/exponents.py": (f"{TESTS_1}/test_leading_orders.py", *_FORMULAS_1),
        f"{THEOREM_1}/theory/memorization.py": (*_ENCLOSURES, *_FORMULAS_1),
        f"{THEOREM_1}/theory/noise_growth.py": _ENCLOSURES,
        f"{THEOREM_1}/theory/bracket_steps.py": _ENCLOSURES,
        f"{THEOREM_1}/theory/signal.py": (*_ENCLOSURES, *_FORMULAS_1),
        f"{THEOREM_1}/theory/stage_bounds.py": (f"{TESTS_1}/test_stage_bounds.py",),
        f"{THEOREM_1}/theory/stage_probability.py": (
            f"{TESTS_1}/test_stage_bounds.py",
            "tests/test_calculator_draws.py",
        ),
        f"{THEOREMS}/lemmas/theory/common_clock.py": (
            "tests/theorems/lemmas/test_clock_oracles.py",
            "tests/theorems/lemmas/test_common_clock.py",
            "tests/test_formulas_lemmas.py",
        ),
        f"{THEOREMS}/lemmas/theory/tensor_power.py": (
            "tests/theorems/lemmas/test_clock_oracles.py",
            "tests/theorems/lemmas/test_tensor_power.py",
            "tests/test_formulas_lemmas.py",
        ),
        f"{THEOREMS}/gaussian_model/theory/robust_error.py": (
            "cgro_theory/skeleton/tests/test_robust_error.py",
            "tests/theorems/gaussian_model/test_robust_error.py",
            "tests/test_formulas_gaussian_model.py",
        ),
        f"{THEOREMS}/questions/theory/predictions.py": (
            "tests/theorems/questions/test_question_oracles.py",
            "tests/theorems/questions/test_question_predictions.py",
            "tests/test_formulas_questions.py",
        ),
    },
    "laws and errors": {
        "cgro_theory/setting/adversary.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
        ),
        "cgro_theory/setting/fresh_points.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
            "tests/test_noise_margin_law.py",
        ),
        "cgro_theory/setting/initial_draw.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
            "tests/test_trainer.py",
        ),
        "cgro_theory/setting/network.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
            "tests/test_trainer.py",
        ),
        "cgro_theory/setting/noise_margin_law.py": (
            "tests/test_setting_oracles.py",
            "tests/test_noise_margin_law.py",
        ),
        "cgro_theory/setting/objective.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
            "tests/test_trainer.py",
        ),
        "cgro_theory/setting/parameters.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
        ),
        "cgro_theory/setting/patch_data.py": (
            "tests/test_setting_oracles.py",
            "tests/test_setting.py",
        ),
    },
    "trainer": {
        "cgro_theory/trainer/engines.py": _TRAINER,
        "cgro_theory/trainer/flow_system.py": ("tests/test_trainer_oracles.py", "tests/test_flow.py"),
        "cgro_theory/trainer/reduction.py": _TRAINER,
        "cgro_theory/trainer/subspace_problem.py": _TRAINER,
    },
    "certificates": {
        f"{THEOREM_1}/certificate/checker/conclusions.py": _CHECKER,
        f"{THEOREM_1}/certificate/checker/flow.py": _CHECKER,
        f"{THEOREM_1}/certificate/checker/reading.py": _CHECKER,
        f"{THEOREM_1}/certificate/checker/steps.py": _CHECKER,
        f"{THEOREM_2}/certificate/box_reading.py": _CERTIFICATE,
        f"{THEOREM_2}/certificate/enclosing.py": (*_CERTIFICATE, f"{TESTS_2}/test_lower_bound.py"),
        f"{THEOREM_2}/certificate/indicator_reading.py": _CERTIFICATE,
        f"{THEOREM_2}/certificate/norm_reading.py": _CERTIFICATE,
        f"{THEOREM_2}/certificate/proof.py": _CERTIFICATE,
        f"{THEOREM_2}/certificate/witness.py": _CERTIFICATE,
        f"{THEOREM_2}/networks/circuit.py": _CERTIFICATE,
    },
    "bounds": {
        f"{THEOREM_2}/theory/counts.py": _COUNTS,
        f"{THEOREM_2}/theory/lower_bound.py": _COUNTS,
        f"{THEOREM_2}/theory/neighbours.py": _COUNTS,
        f"{THEOREM_2}/theory/trained_bounds.py": (*_COUNTS, f"{TESTS_2}/test_training_error.py"),
        f"{THEOREM_3}/theory/bounds.py": _BOUNDS,
        f"{THEOREM_3}/theory/comparators.py": _BOUNDS,
        f"{THEOREM_3}/theory/density.py": _VARIATION,
        f"{THEOREM_3}/theory/enclosure.py": _VARIATION,
        f"{THEOREM_3}/theory/expected_variation.py": _VARIATION,
        f"{THEOREM_3}/theory/periodic_network.py": _VARIATION,
        f"{THEOREM_3}/theory/realized_variation.py": _VARIATION,
        f"{THEOREM_3}/theory/vacuity.py": _BOUNDS,
        f"{THEOREM_3}/theory/variation_bound.py": (*_BOUNDS, f"{TESTS_3}/test_variation.py"),
    },
    "judging": {
        "cgro_theory/claims/condition.py": (*_JUDGE, "tests/test_conditions.py"),
        "cgro_theory/claims/interval.py": _JUDGE,
        "cgro_theory/claims/ledger.py": _JUDGE,
        "cgro_theory/claims/verdict.py": _JUDGE,
        "cgro_theory/numerics/arb.py": ("tests/test_judging_oracles.py", "tests/test_numerics.py"),
        "cgro_theory/numerics/confidence.py": ("tests/test_judging_oracles.py", "tests/test_numerics.py"),
        f"{THEOREM_1}/claims/worst_run.py": ("tests/test_judging_oracles.py", f"{TESTS_1}/test_worst_run.py"),
    },
}


def files_of(module: str) -> tuple[str, ...]:
    """The test files of a module; its own doctests come first."""
    for modules in GROUPS.values():
        if module in modules:
            return (module, *modules[module])
    raise KeyError(module)
