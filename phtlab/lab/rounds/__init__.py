"""Rounds that are combined in the researcher's kernel: their key, their state, and their loop."""
