"""What theorem 3 says: the bound's claims (theory.md 4.3) and the image landscape's (4.4). Needs sympy only."""

from __future__ import annotations

from cgro_theory.claims import Claim
from cgro_theory.theorems.landscape.claims import statement as landscape_statement
from cgro_theory.theorems.room import NamedConstant
from cgro_theory.theorems.theorem_3_global_flatness.claims import synthetic_statement

CLAIMS: tuple[Claim, ...] = (*synthetic_statement.CLAIMS, *landscape_statement.CLAIMS)
CONSTANTS: tuple[NamedConstant, ...] = (*synthetic_statement.CONSTANTS, *landscape_statement.CONSTANTS)
