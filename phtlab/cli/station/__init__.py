"""Commands of `phtlab station`, one module per group."""
