"""The client of the worker process, and the cache of its results."""
