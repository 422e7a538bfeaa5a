"""Tracks on which sample of a batch each value depends, by propagating a dye from call to call."""
