"""Writes fixes into the user's source, in the user's own style, and proves them before they are offered."""
