"""Selects the fix for a fault from its trace; `front/fix/` writes it."""
