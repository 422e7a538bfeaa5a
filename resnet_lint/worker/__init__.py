"""The part of the tool that runs in the interpreter of the user's project: it loads, constructs and traces models.

Requires torch and the standard library only.
"""
