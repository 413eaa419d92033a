"""Results of a journey: opened, checked, counted and shown."""
