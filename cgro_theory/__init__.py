"""The CGRO theory lab: the claims of arXiv 2306.01271 made computable, measured and judged."""

__version__ = "0.1.0"
