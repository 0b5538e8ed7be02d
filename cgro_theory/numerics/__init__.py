"""Enclosures, confidence intervals and fitted rates. Knows no machine learning, imports nothing of ours."""
