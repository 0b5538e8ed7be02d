"""What a newcomer reads: the README is short and complete, every link leads somewhere, every path is there."""

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
FENCED = re.compile(r"^( *)```.*?^\1```[^\S\n]*$", re.DOTALL | re.MULTILINE)
COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


def prose(text):
    """The text without code blocks and comments."""
    return COMMENT.sub("", FENCED.sub("", text))


def test_prose_leaves_out_code_and_comments_only():
    assert prose("one\n```\ncode\n```\ntwo <!-- three\nfour --> `five`\n  ```math\n  x\n  ```\nsix\n").split() == [
        "one",
        "two",
        "`five`",
        "six",
    ]


def test_readme_has_at_most_900_words():
    assert len(prose(README).split()) <= 900


def test_first_screen_says_what_it_is_how_to_run_it_and_one_claim():
    first = README.split("\n## Where to start")[0]
    assert len(first.splitlines()) <= 70
    for part in (
        "clean generalization and robust overfitting",
        "make verify",
        "make test",
        "<!-- claim theorem_1.first_memorization_time -->",
        "```math",
        "Predicted:",
        "Measured:",
        "Verdict:",
        "Negative control",
        "docs/theory/README.md",
    ):
        assert part in first
    assert len(re.findall(r"!\[", README)) == 1


def test_readme_goes_into_the_packages():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "readme" in project["dynamic"]  # setup.py makes it of README.md; see test_packaging.py


def headings(page):
    """The anchors of a page: those written out, and those that its headings get."""
    text = page.read_text(encoding="utf-8")
    titles = re.findall(r"^#+ (.+)$", FENCED.sub("", text), re.MULTILINE)
    made = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    return made | set(re.findall(r"<a id=['\"]([^'\"]+)['\"]", text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_leads_somewhere(page):
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not target.exists() or (anchor and target.suffix == ".md" and anchor not in headings(target)):
            broken.append(link)
    assert not broken


def test_where_is_a_short_list_of_paths_that_exist():
    text = (REPOSITORY / "docs" / "where.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (.+) \|$", text, re.MULTILINE)
    questions = [row for row in rows if row.split(" | ")[0].endswith("?")]
    assert 15 <= len(questions) <= 26
    for row in rows:
        question, where = row.split(" | ")
        if set(where) == {"-"} or where in ("here", "what is in it"):
            continue
        cell = where if question.endswith("?") else question
        paths = [part for part in re.findall(r"`([^`]+)`", cell) if "/" in part or (REPOSITORY / part).exists()]
        links = [part.split("#")[0] for part in re.findall(r"\]\(([^)]+)\)", cell)]
        assert paths or links, row
        assert [part for part in paths if not (REPOSITORY / part).exists()] == []
        assert [part for part in links if not (REPOSITORY / "docs" / part).exists()] == []


def test_where_names_every_folder_of_the_package():
    text = (REPOSITORY / "docs" / "where.md").read_text(encoding="utf-8")
    folders = [path.parent.name for path in (REPOSITORY / "cgro_theory").glob("*/__init__.py")]
    assert [name for name in folders if f"`cgro_theory/{name}`" not in text] == []


def test_results_show_every_figure_that_they_name():
    text = (REPOSITORY / "docs" / "results.md").read_text(encoding="utf-8")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert len(pictures) >= 12
    assert all((REPOSITORY / "docs" / picture).is_file() for picture in pictures)
