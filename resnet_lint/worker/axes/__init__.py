"""Which axis of each tensor is which axis of the inputs, by traces at other sizes.

input_axes     the independent axes of a model's inputs
alter_sizes    one of them with another size: the trace, and the call that fails there
find_axes      all of them, and which inputs have to agree
"""
