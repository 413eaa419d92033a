"""Central's audit log, and the checkpoints that members signed."""
