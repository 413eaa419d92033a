"""Rounds at a station: a kernel that stays, asked for one round after the other."""
