"""Proofs that a built network is robust."""
