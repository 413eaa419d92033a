"""`phtlab consortium`, a module a group of commands."""
