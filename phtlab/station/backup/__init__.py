"""Backup and restore of a station, and the comparison with central after it."""
