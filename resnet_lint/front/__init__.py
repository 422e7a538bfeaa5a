"""What runs in the tool's own interpreter: commands, options, fixes, reports. Never imports torch or the worker."""
