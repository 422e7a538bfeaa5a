"""Executes the user's code: constructs models, guesses constructor arguments, runs main blocks."""
