"""The executor: runs a model on the hardware at hand, as it is and fixed, and reports what was measured."""
