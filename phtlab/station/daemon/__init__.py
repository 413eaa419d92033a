"""The station's daemon: its loop, its lock, and what it reports to central."""
