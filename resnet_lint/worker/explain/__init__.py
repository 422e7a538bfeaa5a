"""From a fault of a trace to the failure that a rule reports."""
