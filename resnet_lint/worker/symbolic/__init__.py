"""A trace of a model with the sizes of its inputs as symbols: shapes as expressions, and the conditions on them.

symbols            the symbols, on torch's ShapeEnv, and the conditions that a run adds
symbolic_recorder  the recorder of concrete traces, for calls whose shapes are expressions
repeated_blocks    repeated blocks are traced once
symbolic_trace     the trace: both shapes of all nodes, and the conditions

Printing and comparing the expressions is in `sizes/`, what follows from the conditions in `contracts/`.
"""
