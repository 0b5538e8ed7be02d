"""The loss landscape of real images: the claims landscape.* of theory.md 4.4."""
