"""The output formats of a check: modules with a function `report`."""
