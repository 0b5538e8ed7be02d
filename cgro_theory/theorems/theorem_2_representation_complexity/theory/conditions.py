"""What theorem 2's predictions assume of data, networks and the hypercube (theory.md 3.1 to 3.3)."""

from __future__ import annotations

from cgro_theory.claims import Condition

SEPARATED = Condition(
    "separated", "2 * delta < Gamma", "opposite training labels are more than 2δ apart in the p-norm"
)
POPULATION_SEPARATED = Condition(
    "population separated",
    "2 * delta < Gamma_population",
    "opposite labels of the whole population, not only of the sample, are more than 2δ apart in the p-norm",
)
NARROW_RAMP = Condition(
    "narrow ramp",
    "0 < gamma <= delta",
    "indicators fall to 0 within δ of their ball; with the wider ones that the sample allows the claim is false",
)
SMALL_OFFSET = Condition(
    "small offset",
    "0 < tau < delta and 2 * delta < 1",
    "each ball of the hypercube reaches past x_D = 0, and opposite corners stay more than 2δ apart",
)
FEW_ERRORS = Condition(
    "few errors", "0 <= epsilon and 2 * epsilon < 1", "less than half of the corners may be misclassified"
)
