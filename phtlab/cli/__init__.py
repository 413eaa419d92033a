"""The `phtlab` command, one file a noun."""
