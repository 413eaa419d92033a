"""One person's workspace on the hub: what central reports, and what is asked of it."""
