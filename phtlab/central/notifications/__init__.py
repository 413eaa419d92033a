"""Notifications to people, stored until they are delivered."""
