"""The theory pages hold together: their links, the claims that they state, and every section that code cites."""

import re
from pathlib import Path

from cgro_theory.theorems.catalogue import ROOMS

REPOSITORY = Path(__file__).parent.parent
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted((REPOSITORY / "docs/theory").glob("*.md"))}
ANCHORS = {name: set(re.findall(r'<a id="([^"]+)"></a>', text)) for name, text in PAGES.items()}
NUMBER = r"\d+(?:\.\d+)*"
SECTIONS = {anchor[1:] for anchors in ANCHORS.values() for anchor in anchors if re.fullmatch(f"s{NUMBER}", anchor)}
LIST = rf"{NUMBER}(?:(?:,? and|,| to) {NUMBER})*"
CITATION = re.compile(rf"theory\.md(?:,? (?:v\d|version \d|sections?))*,? ({LIST})")


def citations(text):
    """Section numbers cited in a text, across line breaks, comment signs and adjacent string literals."""
    joined = re.sub(r'"\s*\n\s*f?"', "", text)
    joined = re.sub(r"\s*\n[\s#]*", " ", joined)
    return [number for listed in CITATION.findall(joined) for number in re.findall(NUMBER, listed)]


def citing_files():
    folders = ("cgro_theory", "benchmarks", "tests")
    found = [path for folder in folders for path in (REPOSITORY / folder).rglob("*.py")]
    found += [*(REPOSITORY / "verification").glob("*.py"), *(REPOSITORY / "verification/recorded").glob("*.json")]
    found += [*(REPOSITORY / "docs").rglob("*.md"), *REPOSITORY.glob("*.md")]
    return [path for path in sorted(found) if path != Path(__file__)]


def test_citations_are_found():
    text = "(theory.md 2.2.5,\n# 8.2), theory.md, section 11; theory.md, v1, 2.4; theory.md 2.2 to 2.4."
    assert citations(text) == ["2.2.5", "8.2", "11", "2.4", "2.2", "2.4"]


def test_every_anchor_that_a_page_links_to_exists():
    missing = []
    for name, text in PAGES.items():
        for page, anchor in re.findall(r"\]\(([\w.]+\.md)?(?:#([\w.-]+))?\)", text):
            target = page or name
            if target not in PAGES or (anchor and anchor not in ANCHORS[target]):
                missing.append(f"{name}: {page}#{anchor}")
    assert not missing


def test_anchors_are_unique_within_the_pages():
    every = [a for text in PAGES.values() for a in re.findall(r'<a id="([^"]+)"></a>', text)]
    assert sorted(every) == sorted(set(every))


def test_every_claim_is_stated_exactly_once():
    stated = [label for text in PAGES.values() for label in re.findall(r"^Claim `([\w.]+)`:", text, re.MULTILINE)]
    labels = [claim.label for room in ROOMS for claim in room.claims]
    assert sorted(stated) == sorted(labels)


def test_every_cited_section_has_an_anchor():
    wrong = [
        f"{path.relative_to(REPOSITORY)}: {number}"
        for path in citing_files()
        for number in citations(path.read_text(encoding="utf-8"))
        if number not in SECTIONS
    ]
    wrong += [
        f"{claim.label}: {number}"
        for room in ROOMS
        for claim in room.claims
        for number in citations(str(claim.source))
        if number not in SECTIONS
    ]
    assert not wrong
