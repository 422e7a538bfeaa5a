"""What both sides need: records, errors, notation. Imports the standard library only."""
