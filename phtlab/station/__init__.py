"""The station: verify, admit, run, airlock, seal, depart."""
