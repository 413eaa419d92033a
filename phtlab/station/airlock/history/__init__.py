"""What the station has released before: counts and monthly amounts."""
