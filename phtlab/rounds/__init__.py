"""Rounds as whoever combines them sees them: a researcher's kernel, or an aggregator."""
