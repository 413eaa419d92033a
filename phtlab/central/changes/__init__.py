"""Changes of the database, reported to the requests that wait for them."""
