"""Which sample of a batch each value depends on: dye that is followed from call to call."""
