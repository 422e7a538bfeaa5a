"""Which fix fits a fault: chosen on the worker side by what the trace shows; `fix/` writes it."""
