"""Traces a forward pass on meta tensors: records all calls, and confirms and recovers from failing ones."""
