"""One card per theorem: what it says follows from the results, and it fits where readers look."""

import copy
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from cgro_theory.claims import Provenance
from cgro_theory.cli import main
from cgro_theory.report.cards import card_text, card_views
from cgro_theory.theorems.catalogue import CARDS, claim, room

RECORDED = Path(__file__).parent.parent / "verification" / "recorded"
DOCUMENTS = [json.loads((RECORDED / f"{card.label}.json").read_text(encoding="utf-8")) for card in CARDS]
CARD = CARDS[1]
"""Theorem 2's: the tests change its results."""


def second(documents, reverified=None):
    return card_views([CARD], documents, reverified)[0]


def fact(view, name):
    return dict(view.facts)[name].replace("\N{NO-BREAK SPACE}", " ")


def changed(label, /, **values):
    documents = copy.deepcopy(DOCUMENTS)
    for entry in (entry for document in documents for entry in document["claims"] if entry["label"] == label):
        entry.update(values)
    return documents


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.label)
def test_a_card_is_carried_by_all_claims_of_the_paper_and_quotes_what_they_leave_open(card):
    home = room(card.label)
    papers = {each.label for each in home.claims if Provenance.PAPER in each.provenance}
    assert papers <= set(card.claims) <= {each.label for each in home.claims}
    assert all(piece in claim(label).limitations for label, piece in card.not_shown)
    assert 2 <= len(card.not_shown) <= 3
    assert len(card.sentence) <= 160


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.label)
def test_every_constant_and_setting_is_found_in_the_recorded_results(card):
    (view,) = card_views([card], DOCUMENTS, None)
    assert {name for name, _ in view.facts} == {"holds", "where", "measured", "not shown", "base seeds"}
    assert fact(view, "measured").count("; ") == len(card.constants) - 1


def test_a_card_holds_when_all_that_carries_it_passed_and_shows_the_weakest():
    view = second(DOCUMENTS)
    number = len(CARD.claims)
    assert fact(view, "holds") == f"on all tried: {number} of {number} claims (2 the paper's, 0 fully certified)"
    assert view.status.key == "consistent"
    assert fact(view, "where") == "7 memorizers built, N = 20 to 10^3, D = 5 to 64, p = 1, 2, inf"


@pytest.mark.parametrize(
    ("values", "status", "told"),
    [
        ({"outcome": "refuted", "inherited": "refuted"}, "refuted", "refuted by count_growth"),
        ({"inherited": "refuted"}, "refuted", "open: count_growth refuted, itself or in what it depends on"),
        ({"outcome": "vacuous", "inherited": "vacuous"}, "vacuous", "open: count_growth vacuous, itself or"),
        ({"outcome": "inconclusive", "inherited": "inconclusive"}, "inconclusive", "open: count_growth inconc"),
        (
            {"planted_faults": [{"name": "x", "outcome": "consistent"}]},
            "inconclusive",
            "open: count_growth passed a wrong version of itself",
        ),
        ({"label": "theorem_2.other"}, "not_run", "open: count_growth not run"),
    ],
)
def test_one_claim_that_fails_decides_the_card(values, status, told):
    view = second(changed("theorem_2.count_growth", **values))
    assert view.status.key == status
    assert fact(view, "holds").startswith(told)


def test_without_results_a_card_says_that_nothing_ran():
    view = second([])
    assert (view.status.word, fact(view, "holds")[:5]) == ("not run", "open:")
    assert [name for name, _ in view.facts] == ["holds", "not shown", "base seeds"]


def test_strange_parameters_and_missing_numbers_are_left_out():
    documents = changed("theorem_2.hierarchy", notes={}, measured={"low": None, "high": None, "runs": 0})
    for parameters in ({}, {"memorizer: x": 3}, {"memorizer: x, p=2": "no numbers"}):
        documents[1]["parameters"] = parameters
        view = second(documents)
        assert "where" not in dict(view.facts)
        assert "D = 27" not in fact(view, "measured")


def test_base_seeds_are_counted_by_the_claims_of_the_card():
    passed = {label: {"outcome": "consistent", "uncaught": []} for label in CARD.claims[:-1]}
    missed = passed | {CARD.claims[0]: {"outcome": "consistent", "uncaught": ["x"]}}
    elsewhere = passed | {"theorem_1.signal_time": {"outcome": "refuted", "uncaught": []}}
    runs = [{"seed": seed, "claims": claims} for seed, claims in enumerate((passed, missed, elsewhere))]
    runs.append({"seed": 2, "claims": {}})
    told = fact(second(DOCUMENTS, {"runs": runs, "date": "today"}), "base seeds")
    assert told == "passed on 1 of 3 others (today; without hierarchy)"


def test_three_cards_are_the_last_that_is_printed_and_fit_forty_lines(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["show", str(RECORDED)])
    lines = capsys.readouterr().out.splitlines()[-39:]  # one line of `cgro report` follows in `make verify`
    text = re.sub(r"\s+", " ", " ".join(lines))
    assert max(map(len, lines)) <= 80
    for card in CARDS:
        assert f"{card.name} " in text
        assert card.sentence in text
    assert [text.count(f" {name} ") >= 3 for name in ("holds", "where", "measured", "not shown")] == [True] * 4


def test_a_card_keeps_numbers_with_their_names_and_stays_narrow():
    console = Console(width=200)
    for view in card_views(CARDS, DOCUMENTS, None):
        with console.capture() as captured:
            console.print(card_text(view))
        lines = captured.get().splitlines()
        assert max(map(len, lines)) <= 79
        assert len(lines) <= 13
        assert not any(line.endswith(" =") or line.strip().startswith("= ") for line in lines)
