"""Models together with inputs for them, where the file itself offers both."""
