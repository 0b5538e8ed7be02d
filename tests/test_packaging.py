"""What is released: one version, a README for an index, wheels that know their commit and need no torch."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import cgro_theory
from cgro_theory.commands import environment
from cgro_theory.errors import EXTRAS, MissingExtra

REPOSITORY = Path(__file__).parent.parent
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def cited(name):
    text = (REPOSITORY / "CITATION.cff").read_text(encoding="utf-8")
    return re.search(rf'^ *(?:- )?{name}: "?([^"\n]+)"?$', text, re.MULTILINE)[1]


def test_version_date_and_names_are_the_same_everywhere():
    codemeta = json.loads((REPOSITORY / "codemeta.json").read_text(encoding="utf-8"))
    version, date = cgro_theory.__version__, cited("date-released")
    assert (codemeta["version"], cited("version")) == (version, version)
    assert codemeta["dateModified"] == date
    assert f"\n## {version} ({date})\n" in (REPOSITORY / "CHANGELOG.md").read_text(encoding="utf-8")
    for name in ("description", "keywords"):
        assert codemeta[name] == PROJECT[name]
    assert codemeta["identifier"] == PROJECT["name"]
    assert codemeta["license"].endswith(f"/{PROJECT['license']}")
    assert codemeta["license"].endswith(f"/{cited('license')}")
    assert codemeta["runtimePlatform"] == f"Python {PROJECT['requires-python']}"
    names = {PROJECT["authors"][0]["name"], codemeta["author"][0]["name"], cited("name")}
    assert names == {"The CGRO theory lab contributors"}
    urls = {PROJECT["urls"]["Paper"], codemeta["referencePublication"]["url"], cited("url")}
    assert len(urls) == 1
    assert codemeta["name"] == cited("title")


def hooks():
    pytest.importorskip("setuptools")
    spec = importlib.util.spec_from_file_location("hooks_of_setup", REPOSITORY / "setup.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_of_an_index_has_no_link_that_leads_nowhere():
    for_an_index = hooks().for_an_index
    plain = for_an_index(README, None)
    targets = re.findall(r"\]\(([^)\s]+)\)", plain)
    assert targets
    assert all(target.startswith("https://") for target in targets)
    assert "calculator (`docs/calculator.md`)" in plain
    assert "memorized: figure `verification/recorded/theorem_1_three_stages.png`" in plain
    linked = for_an_index(README, "https://example.org/lab")
    assert "[calculator](https://example.org/lab/docs/calculator.md)" in linked
    assert len(re.findall(r"\]\(", linked)) == len(re.findall(r"\]\(", README))


def test_an_installed_package_knows_its_commit(monkeypatch, tmp_path):
    package = tmp_path / "cgro_theory"
    package.mkdir()
    monkeypatch.setattr(cgro_theory, "__file__", str(package / "__init__.py"))
    assert environment.describe_environment("cpu").commit == "unknown"
    subprocess.run(["git", "init", "--quiet", tmp_path.parent], check=True)  # another project's, further up
    assert environment.describe_environment("cpu").commit == "unknown"
    (package / "commit.txt").write_text("v0.2.0-3-gabc\n")
    assert environment.describe_environment("cpu").commit == "v0.2.0-3-gabc"


def test_every_extra_is_one_of_the_project():
    assert set(EXTRAS.values()) <= set(PROJECT["optional-dependencies"])
    required = " ".join(PROJECT["dependencies"])
    assert not [name for name in ("torch", "scikit-learn", "distributed", "pandas") if name in required]


WITHOUT_TORCH = """
import sys
from importlib.machinery import PathFinder

