"""Checks of what a station needs, local trains, and the self-test."""
