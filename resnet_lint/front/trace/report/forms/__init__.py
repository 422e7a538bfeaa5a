"""The output formats of a trace: modules with a function `report`."""
