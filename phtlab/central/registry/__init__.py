"""Access to the OCI registry: scopes and tokens."""
