"""Aggregate cells, run over a journey's results."""
