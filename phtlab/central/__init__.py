"""Central: stores and forwards. Trusted with availability, never with content."""
