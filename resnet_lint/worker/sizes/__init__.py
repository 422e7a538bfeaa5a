"""Sizes as expressions, and additions and concatenations that work for some input sizes only.

Symbolic traces (`symbolic/`) use the same sympy expressions:

size_expressions  their normal form
print_sizes       their text
compiled_sizes    compiles conditions to functions of numbers
axis_letters      the letters of an input's axes
axis_names        the names of symbols by these letters
periodic_sizes, size_conditions  a set of sizes as a condition: `H % 32 == 0`

Joins that work for some sizes only are found by arithmetic without sympy, and confirmed by traces:

input_size        a size that depends on one of the input's
follow_sizes      such sizes of all tensors of a concrete trace
unlike_joins      joins of different sizes
other_sizes       traces of the same model at other sizes
sizes_of_block    the condition in terms of the block's own input
failing_sizes     the sizes that would work, for joins that fail
size_limits       the sizes that would fail, for joins that work
"""
