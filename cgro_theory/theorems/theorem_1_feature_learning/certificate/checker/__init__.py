"""Re-validates a certificate of one network's training (theory.md 8.3). Needs numpy and Arb; imports nothing else.

    python verification/check_certificate.py FILE

A certificate holds, for each step in time, polynomials p for the state of the reduced flow, and bounds e of their
distance from the true state, linear in time on each of S equal pieces of the step. On every piece this program
bounds the defect |p' - f(p)| and the partial derivatives of f over the box p ± e, and asks that e grow faster than

    |x_i - p_i|' <= J_ii |x_i - p_i| + Σ_j |J_ij| |x_j - p_j| + defect_i        (J_ii with its sign)

lets the true distance grow. Then |x - p| <= e on every piece, and all conclusions follow from p and e. The state
is x = u^(2-q) of the largest u_r(0), and b_kr: how much more of noise patch k neuron r holds than at the start.
"""

from __future__ import annotations

from typing import Any

from .conclusions import conclude as conclude
from .conclusions import require_implied as require_implied
from .reading import Refused as Refused
from .reading import document
from .steps import Checker as Checker
from .steps import Moment as Moment


def check(data: Any) -> dict[str, Any]:
    """Check a whole certificate in this process; what it proves, or :class:`Refused`."""
    checker = Checker(data)
    proved = conclude(checker, checker.check_steps(0, checker.steps))
    require_implied(document(data, "claims"), proved)
    return proved
