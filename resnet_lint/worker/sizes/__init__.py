"""Sizes as expressions, and the additions and concatenations that work for some input sizes only.

The expressions, of sympy, are those of a trace with symbols (`symbolic/`) as well:

size_expressions  their normal form
print_sizes       their text, the only place that writes one
compiled_sizes    the same as functions of numbers
axis_names        the letters of an input's axes
periodic_sizes, size_conditions  a set of sizes as a condition: `H % 32 == 0`

The joins that work for some sizes only are found by arithmetic, and proved by traces:

follow_sizes      the sizes of all tensors of a concrete trace, as expressions of the input's
unlike_joins      joins of unlike expressions
other_sizes       traces of the same model at other sizes
sizes_of_block    the condition in terms of the block's own input
failing_sizes     for joins that failed: the sizes that would work
size_limits       for joins that worked: the sizes that would fail
"""
