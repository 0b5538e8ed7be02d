"""Proofs of whole trainings: the checker accepts what is right, refuses every planted fault, and trusts nobody."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rechecking import judge_claim, judge_control

from cgro_theory.claims import Outcome
from cgro_theory.setting.adversary_name import AdversaryName
from cgro_theory.setting.initial_draw import draw_subspace
from cgro_theory.setting.parameters import PatchSetting
from cgro_theory.theorems.catalogue import checked_claim
from cgro_theory.theorems.theorem_1_feature_learning.certificate import checker, statement
from cgro_theory.theorems.theorem_1_feature_learning.certificate.error_growth import NotCompleted
from cgro_theory.theorems.theorem_1_feature_learning.certificate.prover import prove
from cgro_theory.theorems.theorem_1_feature_learning.certificate.proving import checked_part, part_of, proof_of
from cgro_theory.theorems.theorem_1_feature_learning.certificate.taylor import ReducedFlow
from cgro_theory.theorems.theorem_1_feature_learning.runs.certified import CertifiedRun, trained_until
from cgro_theory.theorems.theorem_1_feature_learning.runs.trained import TrainedEvidence
from cgro_theory.trainer.flow_system import FlowSystem
from cgro_theory.trainer.reduction import draw_subspace_problem

SETTING = PatchSetting.version_1(10**4, num_samples=2, num_patches=3, width=3)
SEED = 884100


@pytest.fixture(scope="module")
def certificate():
    return prove(SETTING, draw_subspace(SETTING, SEED), most_steps=400)


@pytest.fixture(scope="module")
def proved(certificate):
    return checker.check(certificate.arrays())


def test_the_trained_network_lies_inside(certificate, proved):
    coarse, fine = trained_until(SETTING, SEED, float(certificate.durations.sum()))
    for name in ("signal_time", "memorization_time", "signal_margin"):
        error = abs(getattr(coarse, name) - getattr(fine, name))
        low, high = proved[name]
        assert low - error <= getattr(fine, name) <= high + error
        assert high - low < 0.01 * high
    for (low, high), value, other in zip(
        proved["noise_margins"], fine.noise_margins, coarse.noise_margins, strict=True
    ):
        assert low - abs(value - other) <= value <= high + abs(value - other)
        assert low >= 1.0


def test_steps_checked_in_parts_say_the_same(certificate, proved):
    data = certificate.arrays()
    cut = len(certificate.durations) // 3
    moments = checked_part(part_of(data, 0, cut), 0) + checked_part(part_of(data, cut, 10**6), cut)
    assert checker.conclude(checker.Checker(data), moments) == proved


FAULTS = {
    "a noise patch is another": lambda data: _scaled(data, "noise_factor", (-1, 0), 1 + 1e-9),
    "a weight is another at the start": lambda data: _scaled(data, "coordinates", (0, 0), 1 + 1e-9),
    "a signal projection is another": lambda data: _scaled(data, "signal_projections", (0,), 1 + 1e-9),
    "a label is turned": lambda data: _scaled(data, "labels", (0,), -1.0),
    "a label is no sign": lambda data: _scaled(data, "labels", (0,), 2.0),
    "a polynomial is another": lambda data: _scaled(data, "moved", (7, 3, 0, 0), 1 + 1e-9),
    "the clock's polynomial is another": lambda data: _scaled(data, "clock", (7, 1), 1 + 1e-9),
    "a step lasts longer": lambda data: _scaled(data, "durations", (7,), 1.0001),
    "a bound falls": lambda data: _scaled(data, "moved_bounds", (7, 4, 0, 0), 0.5),
    "the clock's bound falls": lambda data: _scaled(data, "clock_bounds", (7, 4), 0.5),
    "a bound is zero": lambda data: _scaled(data, "moved_bounds", (7, 4, 0, 0), 0.0),
    "a bound is no number": lambda data: _scaled(data, "moved_bounds", (7, 4, 0, 0), np.nan),
    "a step is left out": lambda data: (
        data
        | {
            name: np.delete(data[name], 7, axis=0)
            for name in ("durations", "clock", "moved", "clock_bounds", "moved_bounds")
        }
    ),
    "lambda is another": lambda data: _with_setting(data, adversarial_weight=0.9 + 1e-9),
    "kappa is negative": lambda data: _with_setting(data, attacked_signal_fraction=-0.1),
    "the degree is even": lambda data: _with_setting(data, degree=4),
    "there are fewer points": lambda data: _with_setting(data, num_samples=1),
}


def _scaled(data, name, place, factor):
    changed = data[name].copy()
    changed[place] *= factor
    return data | {name: changed}


def _with_setting(data, **changes):
    return data | {"setting": np.array(json.dumps(json.loads(str(data["setting"])) | changes))}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_planted_fault_is_refused(certificate, fault):
    data = FAULTS[fault](part_of(certificate.arrays(), 0, 12))
    with pytest.raises(checker.Refused):
        checked_part(data, 0)


def test_lambda_and_its_rest_swapped_in_one_step_are_refused(certificate):
    swapped = replace(SETTING, adversarial_weight=1.0 - SETTING.adversarial_weight)
    data = part_of(certificate.arrays(), 0, 12)
    series = ReducedFlow(swapped, certificate.draw).series(
        float(data["clock"][7, 0]), data["moved"][7, 0], data["clock"].shape[1] - 1
    )
    clock, moved = data["clock"].copy(), data["moved"].copy()
    clock[7], moved[7] = series.clock, series.moved
    with pytest.raises(checker.Refused):
        checked_part(data | {"clock": clock, "moved": moved}, 0)


@pytest.mark.parametrize("name", ["signal_time", "memorization_time", "end", "signal_margin", "noise_margins"])
@pytest.mark.parametrize("end", [0, 1])
def test_a_claim_rounded_the_wrong_way_is_refused(certificate, proved, name, end):
    claims = json.loads(json.dumps(certificate.claims))
    checker.require_implied(claims, proved)
    own, claimed = (each[name][0] if name == "noise_margins" else each[name] for each in (proved, claims))
    claimed[end] = own[0] + 0.5 * (own[1] - own[0])
    with pytest.raises(checker.Refused, match=name.replace("_", " ")):
        checker.require_implied(claims, proved)


@pytest.mark.parametrize(
    ("name", "value"), [("robust_test_error", 0.5), ("log10_clean_test_error", -1e9), ("clean_train_error", -0.1)]
)
def test_a_bolder_error_is_refused(certificate, proved, name, value):
    with pytest.raises(checker.Refused):
        checker.require_implied(certificate.claims | {name: value}, proved)
    with pytest.raises(checker.Refused):
        checker.require_implied({key: each for key, each in certificate.claims.items() if key != name}, proved)


def test_the_checker_imports_nothing_but_its_own_files():
    files = sorted(Path(checker.__file__).parent.rglob("*.py"))
    outside, own = set(), {path.stem for path in files}
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.Import):
            outside |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            outside.add(node.module)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 1
            assert node.module in own
    assert outside <= {"__future__", "json", "math", "collections.abc", "typing", "numpy", "flint"}


@pytest.mark.parametrize("degree", [3, 5])
def test_the_series_starts_like_the_flow_that_is_trained(degree):
    """Against the trainer's right-hand side, which works in u and v."""
    setting = replace(SETTING, degree=degree)
    draw = draw_subspace(setting, SEED)
    flow = ReducedFlow(setting, draw)
    series = flow.series(flow.start_clock, np.zeros_like(flow.start), 3)
    trained = FlowSystem(draw_subspace_problem(setting, (SEED,)), 0, AdversaryName.TRANSFER)
    u_slope, v_slope = trained.split(trained.derivative(trained.initial))
    signs = np.repeat(draw.labels, setting.noise_patches)[:, None]
    assert np.allclose(flow.coupling @ series.moved[1], signs * v_slope, rtol=1e-10)
    lead = int(draw.signal_projections.argmax())
    u = draw.signal_projections[lead]
    assert np.isclose(series.clock[1], (2 - degree) * u ** (1.0 - degree) * u_slope[lead], rtol=1e-10)


