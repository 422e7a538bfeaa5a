"""Shapes as expressions: a model that was traced is traced once more, with the sizes of its inputs as symbols.

environment     the symbols, and the conditions that a trace puts on them
recorder        the recorder of concrete traces, listening to calls whose shapes are expressions
trace           a symbolic trace: both shapes of each node, and the conditions
names           what people call the symbols
people          expressions as people write them
"""
