"""The torch side of the executor: one process per model, started by the front, which writes JSON lines."""
