"""The loss landscape of real images (theory.md 4.4)."""
