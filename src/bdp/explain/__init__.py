"""Explain: say what an incident means, in claims that code has checked."""
