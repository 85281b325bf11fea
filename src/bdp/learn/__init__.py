"""Learn: remember how each run went."""
