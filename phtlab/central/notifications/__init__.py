"""Notifications that are due to people, kept until they are delivered."""
