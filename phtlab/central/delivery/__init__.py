"""Delivery of notifications by mail and webhook, as each person chose."""
