"""Locate: where a failure began, from arrays alone.

onset   the first point of the clearest shift of one series
sense   what a metric measures and which way is bad, from the words of its name
graph   who calls whom; own time and lost time of calls, from spans
spans   where the time of calls goes: own time, and time lost on the way
rank    the first failing node and who suffers from it
"""
