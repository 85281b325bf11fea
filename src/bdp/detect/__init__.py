"""Detect: find what is abnormal."""
