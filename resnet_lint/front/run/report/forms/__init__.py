"""The output formats of a run: modules with a function that renders the report."""
