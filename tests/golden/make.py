"""Make the golden files from oracles: `python tests/golden/make.py`, run from the repository's folder.

Rational arithmetic and mpmath loops only; no code of the package.
"""

import json
import sys
from fractions import Fraction
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER.parent))

import oracles  # noqa: E402


def hitting_times():
    cases = []
    for initial, rate, level, degree in (
        ("0.1", "0.05", "1.0", 2),
        ("0.5", "0.1", "2.0", 3),
        ("0.3", "0.25", "1.2", 4),
        ("0.9", "0.5", "3.0", 5),
        ("0.8", "0.07", "1.0", 3),
    ):
        value, time = Fraction(initial), 0
        while value < Fraction(level):
            value += Fraction(rate) * value ** (degree - 1)
            # Exact to 300 digits: enough, and keeps the numbers short.
            value = Fraction(round(value * 10**300), 10**300)
            time += 1
        cases.append({"initial": initial, "rate": rate, "level": level, "degree": degree, "time": time})
    return {"theorem": "lemmas", "command": "python tests/golden/make.py", "cases": cases}


def descents():
    weights = [[0.21, -0.3, 0.1, 0.4], [-0.12, 0.25, 0.33, -0.2]]
    labels = [1, -1]
    noise = [[[0.0, 0.5, -0.2, 0.1], [0.0, -0.3, 0.4, 0.2]], [[0.0, 0.1, 0.6, -0.4], [0.0, 0.2, -0.1, 0.7]]]
    cases = []
    for degree in (2, 3, 4):
        strength, weight, kappa, rate, steps = 1.5, 0.75, 0.25, 0.125, 12
        signals = [[strength * label, 0.0, 0.0, 0.0] for label in labels]
        final = oracles.descend(weights, signals, noise, labels, degree, weight, kappa, rate, steps)
        cases.append(
            {
                "degree": degree,
                "signal_strength": strength,
                "adversarial_weight": weight,
                "attacked_signal_fraction": kappa,
                "learning_rate": rate,
                "steps": steps,
                "final_weights": final,
            }
        )
    return {
        "theorem": "theorem_1",
        "command": "python tests/golden/make.py",
        "weights": weights,
        "labels": labels,
        "noise": noise,
        "cases": cases,
    }


if __name__ == "__main__":
    for name, content in (("lemmas_hitting_times", hitting_times()), ("theorem_1_descent", descents())):
        (FOLDER / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")
