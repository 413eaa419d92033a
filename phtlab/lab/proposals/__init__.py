"""Proposals on the researcher's side."""
