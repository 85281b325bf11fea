"""Intake: take records in: read, validate, give them one shape."""
