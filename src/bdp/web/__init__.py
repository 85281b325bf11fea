"""Web: the HTTP face, one file a noun."""
