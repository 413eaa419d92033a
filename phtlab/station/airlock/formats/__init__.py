"""Readers of the formats in which outputs may leave; each treats its input as hostile."""
