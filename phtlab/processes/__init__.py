"""Processes that outlive a command, their marks and their ports."""
