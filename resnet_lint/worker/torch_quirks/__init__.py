"""All patches of torch, each with the problem that it works around."""
