"""Bursts: too many abnormal events of one key in a window of event time."""
