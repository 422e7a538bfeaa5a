"""Selects the models of a file to trace, and traces them in order of reliability."""
