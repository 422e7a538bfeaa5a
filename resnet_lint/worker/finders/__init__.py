"""Finders of silent mistakes."""
