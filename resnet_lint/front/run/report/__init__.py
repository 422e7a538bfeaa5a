"""Turns a run of the executor into text: for people (text, page) and for machines (json)."""
