"""Rounds in the sandbox and by hand, and what cells receive, keep and combine in them."""
