"""What a user can set, on the command line and in pyproject.toml."""
