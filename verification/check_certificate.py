"""Check a certificate again: `python verification/check_certificate.py FILE` (docs/theory/theorem_1.md, 8.3).

Exit codes: 0 accepted, 1 refused, 2 no certificate. The checker needs numpy and python-flint and imports nothing
of this project: `cgro_theory/theorems/theorem_1_feature_learning/certificate/checker` is run alone.
"""

import importlib.util
import sys
import zipfile
import zlib
from pathlib import Path
from types import ModuleType

import numpy as np

THEOREM = Path(__file__).parents[1] / "cgro_theory" / "theorems" / "theorem_1_feature_learning"
FOLDER = THEOREM / "certificate" / "checker"
MALFORMED = (
    *(ArithmeticError, AttributeError, EOFError, LookupError, MemoryError, OSError, RecursionError, RuntimeError),
    *(TypeError, ValueError, zipfile.BadZipFile, zlib.error),
)


def alone(folder: Path) -> ModuleType:
    """The package of a folder under that folder's own name: its files reach each other and nothing around them."""
    spec = importlib.util.spec_from_file_location(folder.name, folder / "__init__.py")
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} is no package")
    package = sys.modules[folder.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    return package


def main(arguments: list[str]) -> int:
    """Print what a certificate file proves; return the exit code."""
    if len(arguments) != 1:
        print("usage: python verification/check_certificate.py FILE", file=sys.stderr)
        return 2
    checker = alone(FOLDER)
    try:
        with np.load(arguments[0], allow_pickle=False) as file:
            data = {name: file[name] for name in file.files}
        proved = checker.check(data)
    except checker.Refused as refusal:
        print(f"REFUSED: {refusal}", file=sys.stderr)
        return 1
    except MALFORMED as error:
        print(f"error: {arguments[0]} is no certificate: {type(error).__name__}: {error}", file=sys.stderr)
        return 2
    print(f"ACCEPTED: {len(data['durations'])} steps, for the network that the file holds, of the setting")
    print(f"  {data['setting']}")
    for name, value in proved.items():
        print(f"  {name}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
