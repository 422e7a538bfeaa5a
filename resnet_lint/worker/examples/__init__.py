"""Finds example inputs for models in the file itself."""
