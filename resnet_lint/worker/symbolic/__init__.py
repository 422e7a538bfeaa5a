"""Symbolic traces: shapes as expressions of the input sizes, and the conditions on them.

symbols            the symbols, based on torch's ShapeEnv, and the conditions that a run adds
symbolic_recorder  the recorder of concrete traces, for calls whose shapes are expressions
repeated_blocks    repeated blocks are traced once
symbolic_trace     the trace: both shapes of all nodes, and the conditions

`sizes/` prints and compares the expressions, `contracts/` interprets the conditions.
"""
