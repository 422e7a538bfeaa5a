"""Converts a fault in a trace to a failure for the rules."""
