"""Checks model objects in the user's process, on a copy, without the sandbox."""
