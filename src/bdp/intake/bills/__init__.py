"""Bills of cloud providers as cost lines: each format one file, which says what it maps to what."""
