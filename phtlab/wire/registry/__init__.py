"""The client of an OCI registry, and what phtlab keeps there."""
