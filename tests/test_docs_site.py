"""The documentation site: its checker finds what is broken, and the built site is whole (extra `docs`, slow)."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import cgro_theory
from cgro_theory.commands.sweep_kinds import KINDS

REPOSITORY = Path(__file__).parent.parent
SITE = REPOSITORY / "docs" / "site"


@pytest.fixture
def faults(monkeypatch):
    monkeypatch.syspath_prepend(str(SITE))
    from built_site import faults

    return faults


def test_a_whole_site_has_no_faults(tmp_path, faults):
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.html").write_text(
        '<link rel="stylesheet" href="s.css?v=1"><a href="deep/b.html#one%20two">b</a> <a href="#top">up</a>'
        '<a href="https://arxiv.org/abs/2306.01271">paper</a><h1 id="top">A</h1>'
        '<img src="data:image/png;base64,AA==">'
    )
    (tmp_path / "deep" / "b.html").write_text(
        '<a name="one two"></a><a href="../a.html">a</a><a href="../s.css">s</a>'
    )
    (tmp_path / "s.css").write_text("body { background: url(data:image/png;base64,AA==) }")
    assert faults(tmp_path) == []


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<a href="gone.html">x</a>', "links to gone.html, which is not there"),
        ('<a href="#gone">x</a>', "links to #gone, an anchor which is not there"),
        ('<img src="gone.png">', "loads gone.png, which is not there"),
        ('<script src="https://example.org/x.js"></script>', "loads https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loads //example.org/x.css"),
        ('<img srcset="a.html 1x, https://example.org/x.png 2x">', "loads https://example.org/x.png"),
        ("<style>@import 'https://example.org/x.css';</style>", "loads https://example.org/x.css"),
        ('<p style="background: url(https://example.org/x.png)">', "loads https://example.org/x.png"),
    ],
)
def test_each_fault_is_found(tmp_path, faults, html, fault):
    (tmp_path / "a.html").write_text(html)
    assert faults(tmp_path) == [f"a.html: {fault}"]


def test_a_style_sheet_may_load_nothing_from_elsewhere(tmp_path, faults):
    (tmp_path / "s.css").write_text("@font-face { src: url('https://example.org/x.woff2') }")
    assert faults(tmp_path) == ["s.css: loads https://example.org/x.woff2"]


def test_what_the_site_needs_stays_out_of_the_other_targets():
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    (needing,) = re.findall(r"^(\w+): \$\(DOCS_INSTALLED\)$", text, re.MULTILINE)
    assert needing == "docs"
    assert "[docs" not in text.split("$(INSTALLED): pyproject.toml")[1]


@pytest.mark.slow
def test_the_site_is_built_whole(tmp_path):
    for name in ("sphinx", "myst_parser", "furo", "math_core"):
        pytest.importorskip(name)
    site = tmp_path / "site"
    command = [sys.executable, "-m", "sphinx", "-q", "-E", "-W", "--keep-going", "-c", str(SITE)]
    done = subprocess.run(
        [*command, "-d", str(tmp_path / "doctrees"), str(REPOSITORY), str(site)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert done.returncode == 0, done.stderr
    assert (site / "index.html").read_bytes() == (site / "README.html").read_bytes()
    theorem = (site / "docs" / "theory" / "theorem_1.html").read_text(encoding="utf-8")
    assert theorem.count("<math") > 500
    assert "$`" not in theorem
    parameters = (site / "docs" / "site" / "parameters.html").read_text(encoding="utf-8")
    assert all(f">{each.name}<" in parameters for kind in KINDS.values() for each in kind.parameters)
    api = (site / "docs" / "site" / "api.html").read_text(encoding="utf-8")
    assert all(f'id="cgro_theory.{name}"' in api for name in cgro_theory.__all__)
    assert 'id="cgro-bound-stages"' in (site / "docs" / "site" / "commands.html").read_text(encoding="utf-8")
    assert "robust test error in [0.4" in (site / "docs" / "first_steps.html").read_text(encoding="utf-8")
    for page in [*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")]:
        assert (site / page.relative_to(REPOSITORY).with_suffix(".html")).is_file()
