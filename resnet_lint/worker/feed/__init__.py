"""Guesses inputs for a model."""
