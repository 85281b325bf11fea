"""The primary on one machine: a journal in SQLite with its own books."""
