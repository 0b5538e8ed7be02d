"""Check a certificate again: `python verification/check_certificate.py FILE` (docs/theory/theorem_1.md, 8.3).

Exit codes: 0 accepted, 1 refused, 2 no certificate. The checker needs numpy and python-flint and imports nothing
of this project; it is `cgro_theory/theorems/theorem_1_feature_learning/certificate/checker.py`.
"""

import runpy
import sys
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "cgro_theory" / "theorems" / "theorem_1_feature_learning" / "certificate"

if __name__ == "__main__":
    sys.exit(runpy.run_path(str(FOLDER / "checker.py"))["main"](sys.argv[1:]))
