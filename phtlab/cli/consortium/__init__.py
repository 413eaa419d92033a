"""Commands of `phtlab consortium`, one module per group."""
