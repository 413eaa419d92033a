"""Central's own log, and the checkpoints that members signed of it."""
