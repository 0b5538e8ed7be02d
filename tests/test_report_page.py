"""The HTML report: self-contained, strictly well-formed, complete, and closed to whatever its files contain."""

import base64
import functools
import json
import math
import random
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cgro_theory.claims import Outcome, sealed
from cgro_theory.commands.report import NOTATION, report_sections, run_report
from cgro_theory.errors import InvalidFile
from cgro_theory.report.html import SIZE_LIMIT, render_report
from cgro_theory.report.html_claims import ReportSection
from cgro_theory.report.html_sources import read_results, read_sources
from cgro_theory.report.typeset import in_html
from cgro_theory.theorems.catalogue import CARDS, ROOMS

ROOT = Path(__file__).parent.parent
RECORDED = ROOT / "verification" / "recorded"
VOID = {"meta", "link", "img", "input", "br", "hr"}
MATHML = {"math", "mrow", "mi", "mn", "mo", "mtext", "mfrac", "msqrt", "mroot", "msub", "msup", "munderover"}
MATHML |= {"msubsup", "mtable", "mtr", "mtd", "mspace", "mover"}


class StrictPage(HTMLParser):
    """Fails on an unbalanced tag or a repeated attribute; gathers what the tests ask about."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.links, self.loads, self.tags, self.texts = [], [], [], [], [], []
        self.attributes = []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attrs, closed=False):
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"<{tag}> has an attribute twice"
        self.tags.append(tag)
        values = dict(attrs)
        self.attributes += names
        if "id" in values:
            self.ids.append(values["id"])
        if tag == "a":
            self.links.append(values["href"])
        for name in ("src", "srcset", "data", "poster", "action", "xlink:href", "background"):
            if name in values:
                self.loads.append(values[name])
        if tag != "a" and "href" in values:
            self.loads.append(values["href"])
        if tag not in VOID and not closed:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs, closed=True)

    def handle_endtag(self, tag):
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> at {self.getpos()} closes another tag"

    def handle_data(self, data):
        if self.open and self.open[-1] not in ("script", "style"):
            self.texts.append(data)

    @functools.cached_property
    def text(self):
        return " ".join(" ".join(self.texts).split())


def check_page(text):
    """Everything that must hold of any page at all."""
    page = StrictPage(text)
    assert text.startswith("<!DOCTYPE html>")
    assert len(page.ids) == len(set(page.ids)), "an id twice"
    for link in page.links:
        assert link.startswith("#"), f"{link} leaves the page"
        assert link[1:] in page.ids, f"{link} leads nowhere"
    assert all(load.startswith("data:") for load in page.loads)
    assert not re.search(r"@import|url\((?!#)", text.partition("</head>")[0])
    assert page.tags.count("script") == 1
    assert not [name for name in page.attributes if name.startswith("on") or name == "style"]
    assert not {"iframe", "object", "embed", "base", "frame"} & set(page.tags)
    inside = re.findall(r"<math.*?</math>", text, flags=re.DOTALL)
    assert {tag for formula in inside for tag in re.findall(r"<(\w+)", formula)} <= MATHML
    assert len(text.encode()) < SIZE_LIMIT
    return page


def claim_entry(label, outcome="consistent", depends_on=(), **changes):
    measured = {"refuted": 3.0, "inconclusive": 1.0}.get(outcome, 0.5)
    high = 2.0 if outcome == "inconclusive" else measured
    confidence = 1.0 if outcome == "certified" else 0.999
    entry = {
        "label": label,
        "statement": f"Statement of {label}",
        "source": "a paper, 1",
        "mark": "paper",
        "quantity": "a ratio",
        "relation": "at_most",
        "tolerance": None,
        "predicted": {"low": "-inf", "high": 1.0, "leading_order": None},
        "measured": {"estimate": measured, "low": measured, "high": high, "confidence": confidence, "runs": 7},
        "outcome": outcome,
        "inherited": outcome,
        "reason": "assumption not met: x" if outcome == "out_of_scope" else "a reason",
        "evidence": "exact" if outcome == "certified" else "statistical",
        "depends_on": list(depends_on),
        "failure_probability": 1e-4,
        "seconds": 0.1,
        "reproduce": f"cgro verify room --only {label}",
        "notes": {"a ratio": 1.5, "an end": "inf", "nothing": None},
        "planted_faults": [{"name": "halved", "description": "the constant halved", "outcome": "refuted"}],
    }
    return entry | changes


def document(claims, theorem="room", **changes):
    order = list(Outcome)
    worst = max((Outcome(entry["outcome"]) for entry in claims), key=order.index)
    return {
        "schema": "cgro-result/1",
        "theorem": theorem,
        "profile": "quick",
        "seed": 0,
        "seconds": 1.0,
        "environment": {"python": "3.11", "torch": "2", "device": "cpu", "dtype": "float64", "commit": "abc"},
        "parameters": {"failure_budget": 1e-3, "nested": [{"runs": 3}]},
        "claims": claims,
        "ledger": [{"label": claims[0]["label"], "purpose": "a rate", "probability": 1e-4}],
        "outcome": worst.value,
    } | changes


def write(folder, *documents):
    folder.mkdir(exist_ok=True)
    for index, content in enumerate(documents):
        (folder / f"result_{index}.json").write_text(json.dumps(sealed(content)), encoding="utf-8")
    return folder


def render(folder, sections=()):
    return render_report(read_sources(folder), sections)


SHOWN = ("theorem_1_collapse_map", "theorem_2_counts", "questions_3_exponents")
"""The figures of the tests' page: the others take seconds to draw, and show no more."""


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The recorded results with three figures."""
    folder = tmp_path_factory.mktemp("recorded")
    for room in ROOMS:
        shutil.copy(RECORDED / f"{room.label}.json", folder)
    for name in SHOWN:
        for suffix in ("json", "png"):
            shutil.copy(RECORDED / f"{name}.{suffix}", folder)
    return folder


@pytest.fixture(scope="module")
def recorded(results):
    notation = NOTATION.read_text(encoding="utf-8")
    return render_report(read_sources(results), report_sections(), cards=CARDS, notation=notation)


def words(text):
    """What a reader sees of a text that may hold formulas."""
    return StrictPage(f"<p>{in_html(text)}</p>").text


def test_the_recorded_results_make_a_sound_page(recorded):
    page = check_page(recorded)
    assert page.tags.count("img") == 4, "one for each panel"
    assert recorded.count('src="data:image/svg+xml') == 4


def test_every_claim_has_its_row_and_its_article_and_what_is_connected_its_box(recorded):
    page = check_page(recorded)
    depends = {claim.label: claim.depends_on for room in ROOMS for claim in room.claims}
    carried = {label for card in CARDS for label in card.claims}
    connected = carried | {label for label, above in depends.items() if above} | set().union(*depends.values())
    for room in ROOMS:
        for claim in room.claims:
            assert f"claim-{claim.label}" in page.ids
            assert page.links.count(f"#claim-{claim.label}") >= 1
            boxes = recorded.count(f'data-node="{claim.label}"')
            assert 1 + (claim.label in carried) <= boxes <= 2 if claim.label in connected else boxes in (0, 1)
            assert words(claim.statement) in page.text
            assert words(claim.limitations) in page.text
            for assumption in claim.assumptions:
                assert words(assumption.meaning) in page.text
    for card in CARDS:
        assert recorded.count(f'data-node="{card.label}"') == 2


def test_the_rooms_come_in_the_order_that_readers_ask_for(recorded):
    order = [
        anchor for anchor in check_page(recorded).ids if re.fullmatch(r"room-[a-z]+(_\d)?|room-gauss.*", anchor)
    ]
    rows = [label.partition(".")[0] for label in re.findall(r'<tr data-room="(\w+)"', recorded)]
    theorems = [f"theorem_{number}" for number in (1, 2, 3)]
    assert [anchor.removeprefix("room-") for anchor in order] == [
        *theorems,
        "lemmas",
        "questions",
        "gaussian_model",
    ]
    assert list(dict.fromkeys(rows)) == [*theorems, "lemmas", "questions", "gaussian_model"]


def test_no_row_says_nothing_against_nothing(recorded):
    """A count of exceptions says among how many they were counted; no relation is told in code words."""
    cells = re.findall(r'data-label="(Predicted|Measured)"[^>]*>([^<]*)', recorded)
    assert not [cell for name, cell in cells if name == "Measured" and cell.strip() == "0"]
    assert ("Measured", "0 of 60") in cells
    assert "at_most" not in recorded
    assert "(relation" not in recorded
    for room in ROOMS:
        content = json.loads((RECORDED / f"{room.label}.json").read_text(encoding="utf-8"))
        for entry in content["claims"]:
            of = entry["raw"]["of"] if entry["raw"]["rule"] == "sum" else None
            assert of is None or f">{entry['raw']['told']:.0f} of {of}</td>" in recorded


def test_the_papers_claims_are_marked_and_say_where_the_paper_has_them(recorded):
    rows = re.findall(r"<tr data-room=.*?</tr>", recorded, flags=re.DOTALL)
    marked = {re.search(r"#claim-([\w.]+)", row)[1] for row in rows if " data-paper " in row}
    assert marked == {
        claim.label for room in ROOMS for claim in room.claims if "paper" in claim.provenance_text.split("+")
    }
    assert "Theorem 1: v1, main result" in recorded
    assert "Theorem 2: version 4, Theorem 4.4" in recorded


def test_symbols_lead_to_the_table_of_notation(recorded):
    page = check_page(recorded)
    anchors = [anchor for anchor in page.ids if anchor.startswith("symbol-")]
    assert len(anchors) > 20
    row = next(row for row in re.findall(r'<tr id="symbol.*?</tr>', recorded) if "first time with" in row)
    anchor = re.search(r"symbol-\d+", row)[0]
    order = recorded.partition('id="claim-theorem_1.stage_order"')[2].partition("</article>")[0]
    assert f'href="#{anchor}"' in order
    unlinked = [anchor for anchor in anchors if f"#{anchor}" not in page.links]
    assert len(unlinked) <= 5, "some symbols of the theory are in no formula of a claim"


def test_the_words_of_a_formula_are_set_in_statements(recorded):
    assert "<var>T</var><sub>I</sub> &lt; <var>T</var><sub>III</sub>" in recorded
    assert "10<sup>12</sup>" in recorded
    told = recorded.partition("<main>")[2].partition('<section id="ledger"')[0]
    assert not re.search(r"\bT_III?\b|10\^\d", re.sub(r"<title>.*?</title>|<[^>]*>", "", told))


def test_the_page_carries_what_each_result_says(recorded):
    page = check_page(recorded)
    for room in ROOMS:
        path = RECORDED / f"{room.label}.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        for entry in content["claims"]:
            assert entry["reproduce"] in page.text
            assert entry["reason"] in page.text
            assert all(words(name) in page.text for name in entry["notes"])
        assert all(words(line["purpose"]) in page.text for line in content["ledger"])
        assert content["environment"]["commit"] in page.text


def test_the_same_input_gives_the_same_bytes(results):
    first, second = (render_report(read_results(results), report_sections()) for _ in range(2))
    assert first == second


def test_only_the_pages_own_script_and_style_are_allowed(recorded):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', recorded)[1]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy


HOSTILE = "</script><script>alert(1)</script>\"'><img src=http://x.example/ onerror=alert(2)>{{ 7*7 }}&amp;<!--"


def test_whatever_files_contain_is_shown_as_text(tmp_path):
    entry = claim_entry(
        "room.one",
        **dict.fromkeys(("statement", "source", "mark", "quantity", "relation", "reproduce"), HOSTILE),
        reason=HOSTILE,
        notes={HOSTILE: HOSTILE},
        planted_faults=[{"name": HOSTILE, "description": HOSTILE, "outcome": "refuted"}],
    )
    content = document(
        [entry],
        profile=HOSTILE,
        seed=HOSTILE,
        environment={HOSTILE: HOSTILE},
        parameters={HOSTILE: [HOSTILE]},
        ledger=[{"label": HOSTILE, "purpose": HOSTILE, "probability": 0.1}],
    )
    folder = write(tmp_path / "results", content)
    shutil.copy(next(RECORDED.glob("*.png")), folder / "room_figure.png")
    about = {
        "name": "room_figure",
        "title": HOSTILE,
        "caption": HOSTILE,
        "panels": [],
        "claims": ["room.one", HOSTILE],
    }
    (folder / "room_figure.json").write_text(json.dumps(about), encoding="utf-8")
    page = check_page(render(folder))
    assert " ".join(HOSTILE.split()) in page.text
    assert page.tags.count("img") == 1


def test_a_figure_stands_with_the_claim_it_was_drawn_for(tmp_path):
    folder = write(tmp_path / "results", document([claim_entry("room.one"), claim_entry("room.two")]))
    for name in ("room_two", "elsewhere"):
        shutil.copy(next(RECORDED.glob("*.png")), folder / f"{name}.png")
    about = {
        "name": "elsewhere",
        "title": "A title",
        "caption": "What to see",
        "panels": [],
        "claims": ["room.one"],
    }
    (folder / "elsewhere.json").write_text(json.dumps(about), encoding="utf-8")
    text = render(folder)
    page = check_page(text)
    one, two = (text.partition(f'id="claim-room.{name}"')[2].partition("</article>")[0] for name in ("one", "two"))
    assert "#figure-elsewhere" in one
    assert "#figure-room_two" in two
    assert "#figure-room_two" not in one
    assert "What to see" in page.text


def test_pictures_that_do_not_fit_are_named_and_the_page_stays_small(tmp_path):
    folder = write(tmp_path / "results", document([claim_entry("room.one")]))
    for index in range(4):
        (folder / f"room_{index}.png").write_bytes(bytes(1_200_000))
    page = check_page(render(folder))
    assert page.tags.count("img") == 2
    assert "The picture room_3 is left out" in page.text


def test_a_figure_is_drawn_from_its_numbers_and_follows_light_and_dark(recorded):
    address = re.search(r'src="data:image/svg\+xml;base64,([^"]*)"', recorded)[1]
    picture = base64.b64decode(address).decode()
    assert "prefers-color-scheme:dark" in picture
    assert not re.search(r"(?:stroke|fill): #(?!none)", picture), "every colour is a variable"
    variables = set(re.findall(r"var\((--\w+)\)", picture))
    assert all(picture.count(f"{name}:#") == 2 for name in variables), "one for light, one for dark"


def test_a_figures_legend_is_told_once(recorded):
    figure = recorded.partition('id="figure-theorem_2_counts"')[2].partition("</figure>")[0]
    assert figure.count("<img") == 2
    assert figure.count("<li>") == 3
    assert figure.count("= ∞</li>") == 1


@pytest.mark.parametrize(
    "damage", [{"panels": 3}, {"series": [{"x": ["1"]}]}, {"x_scale": "no"}, {"x": [1.0] * 99}]
)
def test_numbers_that_are_no_figures_leave_the_picture(tmp_path, damage):
    folder = write(tmp_path / "results", document([claim_entry("room.one")]))
    shutil.copy(RECORDED / "theorem_2_counts.png", folder / "room_x.png")
    content = json.loads((RECORDED / "theorem_2_counts.json").read_text(encoding="utf-8"))
    name, value = next(iter(damage.items()))
    panel = content["panels"][0]
    (content if name == "panels" else panel["series"][0] if name == "x" else panel)[name] = value
    (folder / "room_x.json").write_text(json.dumps(content), encoding="utf-8")
    text = render(folder)
    check_page(text)
    assert text.count('src="data:image/png') == 1


def test_a_claim_judged_twice_shows_its_worst_outcome(tmp_path):
    good, bad = claim_entry("room.one"), claim_entry("room.one", "refuted")
    above = claim_entry("other.two", "certified", depends_on=["room.one"], inherited="refuted")
    folder = write(tmp_path / "results", document([good]), document([above, bad], theorem="other"))
    text = render(folder)
    check_page(text)
    article = text.partition('id="claim-room.one"')[2].partition("</article>")[0]
    assert "result_0.json (consistent)" in article
    assert "result_1.json (refuted)" in article
    assert 'class="status refuted"' in article
    node = re.search(r'class="node ([^"]*)" data-node="other.two"', text)[1]
    assert node.split() == ["certified", "worse"]


def test_claims_without_a_result_are_shown_as_not_run(tmp_path):
    sections = report_sections()
    folder = write(tmp_path / "results", document([claim_entry("room.one")]))
    text = render(folder, sections)
    page = check_page(text)
    assert text.count('data-status="not_run"') == sum(len(section.claims) for section in sections)
    assert "does not state this claim" in page.text


def test_a_result_of_another_version_says_so(tmp_path):
    section = next(section for section in report_sections() if section.label == "theorem_2")
    claim = section.claims[0]
    entry = claim_entry(claim.label, statement="Another sentence.")
    folder = write(tmp_path / "results", document([entry], theorem="theorem_2"))
    page = check_page(render(folder, [ReportSection("theorem_2", "title", section.claims)]))
    assert "made by another version: its statement" in page.text


def test_questions_stand_with_their_answers_and_each_picture_once(tmp_path):
    listed = [
        {"question": "Is it so?", "answer": "It is. We saw it.", "kind": "claim", "claim": "questions.one"},
        {"question": "And this?", "answer": "Not here.", "kind": "observation", "figure": "questions_one"},
    ]
    listed[0]["figure"] = "questions_one"
    content = document([claim_entry("questions.one")], theorem="questions", parameters={"answers": listed})
    folder = write(tmp_path / "results", content)
    shutil.copy(next(RECORDED.glob("*.png")), folder / "questions_one.png")
    page = check_page(render(folder))
    for words in ("1. Is it so?", "It is. We saw it.", "2. And this?", "This is an observation."):
        assert words in page.text
    assert page.tags.count("img") == 1
    listed[1]["answer"] = 3
    folder = write(tmp_path / "results", content)
    with pytest.raises(InvalidFile, match="question and an answer"):
        render(folder)


def test_the_command_writes_the_page_and_returns_zero(tmp_path, capsys, results):
    out = tmp_path / "report.html"
    assert run_report(results, out) == 0
    check_page(out.read_text(encoding="utf-8"))
    assert str(out) in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing folder", None, "no such folder"),
        ("empty folder", {}, "holds no result"),
        ("truncated", '{"schema": "cgro-result/1", "the', "not valid JSON"),
        ("no object", "[1, 2]", "JSON object"),
        ("newer schema", '{"schema": "cgro-result/2"}', "schema must be"),
        ("no schema", "{}", "schema must be"),
        ("not text", b"\xff\xfe\x00", "not valid JSON"),
    ],
)
def test_unusable_results_are_one_line_and_nothing_is_written(tmp_path, name, content, message):
    folder = tmp_path / "results"
    if content is not None:
        folder.mkdir()
    if content:
        data = content if isinstance(content, bytes) else content.encode()
        (folder / "result.json").write_bytes(data)
    with pytest.raises(InvalidFile, match=message) as error:
        run_report(folder, tmp_path / "report.html")
    assert "\n" not in str(error.value)
    assert not list(tmp_path.glob("*report*"))


@pytest.mark.parametrize(
    "entry",
    [
        claim_entry("room.one", "refuted") | {"outcome": "consistent", "inherited": "consistent"},
        claim_entry("room.one", "inconclusive") | {"outcome": "consistent", "inherited": "consistent"},
        claim_entry("room.one") | {"outcome": "certified", "inherited": "certified"},
        claim_entry("room.one") | {"outcome": "refuted", "inherited": "refuted"},
        claim_entry("room.one") | {"measured": {"estimate": None, "low": None, "high": None, "runs": 0}},
        claim_entry("room.one", "refuted")
        | {"outcome": "out_of_scope", "inherited": "out_of_scope"}
        | {"reason": ""},
    ],
)
def test_an_edited_verdict_is_refused(tmp_path, entry):
    folder = write(tmp_path / "results", document([entry]))
    with pytest.raises(InvalidFile, match=r"result_0\.json"):
        render(folder)


def places(value, path=()):
    yield path
    for key, below in (
        value.items() if isinstance(value, dict) else enumerate(value if isinstance(value, list) else ())
    ):
        yield from places(below, (*path, key))


JUNK = (None, True, -1, 1e400, "", "text", [], {}, [None], {"a": 1}, "nan", HOSTILE)


def resealed(content):
    """With a fitting checksum where the damage lets it have one, so that it is not all that is refused."""
    try:
        return sealed(content)
    except (TypeError, ValueError):
        return content


def test_any_damaged_field_is_refused_or_shown_soundly(tmp_path):
    claims = [claim_entry("room.one"), claim_entry("room.two", "certified", depends_on=["room.one"])]
    claims[1]["inherited"] = "consistent"
    original = document(
        claims, "questions", parameters={"answers": [{"question": "?", "answer": "!", "figure": "x", "number": 1}]}
    )
    generator = random.Random(5)
    cases = [(path, junk) for path in places(original) if path for junk in (*JUNK, "delete")]
    refused = 0
    for path, junk in generator.sample(cases, 260):
        content = json.loads(json.dumps(original))
        inside = content
        for key in path[:-1]:
            inside = inside[key]
        if junk == "delete":
            del inside[path[-1]]
        else:
            inside[path[-1]] = junk
        text = json.dumps(resealed(content)).replace("Infinity", "1e400")
        folder = tmp_path / "results"
        folder.mkdir(exist_ok=True)
        (folder / "result.json").write_text(text, encoding="utf-8")
        try:
            page = render(folder)
        except InvalidFile:
            refused += 1
        else:
            check_page(page)
    assert 100 < refused < 260


def luminance(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return (
        math.sumprod((0.2126, 0.7152, 0.0722), linear)
        if hasattr(math, "sumprod")
        else sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    )


def test_every_text_has_the_contrast_that_wcag_asks_for(recorded):
    style = recorded.partition("</style>")[0]
    blocks = re.findall(r":root \{(.*?)\}", style, flags=re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        colours = dict(re.findall(r"--(\w+(?:-back)?): (#[0-9a-f]{6})", block))
        pairs = [(text, back) for text in ("text", "soft", "link") for back in ("page", "panel")]
        for name in (*(outcome.value for outcome in Outcome), "not_run"):
            pairs += [(name, f"{name}-back"), (name, "panel")]
        for text, back in pairs:
            low, high = sorted((luminance(colours[text]), luminance(colours[back])))
            assert (high + 0.05) / (low + 0.05) >= 4.5, (text, back)


def test_no_status_is_a_colour_alone(recorded):
    for shown in re.findall(r'<span class="status [^>]*>(.*?)</span></?[^s]', recorded):
        assert re.search(r"[a-z]{3}", shown)
