"""Used by both front and worker: records, errors, notation. Imports the standard library only."""
