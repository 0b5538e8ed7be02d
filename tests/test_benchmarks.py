"""The table of benchmarks: its words, its comparison with the recorded one, and the peers' agreement."""

import importlib
import math
import sys
from pathlib import Path

import pytest

from cgro_theory.setting import PatchSetting

sys.path.append(str(Path(__file__).parent.parent / "benchmarks"))
measure, peers = (importlib.import_module(name) for name in ("measure", "peers"))
table = importlib.import_module("benchmarks.__main__")


@pytest.mark.parametrize(
    ("value", "limit", "at_least", "word"),
    [(1.0, None, False, ""), (1.0, 1.0, False, "met"), (1.1, 1.0, False, "missed"), (1.1, 1.0, True, "met"),
     (math.nan, 1.0, False, "missed"), (math.nan, 1.0, True, "missed")],
)  # fmt: skip
def test_a_row_says_whether_what_was_asked_is_met(value, limit, at_least, word):
    assert measure.Row("time", value, "s", limit, at_least).word == word


def test_what_became_slower_is_marked():
    before = {"rows": [{"what": "time", "value": 1.0}, {"what": "rate", "value": 10.0}]}
    assert "SLOWER" in table.compared(measure.Row("time", 1.31, "s"), before)
    assert "SLOWER" not in table.compared(measure.Row("time", 1.29, "s"), before)
    assert "SLOWER" in table.compared(measure.Row("rate", 7.0, "", 6.0, at_least=True), before)
    assert table.compared(measure.Row("rate", 13.0, "", 6.0, at_least=True), before) == "now/then 1.30"
    assert table.compared(measure.Row("new", 1.0, "s"), before) == ""
    assert table.compared(measure.Row("time", 1.0, "s"), None) == ""


def test_sides_take_turns_from_both_ends():
    order = []
    sides = {name: lambda name=name: order.append(name) or 1.0 for name in "ab"}
    assert measure.in_turn(sides, 2) == {"a": [1.0, 1.0], "b": [1.0, 1.0]}
    assert order == ["a", "b", "b", "a"]


def test_a_plain_loop_that_trains_otherwise_is_not_timed(monkeypatch):
    setting = PatchSetting.version_1(300, num_samples=3, width=4, num_patches=3)
    monkeypatch.setattr(peers, "AGREE_STEPS", 5)
    assert peers.require_the_same_training(setting, 0.5) <= peers.AGREE
    monkeypatch.setattr(peers.PatchNetwork, "forward", lambda self, x: ((x @ self.weight.T) ** 2).sum(dim=(1, 2)))
    with pytest.raises(AssertionError, match="off by"):
        peers.require_the_same_training(setting, 0.5)
