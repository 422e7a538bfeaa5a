"""Reads Python without running it: which files, which classes. Knows no torch."""
