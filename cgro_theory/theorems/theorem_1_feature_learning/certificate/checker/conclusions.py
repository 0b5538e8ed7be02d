"""Whether what a certificate claims follows from what its steps prove."""

from __future__ import annotations

from typing import Any

import numpy as np

from .reading import Refused


def require_implied(claims: dict[str, Any], proved: dict[str, Any]) -> None:
    """Refuse claims that do not contain what was proved: intervals, and bounds from their own side; and others."""
    if claims.keys() != proved.keys():
        raise Refused("it claims other things than can be checked")
    for name, own in proved.items():
        claimed = np.array(claims[name], dtype=object)
        good = claimed.shape == np.shape(own) and all(type(entry) in (int, float) for entry in claimed.ravel())
        if good and isinstance(own, list):
            pairs = zip(claimed.reshape(-1, 2).tolist(), np.reshape(own, (-1, 2)).tolist(), strict=True)
            good = all(wide[0] <= narrow[0] and narrow[1] <= wide[1] for wide, narrow in pairs)
        elif good:
            good = claims[name] <= own if name == "robust_test_error" else claims[name] >= own
        if not good:
            raise Refused(f"the claim about {name.replace('_', ' ')} does not follow from {own}")
