"""What a change does, read from its diff: which settings it alters, which structure it adds or takes away."""