def test_what_cannot_be_proved_says_when_and_why():
    with pytest.raises(NotCompleted, match=r"3 steps reach t = "):
        prove(SETTING, draw_subspace(SETTING, SEED), most_steps=3)
    draw = draw_subspace(SETTING, SEED)
    negative = replace(draw, signal_projections=-np.abs(draw.signal_projections))
    with pytest.raises(NotCompleted, match="no neuron"):
        proof_of(SETTING, negative)


@given(st.floats(1e-300, 1e300), st.integers(1, 12))
@settings(deadline=None)
def test_numbers_are_rounded_to_their_safe_side(value, digits):
    assert float(statement._down(value, digits)) <= value <= float(statement._up(value, digits))


def test_what_holds_on_a_piece_holds_at_every_time_of_it(certificate):
    """The candidates themselves lie within their bounds: z and the V_i by the prover's own formulas."""
    flow = ReducedFlow(SETTING, certificate.draw)
    moments = checked_part(part_of(certificate.arrays(), 0, 30), 0)
    pieces = certificate.clock_bounds.shape[1] - 1
    for index, (signal_high, noise_high, signal_low, noise_low) in enumerate(moments):
        step, piece = divmod(index, pieces)
        for share in (0.0, 0.5, 1.0):
            since = certificate.durations[step] * (piece + share) / pieces
            powers = since ** np.arange(certificate.clock.shape[1])
            signal = float(flow.gains[0] * flow.signal(powers @ certificate.clock[step]))
            projections = flow.projections(np.tensordot(powers, certificate.moved[step], 1))
            noise = float(flow.per_point((projections**3).sum(axis=-1)).max())
            assert signal <= signal_high * (1 + 1e-12)
            assert noise <= noise_high + 1e-12 * abs(noise_high)
        assert signal_low <= signal * (1 + 1e-12)
        assert noise_low <= noise + 1e-12 * abs(noise)
        assert signal_low < signal_high


