"""Additions and concatenations that work for some input sizes only: found by arithmetic, proved by a trace."""
