"""Act: do it, check it, undo it."""
