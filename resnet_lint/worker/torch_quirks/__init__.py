"""Every patch of torch, and what it works around."""
