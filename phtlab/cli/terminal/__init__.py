"""The terminal: output, passphrases, named files and fingerprints that people compare."""
