"""Commands of `phtlab key`."""
