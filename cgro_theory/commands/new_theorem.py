"""``cgro new-theorem``: a package with a theorem, made from the template theorem and its tests."""

from __future__ import annotations

import importlib.util
import keyword
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cgro_theory
from cgro_theory.atomic_file import require_folder
from cgro_theory.claims import ExitCode
from cgro_theory.errors import InvalidFile, InvalidInput
from cgro_theory.theorems.catalogue import TAKEN
from cgro_theory.theorems.plugins import in_the_way, installed
from cgro_theory.theorems.room import LABEL, LABEL_IN_WORDS

TEMPLATE = "gaussian_model"
SUFFIXES = (".py", ".md", ".toml", ".json")


def run_new_theorem(name: str, out: Path) -> ExitCode:
    """Make the folder ``out/name``, whole or not at all, and say what to do next.

    Raises :class:`InvalidInput` for a name that no theorem or no package can have or that is taken, and
    :class:`InvalidFile` where something of that name is there or nothing can be written.
    """
    require_free(name)
    folder = Path(out) / name
    if folder.exists() or folder.is_symlink():
        raise InvalidFile(folder, "is there already; choose another name or folder")
    with tempfile.TemporaryDirectory(dir=require_folder(out), prefix=f".{name}-") as temporary:
        made = Path(temporary) / name
        try:
            for path, text in skeleton(name):
                (made / path).parent.mkdir(parents=True, exist_ok=True)
                (made / path).write_text(text, encoding="utf-8")
            made.rename(folder)
        except OSError as error:
            raise InvalidFile(folder, f"cannot be written: {error.strerror}") from error
    print(
        f"{folder}: the theorem {name} with one claim, its negative control and tests that pass. What to do next:"
    )
    for step in (
        f"cd {folder}",
        'python -m pip install -e ".[test]"',
        "python -m pytest",
        f"cgro verify {name} --out results",
    ):
        print(f"  {step}")
    return ExitCode.PASSED


def require_free(name: str) -> None:
    """Refuse a name that is no label, is taken by a theorem, or is that of a module that can be imported."""
    if not LABEL.fullmatch(name) or name == "all" or keyword.iskeyword(name):
        raise InvalidInput("name", name, LABEL_IN_WORDS)
    owners = dict.fromkeys(TAKEN, "cgro_theory") | {each.label: each.package for each in installed()}
    if other := in_the_way(name, owners):
        raise InvalidInput("name", name, f"free, and {other} is in the way")
    if importlib.util.find_spec(name) is not None:
        raise InvalidInput("name", name, "free, and a module of that name is there")


def skeleton(name: str) -> Iterator[tuple[Path, str]]:
    """The files of the package, by their paths in its folder: the template theorem's, renamed."""
    root = Path(cgro_theory.__file__).parent
    for source, place in ((root / "theorems" / TEMPLATE, Path(name)), (root / "skeleton", Path())):
        for path in sorted(source.rglob("*")):
            target = place / str(path.relative_to(source)).replace(TEMPLATE, name)
            beside = place == Path() and path.name == "__init__.py"  # of the skeleton, not of the theorem
            if path.suffix in SUFFIXES and not beside:
                target = target.with_name("pyproject.toml") if path.suffix == ".toml" else target
                yield target, renamed(path.read_text(encoding="utf-8"), name)


def renamed(text: str, name: str) -> str:
    """The text of a file of the template as it reads in the package ``name``."""
    for old, new in ((f"cgro_theory.theorems.{TEMPLATE}", name), ("cgro_theory/skeleton/", ""), (TEMPLATE, name)):
        text = text.replace(old, new)
    return text
