"""Processes that outlive a run, and keep torch or the whole tool loaded for the next ones."""
