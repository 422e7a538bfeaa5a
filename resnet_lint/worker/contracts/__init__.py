"""Which arguments and inputs a model accepts, as conditions."""