class Bare(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in ("torch", "sklearn") else super().find_spec(name, path, target)

import cgro_theory
sys.meta_path[:] = [Bare if finder is PathFinder else finder for finder in sys.meta_path]
from cgro_theory.cli import main
from cgro_theory.errors import MissingExtra
from cgro_theory.theorems.catalogue import ROOMS
from cgro_theory.theorems.room import RunRequest

def code(*words):
    try:
        main(list(words))
    except SystemExit as end:
        return end.code

symmetry = ROOMS[0].checked[1]
assert symmetry.label == "lemmas.odd_symmetry"
assert "torch" not in sys.modules
for words in (["verify", "all", "--out", "o"], ["landscape"], ["sweep", "g.toml"]):
    assert code(*words) == 2
assert code("simulate", "--dimension", "1e6", "--samples", "3", "--width", "4", "--runs", "1", "--quiet") == 0
assert code("simulate", "--dimension", "300", "--samples", "2", "--method", "descent", "--quiet") == 2
request = RunRequest("quick", 0, "cpu", frozenset(), lambda doing, done: None)
for needs_torch in (
    lambda: symmetry.check(ROOMS[0].content.gather(request), 0.1),
    lambda: cgro_theory.verify("lemmas"),
    lambda: cgro_theory.simulate(cgro_theory.PatchSetting.version_1(1000), method="descent"),
):
    try:
        needs_torch()
    except MissingExtra as missing:
        assert missing.module == "torch"
    else:
        raise AssertionError("ran without torch")
"""


def test_claims_are_read_without_torch_and_training_names_the_extra(tmp_path):
    (tmp_path / "g.toml").write_text('[sweep]\nkind = "simulate"\n[grid]\ndimension = [1000]\n')
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH],
        env={"PYTHONPATH": str(REPOSITORY), "PATH": "/usr/bin:/bin"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.splitlines() == [f"error: {MissingExtra('torch')}"] * 4
    assert [path.name for path in tmp_path.iterdir()] == ["g.toml"]


def shell(*words, cwd):
    return subprocess.run(words, cwd=cwd, capture_output=True, text=True, check=True, timeout=600).stdout


@pytest.mark.slow
def test_a_wheel_of_a_clone_works_without_extras(tmp_path):
    """From a source distribution, in a new environment: it names the commit, has its data and needs no torch."""
    clone, bare = tmp_path / "clone", tmp_path / "bare"
    shell("git", "clone", "--quiet", str(REPOSITORY), str(clone), cwd=tmp_path)
    commit = shell("git", "describe", "--always", cwd=clone).strip()
    shell(sys.executable, "-m", "venv", str(bare), cwd=tmp_path)
    python, cgro = str(bare / "bin" / "python"), str(bare / "bin" / "cgro")
    shell(python, "-m", "pip", "install", "--quiet", *PROJECT_BUILD, cwd=tmp_path)
    build = "from setuptools import build_meta; build_meta.build_sdist('../dist')"
    shell(python, "-c", build, cwd=clone)
    (source,) = (tmp_path / "dist").glob("*.tar.gz")
    shell(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", "dist", str(source), cwd=tmp_path)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert set(shell("git", "ls-files", "cgro_theory", cwd=clone).split()) <= set(names)
    shell(
        python, "-m", "pip", "install", "--quiet", "-c", str(clone / "constraints.txt"), str(wheel), cwd=tmp_path
    )
    assert "torch" not in shell(python, "-m", "pip", "list", cwd=tmp_path)
    assert zipfile.ZipFile(wheel).read("cgro_theory/commit.txt").decode().strip() == commit
    for question in (
        "stages --dimension 1e9",
        "stages --dimension 1e6 --seed 884101",
        "test-error --signal-margin 14 --attacked-fraction 0.001 --covariance-scale 1e-4",
        "memorizer --dimension 3072 --samples 50000 --norm-order inf",
        "robust-size --dimension 10 --samples 100",
        "flatness --dimension 2 --samples 1e4 --flatness 1 --gradient-variation 1",
    ):
        assert shell(cgro, "bound", *question.split(), cwd=tmp_path)
    assert "theorem_1.signal_time" in shell(cgro, "claims", cwd=tmp_path)
    recorded = REPOSITORY / "verification" / "recorded"
    shell(cgro, "report", str(recorded), "--out", "report.html", cwd=tmp_path)
    assert "negative controls refuted" in shell(cgro, "show", str(recorded), cwd=tmp_path)
    shell(cgro, "certify", "--dimension", "1e6", "--samples", "2", "--width", "3", cwd=tmp_path)


PROJECT_BUILD = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["build-system"][
    "requires"
]
