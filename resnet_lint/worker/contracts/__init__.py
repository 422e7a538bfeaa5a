"""Which arguments and inputs a model takes, as conditions."""
