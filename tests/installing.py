"""Packages that are there for one test: modules and the metadata of their entry points on the path."""

import sys

import pytest

from cgro_theory.theorems import catalogue
from cgro_theory.theorems.plugins import GROUP, Plugins

THEOREM = """
from dataclasses import replace
from cgro_theory.theorems.gaussian_model.claims import CHECKED, CONSTANTS, GROWING, figures, gather, parameters
from cgro_theory.theorems.room import Room
(entry,) = CHECKED
def labelled(label, **changes):
    return replace(entry, claim=replace(entry.claim, label=label), **changes)
CHECKED = (labelled("LABEL.robust_error"),)
ROOM = Room("LABEL", "A theorem of a test", "LABEL")
"""
"""The module ``LABEL/__init__.py``, which is also ``LABEL/claims.py`` by what the next line says."""
CLAIMS = "from LABEL import CHECKED, CONSTANTS, GROWING, figures, gather, parameters\n"


@pytest.fixture
def install(tmp_path_factory, monkeypatch):
    """A function that installs a package with one entry point; none is known of any other before and after."""
    folder = tmp_path_factory.mktemp("site")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(catalogue, "_plugins", Plugins(catalogue.TAKEN))
    before = set(sys.modules)

    def installed(label, code="", *, value="", package="", name=""):
        home = name or label
        own = folder / home
        own.mkdir(exist_ok=True)
        (own / "__init__.py").write_text(code.replace("LABEL", label))
        (own / "claims.py").write_text(CLAIMS.replace("LABEL", home))
        describe(folder, package or f"cgro-{label}", label, value or f"{home}:ROOM")

    yield installed
    for module in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[module], "__file__", "")):
            del sys.modules[module]


def describe(folder, package, label, value):
    """The metadata that an installation of ``package`` would leave in ``folder``."""
    metadata = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[{GROUP}]\n{label} = {value}\n")
