"""Shapes through the network: the trace, the skip connections in it, what went wrong and how to fix it."""
