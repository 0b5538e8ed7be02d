"""What a package with a theorem has beside the theorem's folder; ``cgro new-theorem`` copies it, renamed."""
