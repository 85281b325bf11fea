"""Agents: with a model they look things up and say what they found; without one the same look-ups answer by rules."""
