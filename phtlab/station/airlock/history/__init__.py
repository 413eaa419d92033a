"""What has left the station before: released counts and monthly amounts."""
