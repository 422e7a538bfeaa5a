"""Static analysis: finds files, classes and comments without executing code."""
