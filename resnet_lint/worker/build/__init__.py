"""Runs the user's Python, guarded: how to load a file, what to build, what to feed it."""
