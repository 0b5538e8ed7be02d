"""Make the golden file, with mpmath only: `python cgro_theory/skeleton/tests/golden/make_gaussian_model.py`."""

import json
from pathlib import Path

import mpmath


def main() -> None:
    """Write the file beside this program."""
    mpmath.mp.dps = 40
    cases = []
    for weights, mean, noise_std, radius in (
        ([1, -2, 0.5], [0.25, -1, 2], 1.5, 0.125),
        ([0.0, 3.0], [1.0, 1.0], 0.5, 0.0),
        ([1, 1, 1, 1], [2, 2, 2, 2], 0.25, 0.5),
    ):
        w, theta = [mpmath.mpf(x) for x in weights], [mpmath.mpf(x) for x in mean]
        shift = mpmath.mpf(radius) * sum(abs(x) for x in w) - sum(a * b for a, b in zip(w, theta, strict=True))
        scale = mpmath.mpf(noise_std) * mpmath.sqrt(sum(x * x for x in w))
        error = mpmath.quad(lambda t: mpmath.exp(-t * t / 2), [-mpmath.inf, shift / scale])
        error /= mpmath.sqrt(2 * mpmath.pi)
        cases.append(
            {
                "weights": weights,
                "mean": mean,
                "noise_std": noise_std,
                "perturbation_radius": radius,
                "robust_error": mpmath.nstr(error, 20),
            }
        )
    command = "python cgro_theory/skeleton/tests/golden/make_gaussian_model.py"
    document = {"theorem": "gaussian_model", "command": command, "cases": cases}
    (Path(__file__).parent / "gaussian_model.json").write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
