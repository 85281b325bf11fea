"""Sinks behind the primary: they hold batches while it is away."""
