"""What runs in the interpreter of the user's project: it loads, builds, feeds and traces models.

Needs torch and the standard library only.
"""
