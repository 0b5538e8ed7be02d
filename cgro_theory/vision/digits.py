"""The 1,797 handwritten digits that come with scikit-learn: 8 by 8 pixels, 17 grey levels."""

from __future__ import annotations

import numpy as np

from cgro_theory.vision.labelled_images import ImageData, LabelledImages

_GREY_LEVELS = 16.0


def load_digits_images() -> ImageData:
    """The digits as one pool, pixels divided by 16 so that they lie in [0, 1]."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pixels = (np.asarray(bunch.images) / _GREY_LEVELS).astype(np.float32)[:, None]
    return ImageData(LabelledImages("digits", pixels, np.asarray(bunch.target).astype(np.int64), 10))
