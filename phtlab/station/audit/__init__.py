"""The station's own audit log: append, export and verify."""
