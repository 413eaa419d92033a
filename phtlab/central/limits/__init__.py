"""Limits on requests, connections and daily amounts."""
