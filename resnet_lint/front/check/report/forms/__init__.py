"""The forms of a check's report; each is a module with a function `report`."""
