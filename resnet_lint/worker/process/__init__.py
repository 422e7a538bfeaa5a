"""Child processes of the worker: their limits, clocks and sandbox."""
