"""Checks of what a station needs, and the self-test train."""
