"""Theorem 1: adversarial training learns the feature partially and memorizes the noise exactly."""
