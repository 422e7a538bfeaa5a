"""The typed graph of a traced model, which rules read."""
