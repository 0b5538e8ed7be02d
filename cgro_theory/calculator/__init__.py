"""The bound calculator: the theorems' numbers for a reader's own parameters, without training and without torch.

One module per quantity, each with one function that returns an :class:`~cgro_theory.calculator.answer.Answer`:
:mod:`stages`, :mod:`fresh_point` (test errors), :mod:`memorizer`, :mod:`robust_size`, :mod:`flatness`. The command
``cgro bound`` prints the same values. docs/calculator.md shows all of them.
"""
