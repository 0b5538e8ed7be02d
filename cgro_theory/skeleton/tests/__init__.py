"""Tests of the template theorem, here and in every package that is made from it."""
