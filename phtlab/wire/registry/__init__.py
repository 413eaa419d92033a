"""The client of an OCI registry, and the artifacts that phtlab stores in it."""
