"""Derives conditions for the arguments and inputs that a model accepts."""
