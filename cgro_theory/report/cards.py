"""One card per theorem, from result files: does it hold, where, with which numbers, what is not shown."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.text import Text

from cgro_theory.claims import SEVERITY, Outcome
from cgro_theory.claims.card import MeasuredConstant, TheoremCard
from cgro_theory.report.html_status import NOT_RUN, STATUSES, Status
from cgro_theory.report.text import OUTCOME_STYLE, format_interval, format_number

WIDTH = 79
MOST_NAMED = 3
OPEN = "open: "
NO_BREAK = "\N{NO-BREAK SPACE}"
Document = Mapping[str, Any]
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class CardView:
    """A card as shown; ``facts`` are name and text, ``figure`` is the name of the one that shows most.

    ``status`` is the weakest of its claims, inherited ones included; inconclusive where a control was missed.
    """

    label: str
    name: str
    sentence: str
    status: Status
    facts: tuple[tuple[str, str], ...]
    figure: str


def card_views(
    cards: Sequence[TheoremCard], documents: Sequence[Document], reverified: Document | None
) -> tuple[CardView, ...]:
    """The cards for these results; ``reverified`` is a summary of ``cgro reverify``, where one is at hand."""
    return tuple(_view(card, documents, reverified) for card in cards)


def card_text(view: CardView, width: int = WIDTH) -> Text:
    """The card for a terminal, so many columns wide at most."""
    style = OUTCOME_STYLE.get(view.status.key, "")
    shown = Text()
    shown.append(view.name, style="bold")
    shown.append(f"  {view.status.symbol} {view.status.word}\n", style=style)
    lines = _wrapped(view.sentence, " " * 2, width)
    for name, text in view.facts:
        first, *rest = _wrapped(text, " " * 13, width)
        lines += [f"  {name:<11}{first.lstrip()}", *rest]
    shown.append("\n".join(lines))
    return shown


def _wrapped(text: str, indent: str, width: int) -> list[str]:
    lines = textwrap.wrap(text, width, initial_indent=indent, subsequent_indent=indent, break_long_words=False)
    return [line.replace(NO_BREAK, " ") for line in lines]


def _view(card: TheoremCard, documents: Sequence[Document], reverified: Document | None) -> CardView:
    found: dict[str, list[Entry]] = {label: [] for label in card.claims}
    everything: dict[str, Entry] = {}
    for entry in (entry for document in documents for entry in document["claims"]):
        everything.setdefault(entry["label"], entry)
        if entry["label"] in found:
            found[entry["label"]].append(entry)
    weakest = {label: _weakest(entries) for label, entries in found.items()}
    facts = {
        "holds": _verdict(found, weakest),
        "where": _where(card, documents),
        "measured": "; ".join(filter(None, (_told(each, everything) for each in card.constants))),
        "not shown": "; ".join(piece[:1].lower() + piece[1:] for _, piece in card.not_shown),
        "base seeds": _seeds(card, reverified),
    }
    status = max(weakest.values(), key=lambda status: status.rank)
    if status == NOT_RUN and any(found.values()):
        status = replace(NOT_RUN, word="partly run")
    if status.key in STATUSES and Outcome(status.key).passed and facts["holds"].startswith(OPEN):
        status = STATUSES[Outcome.INCONCLUSIVE]
    whole = {name: text.replace(" = ", f"{NO_BREAK}={NO_BREAK}") for name, text in facts.items() if text}
    return CardView(card.label, card.name, card.sentence, status, tuple(whole.items()), card.figure)


def _weakest(entries: Sequence[Entry]) -> Status:
    """The worst outcome of a claim's entries, what they depend on included."""
    outcomes = [entry[kind] for entry in entries for kind in ("outcome", "inherited")]
    return STATUSES[max(outcomes, key=lambda outcome: SEVERITY[outcome])] if outcomes else NOT_RUN


def _verdict(found: Mapping[str, Sequence[Entry]], weakest: Mapping[str, Status]) -> str:
    """Whether the theorem holds, by the claims that carry it: refuted, open, or on everything tried."""
    entries = [entry for each in found.values() for entry in each]
    refuted = _names(entry["label"] for entry in entries if entry["outcome"] == Outcome.REFUTED)
    if refuted:
        return f"refuted by {refuted}"
    open_ends = {
        f"{status.word}, itself or in what it depends on": _names(
            label for label, own in weakest.items() if own == status
        )
        for status in (*STATUSES.values(), NOT_RUN)
        if not (status.key in STATUSES and Outcome(status.key).passed)
    }
    missed = _names(
        entry["label"]
        for entry in entries
        if any(control["outcome"] != Outcome.REFUTED for control in entry.get("planted_faults", ()))
    )
    told = [f"{names} {why}" for why, names in open_ends.items() if names]
    told += [f"{missed} passed a wrong version of itself"] if missed else []
    if told:
        return OPEN + "; ".join(told).replace("not run, itself or in what it depends on", "not run")
    certified = sum(status.key == Outcome.CERTIFIED for status in weakest.values())
    papers = sum(any("paper" in entry["mark"].split("+") for entry in each) for each in found.values())
    number = len(weakest)
    return f"on all tried: {number} of {number} claims ({papers} the paper's, {certified} fully certified)"


def _names(labels: Any) -> str:
    """The labels, each once, without the room's name, the first few of them; empty for none."""
    short = list(dict.fromkeys(label.rpartition(".")[2] for label in labels))
    more = f" and {len(short) - MOST_NAMED} more" if len(short) > MOST_NAMED else ""
    return ", ".join(short[:MOST_NAMED]) + more


def _where(card: TheoremCard, documents: Sequence[Document]) -> str:
    """The settings of every result of the theorem; of one whose parameters lack something, nothing."""
    told = []
    for document in documents:
        if document["theorem"] == card.label:
            try:
                told.append(card.settings(document["parameters"]))
            except Exception:  # a card may come from another package
                continue
    return "; ".join(dict.fromkeys(told))


def _told(constant: MeasuredConstant, entries: Mapping[str, Entry]) -> str:
    """The constant's words with the numbers of its claim; empty where a number is missing."""
    entry = entries.get(constant.claim)
    if entry is None:
        return ""
    notes = [entry.get("notes", {}).get(name) for name in constant.notes]
    measured = entry["measured"]
    if None in notes or None in (measured["low"], measured["high"]):
        return ""
    return constant.text.format(
        *(format_number(note, 6 if float(note) == int(float(note)) else 3) for note in notes),
        measured=format_interval(measured),
        high=format_number(measured["high"], 3),
    )


def _seeds(card: TheoremCard, summary: Document | None) -> str:
    """On how many base seeds of a re-verification all of the card's claims passed, and their controls did not."""
    if summary is None:
        return "no re-verification at hand here"
    good: dict[int, bool] = {}
    judged: set[str] = set()
    for run in summary["runs"]:
        own = {label: run["claims"][label] for label in card.claims if label in run["claims"]}
        judged |= own.keys()
        clean = all(Outcome(claim["outcome"]).passed and not claim["uncaught"] for claim in own.values())
        good[run["seed"]] = good.get(run["seed"], True) and clean and bool(own)
    missing = _names(label for label in card.claims if label not in judged)
    without = f"; without {missing}" if missing else ""
    return f"passed on {sum(good.values())} of {len(good)} others ({summary['date']}{without})"
