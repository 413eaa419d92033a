"""Measurements next to others and next to ourselves, on the real parts: see README.md."""
