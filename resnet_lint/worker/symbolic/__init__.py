"""Shapes as expressions: a model that was traced is traced once more, with the sizes of its inputs as symbols.

environment     the symbols, and the conditions that a trace puts on them
recorder        the recorder of concrete traces, listening to calls whose shapes are expressions
reuse           blocks that repeat are traced once
trace           a symbolic trace: both shapes of each node, and the conditions
names           what people call the symbols
people          expressions as people write them
conditions      guards as quick functions of numbers
oracle          asks the model itself whether it takes inputs of certain sizes
search          which sizes it takes, by the guards and the oracle
describe        a set of sizes in words
contract        the input contract that comes of it
any_size        the proof that additions work for all sizes
"""
