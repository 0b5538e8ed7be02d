"""The networks that are built and counted."""
