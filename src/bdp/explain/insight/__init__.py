"""Insights by a model: what it is asked about samples, and what of its answers may be shown."""
