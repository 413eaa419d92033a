"""`phtlab station`, a module a group of commands."""
