"""Models that are there already, in the user's own process: checked on a copy, without a guard."""
