"""Imports point one way (design.md, section 1); the source is read, so lazy imports count too."""

import ast
from pathlib import Path

import cgro_theory

ROOT = Path(cgro_theory.__file__).parent
FOUNDATION = {"errors", "array_archive", "atomic_file", "interrupts", "parameter", "tables", ""}
"""What every folder may import, and what imports nothing of ours."""
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
    "testing": {"theorems", "claims"},
    "skeleton": {"testing", "theorems", "claims"},
    "__init__": {"api"},
    "api": None,
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


def test_imports_point_one_way():
    offenders = []
    for path in FILES:
        own = path.relative_to(ROOT).parts[0].removesuffix(".py")
        allowed = set() if own in FOUNDATION else ALLOWED[own]
        if allowed is None:
            continue
        for module in imported_modules(path):
            if room_of(module) not in FOUNDATION | {own} | allowed:
                offenders.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not offenders


def theorem_files():
    """(file, name of its theorem's folder, name of the folder in it), for every module inside a theorem."""
    for path in FILES:
        parts = path.relative_to(ROOT).parts
        if parts[0] == "theorems" and len(parts) > 2:
            yield path, parts[1], parts[2].removesuffix(".py")


def test_a_theorem_imports_lemmas_and_itself_only():
    offenders = []
    for path, theorem, _ in theorem_files():
        if theorem == "questions":  # the readers' questions are built on the theorems' experiments
            continue
        for module in imported_modules(path):
            parts = module.split(".")
            if parts[1] == "theorems" and parts[2].startswith("theorem_") and parts[2] != theorem:
                offenders.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not offenders


INSIDE = ("theory", "networks", "certificate", "runs", "claims")
"""The folders of a theorem, in the order in which they may import each other."""


def test_inside_a_theorem_arrows_run_from_claims_to_theory():
    offenders = []
    for path, theorem, folder in theorem_files():
        for module in imported_modules(path):
            parts = module.split(".")
            if parts[1] != "theorems" or len(parts) < 4 or parts[3] not in INSIDE or folder not in INSIDE:
                continue
            same = parts[2] == theorem
            if same and INSIDE.index(parts[3]) > INSIDE.index(folder):
                offenders.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not offenders


def external_modules(path):
    """The top-level names of what the file imports from elsewhere, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name.split(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.split(".")[0]


def test_theory_needs_neither_torch_nor_sympy():
    folders = {path for path, _, folder in theorem_files() if folder == "theory"}
    rooms = {path for path in FILES if path.relative_to(ROOT).parts[0] in ("claims", "numerics", "calculator")}
    offenders = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted(folders | rooms)
        for name in {"torch", "sympy"} & set(external_modules(path))
        if not (name == "sympy" and path.relative_to(ROOT).parts[0] == "claims")
    ]
    assert not offenders


def test_no_module_is_a_drawer():
    names = {path.stem for path in FILES}
    assert not names & {"utils", "helpers", "common", "misc"}


def test_no_module_is_longer_than_350_lines():
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    assert not {name: lines for name, lines in long.items() if lines > 350}
