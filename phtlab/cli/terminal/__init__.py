"""The terminal: output, passphrases, named files and fingerprint checks."""
