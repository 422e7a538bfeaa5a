"""Patches of torch and torchvision, each in a module named after the problem that it works around.

Only the interception of `nn.Module.__call__` is elsewhere, in `worker/tracer/intercept.py`.
"""
