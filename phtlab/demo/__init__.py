"""The demonstration: a whole consortium on one machine, with real parts and real data."""
