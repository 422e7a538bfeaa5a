"""Writes fixes into the user's source in the style of the file, and verifies them."""
