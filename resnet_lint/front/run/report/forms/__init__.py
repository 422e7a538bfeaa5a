"""The forms of a run's report; each is a module with a function `report`."""
