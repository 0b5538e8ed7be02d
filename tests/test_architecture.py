"""Imports point one way (design.md, section 1); the source is read, so lazy imports count too."""

import ast
from pathlib import Path

import pytest

import cgro_theory

ROOT = Path(cgro_theory.__file__).parent
FOUNDATION = {"errors", "atomic_file", ""}
ALLOWED = {
    "claims": set(),
    "numerics": set(),
    "setting": {"numerics"},
    "trainer": {"setting", "numerics"},
    "vision": {"setting", "numerics"},
    "theorems": {"claims", "numerics", "setting", "trainer", "vision"},
    "report": {"claims"},
    "sweep": {"claims", "setting", "trainer"},
    "calculator": {"theorems", "claims", "numerics", "setting"},
    "schemas": set(),
    "commands": None,
    "cli": None,
    "__main__": None,
}
FILES = sorted(ROOT.rglob("*.py"))


def imported_modules(path):
    """Every module of ours that the file imports, absolute and relative, anywhere in it."""
    package = (ROOT.name, *path.relative_to(ROOT).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == ROOT.name)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            if module.split(".")[0] == ROOT.name:
                yield from (f"{module}.{name.name}" for name in node.names)


def room_of(module):
    parts = module.split(".")[1:]
    return parts[0] if parts and ((ROOT / parts[0]).exists() or (ROOT / f"{parts[0]}.py").exists()) else ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path):
    own = path.relative_to(ROOT).parts[0].removesuffix(".py")
    if own in FOUNDATION or own == "__init__":
        allowed = set()
    else:
        assert own in ALLOWED, f"give {own} its place in the architecture"
        allowed = ALLOWED[own]
    if allowed is None:
        return
    for module in imported_modules(path):
        room = room_of(module)
        assert room in FOUNDATION | {own} | allowed, f"{path.name} imports {module}"


@pytest.mark.parametrize("path", [p for p in FILES if "theorems" in p.parts], ids=str)
def test_a_theorem_imports_lemmas_and_itself_only(path):
    parts = path.relative_to(ROOT / "theorems").parts
    if len(parts) == 1 or parts[0] == "questions":  # the readers' questions are built on the theorems' experiments
        return
    for module in imported_modules(path):
        if module.startswith("cgro_theory.theorems."):
            room = module.split(".")[2]
            assert not room.startswith("theorem_") or room == parts[0], f"{path} imports {module}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_statements_and_predictions_need_no_torch(path):
    if path.name in ("statement.py", "prediction.py") or path.relative_to(ROOT).parts[0] in ("claims", "numerics"):
        assert "torch" not in {
            name.name.split(".")[0]
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for name in (
                [*node.names, ast.alias(node.module or "")] if isinstance(node, ast.ImportFrom) else node.names
            )
        }


def test_no_module_is_a_drawer():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "helpers", "common", "misc"}
