"""Claims, controls and the pieces that they stand on, on few and small networks."""

import math
from dataclasses import replace

import numpy as np
import pytest
from benign_patch_cnn import ROOM
from benign_patch_cnn.claims.figure import figures
from benign_patch_cnn.runs import boundaries, networks
from benign_patch_cnn.runs.boundaries import BenignRuns, LocatedBoundary, joined, train_network
from benign_patch_cnn.runs.full_weights import RATIOS, train_full_network
from benign_patch_cnn.runs.networks import Bracket, Start, Trained, locate, suggest
from benign_patch_cnn.theory import race

from cgro_theory.claims import Outcome
from cgro_theory.setting.initial_draw import InitialDraw
from cgro_theory.testing import check_room, judged
from cgro_theory.theorems.room import RunRequest

ENTRIES = {entry.label.partition(".")[2]: entry for entry in ROOM.checked}


@pytest.fixture(scope="module")
def trained():
    """One network of either degree, with its boundaries on sets of 2 and 4 points and under two attacks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "ATTACKED_SIZE", 4)
        patch.setattr(boundaries, "ATTACKS", ((0.9, 0.005), (0.9, 0.5)))
        parts = [train_network(3, 0, 883900, (2, 4)), train_network(4, 1, 883900, (2, 4))]
    full = tuple(train_full_network(snr, 0, 883900) for snr in RATIOS)
    return joined(883900, parts, full)


@pytest.fixture(scope="module")
def predicted():
    """Boundaries as the race predicts them, untrained: what the exponent's check makes of ten networks."""
    located = []
    for degree in (3, 4):
        for number in range(10):
            whole = Start.draw(degree, 32, 883901 + number, by_noise=False)
            for size in (4, 8, 16, 32):
                for first in range(0, 32, size):
                    draw = whole.part(first, size).initial
                    place = math.log(race.predict_boundary(draw, degree).leading_order)
                    bracket = Bracket(place - 5e-4, place + 5e-4)
                    located.append(LocatedBoundary(degree, 883901 + number, size, draw, bracket))
    return BenignRuns(883901, tuple(located))


def assert_tells(entry, runs):
    verdict = judged(entry, runs)
    assert verdict.outcome is Outcome.CONSISTENT, verdict.reason
    assert all(control.caught for control in verdict.controls), verdict.controls


def test_room_keeps_the_contract():
    check_room(ROOM)


@pytest.mark.parametrize("name", [name for name in ENTRIES if name != "sample_exponent"])
def test_trained_networks_agree_and_controls_are_refuted(trained, name):
    assert_tells(ENTRIES[name], trained)


def test_ten_networks_tell_an_exponent_from_one_a_tenth_off(predicted):
    assert_tells(ENTRIES["sample_exponent"], predicted)


def test_a_boundary_that_was_not_found_refutes(trained):
    lost = replace(trained.benign[0], bracket=Bracket(math.log(9.0), math.inf))
    altered = replace(trained, benign=(lost, *trained.benign[1:]))
    assert judged(ENTRIES["boundary_constant"], altered).outcome is Outcome.REFUTED


def test_outside_the_sharp_race_nothing_is_predicted():
    draw = InitialDraw(np.ones(1), np.array([1.0]), np.array([[1.0]]), np.eye(1))
    told = race.predict_boundary(draw, 3)
    assert told.interval is None
    assert [each.condition for each in told.unmet] == [race.SHARP]


def test_part_keeps_weights_and_points():
    whole = Start.draw(3, 6, 883902, by_noise=False)
    part, rows = whole.part(2, 3), slice(2, 5)
    np.testing.assert_allclose(part.problem.gram, whole.problem.gram[:, rows, rows], rtol=1e-9, atol=1e-12)
    kept = whole.problem.preactivations[:, rows]
    np.testing.assert_allclose(part.problem.preactivations, kept, rtol=1e-9, atol=1e-12 * np.abs(kept).max())
    grams = [each.problem.weight_gram_at(each.problem.preactivations) for each in (part, whole)]
    np.testing.assert_allclose(*grams, rtol=1e-9)


def test_a_boundary_is_found_from_a_guess_that_is_far_off():
    def ask(place):
        return place > 0.3, Trained(math.exp(place), 0.0, 0.0, False, math.exp(3.0 * (place - 0.3)))

    assert suggest(ask, 2.0, 3) == pytest.approx(0.3)
    bracket = locate(ask, 0.33)
    assert bracket.low < 0.3 < bracket.high
    assert locate(lambda place: (False, ask(place)[1]), 0.0).high == math.inf
    assert locate(lambda place: (place < 0.0, ask(place)[1]), 0.0).failure


def test_a_run_that_has_not_fitted_its_points_is_a_failure(monkeypatch):
    monkeypatch.setattr(networks, "HORIZON", 1e-3)
    assert "training loss" in Start.draw(3, 2, 883903, by_noise=True).train(0.0).failure


def test_nothing_is_trained_that_is_not_needed():
    request = RunRequest("quick", 883904, "cpu", frozenset(), lambda doing, done: None)
    assert ROOM.content.gather(request) == BenignRuns(883904)
    assert figures(BenignRuns(883904)) == ()


def test_figure_shows_every_claim(trained):
    (figure,) = figures(trained)
    assert set(figure.claims) == {entry.label for entry in ROOM.checked}
    assert len(figure.panels) == 3
