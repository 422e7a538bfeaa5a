"""The worker's processes: children, limits, clocks and the guard."""
