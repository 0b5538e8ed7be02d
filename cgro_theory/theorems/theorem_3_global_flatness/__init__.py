"""Theorem 3: the robust generalization gap is bounded by the global flatness of the loss over the input."""
