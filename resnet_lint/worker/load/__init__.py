"""Runs the definitions of a user's file."""
