"""The executor: runs a model on real hardware, before and after the fix, and reports the measurements."""
