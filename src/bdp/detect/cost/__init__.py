"""Costs: which day of which service of which account costs more than its own past explains, and what comes next."""
