"""Renders the results of the executor as text, HTML and JSON."""
