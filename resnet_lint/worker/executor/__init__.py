"""The executor's torch side: one process a model, started by the front, which gets JSON lines back."""
