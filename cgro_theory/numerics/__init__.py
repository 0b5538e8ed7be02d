"""Ball arithmetic, confidence intervals, power and seeds. Knows no machine learning."""
