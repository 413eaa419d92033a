"""Notifications of people, by mail, webhook and page."""
