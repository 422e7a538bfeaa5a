"""Inputs for a model."""
