"""The front's side of the worker process."""
