"""Computer-assisted proofs of whole trainings (theory.md 8.3)."""
