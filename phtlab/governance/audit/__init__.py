"""The audit log as values: a hash chain, its export and its verification. Pure."""
