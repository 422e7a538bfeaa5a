"""Frozen records that front and worker exchange."""
