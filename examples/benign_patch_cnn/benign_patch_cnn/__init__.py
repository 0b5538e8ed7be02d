"""The boundary of benign overfitting on patch data: another paper's theorem, as a plug-in (README.md)."""

from cgro_theory.theorems.room import Room

ROOM = Room("benign_patch_cnn", "Benign overfitting on patch data", "benign_patch_cnn")
