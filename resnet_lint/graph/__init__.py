"""What a rule sees of a traced model."""
