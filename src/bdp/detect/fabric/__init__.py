"""Fabrics: what the samples and port counters of an InfiniBand network say about it."""
