"""Mend: the durable workflow of one incident, from the analysis to the undo of what did not help."""
