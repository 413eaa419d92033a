"""Central's HTTP API: access, routes and event streams."""
