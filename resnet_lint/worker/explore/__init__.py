"""Which models of a file are traced, and in which order."""