def test_times_begin_where_1_is_possible_and_end_where_it_is_sure(certificate):
    judge, pieces = checker.Checker(certificate.arrays()), certificate.clock_bounds.shape[1] - 1
    moments = [[0.0] * 4 for _ in range(judge.steps * pieces)]
    for column, first in ((0, 3), (2, 5), (1, 2 * pieces), (3, 2 * pieces + 1)):
        for moment in moments[first:]:
            moment[column] = 1.0
    found = checker.conclude(judge, [tuple(moment) for moment in moments])
    durations = certificate.durations
    expected = {
        "signal_time": durations[0] * np.array([3, 6]) / pieces,
        "memorization_time": durations[:2].sum() + durations[2] * np.array([0, 2]) / pieces,
        "end": durations.sum() * np.ones(2),
    }
    for name, ends in expected.items():
        assert found[name] == pytest.approx(ends, rel=1e-14)
    for column in (2, 3):
        never = [tuple(0.0 if place == column else value for place, value in enumerate(each)) for each in moments]
        with pytest.raises(checker.Refused, match="not reached"):
            checker.conclude(judge, never)
    with pytest.raises(checker.Refused, match="not every step"):
        checker.conclude(judge, [tuple(moment) for moment in moments[1:]])


@pytest.fixture(scope="module")
def evidence(certificate):
    run = CertifiedRun(SEED, certificate, trained_until(SETTING, SEED, float(certificate.durations.sum())))
    return TrainedEvidence(certified=(run,))


def test_the_claim_is_certified_for_a_proved_network(evidence):
    entry = checked_claim("theorem_1.certified_run")
    assert judge_claim(entry.claim, entry.check, evidence, 1e-4).outcome is Outcome.CERTIFIED


@pytest.mark.parametrize("control", checked_claim("theorem_1.certified_run").controls, ids=lambda each: each.name)
def test_every_control_of_the_claim_is_refuted(evidence, control):
    entry = checked_claim("theorem_1.certified_run")
    assert judge_control(entry.claim, entry.check, evidence, 1e-4, control).outcome is Outcome.REFUTED


def test_without_a_certificate_the_claim_is_open():
    entry = checked_claim("theorem_1.certified_run")
    missing = TrainedEvidence(certified=(CertifiedRun(SEED, None, (), "the bounds come apart"),))
    for runs in (missing, TrainedEvidence()):
        assert judge_claim(entry.claim, entry.check, runs, 1e-4).outcome is Outcome.INCONCLUSIVE
