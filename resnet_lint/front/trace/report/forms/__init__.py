"""The forms of a trace; each is a module with a function `report`."""
