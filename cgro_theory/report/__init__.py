"""The only place that formats: verdict tables, figures, the paper map. Uses the claims vocabulary alone."""
