"""A station's folder and settings, and the people who work there."""
