"""Maps the axes of tensors to the axes of the inputs, by traces at other sizes.

input_axes     the independent axes of the inputs
alter_sizes    a trace with another size of one of them, and the call that fails
find_axes      all of them, and which axes have to agree
inner_models   the parts of a model that run at other sizes, where the model does not
other_orders   a part of a model with one of its permutations in another order
"""
