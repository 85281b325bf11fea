"""Decide: act, ask or hand over."""
